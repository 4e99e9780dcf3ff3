"""A teacher's word on the kiosk, and codes that two kiosks accepted."""

import uuid
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import EventKind, EventMethod
from server.attendance.register import (
    AttendanceStatus,
    Judgement,
    RegisterEvent,
    derive_register,
)
from server.attendance.replays import CodeUseEvent, replays_among
from tests.unit.server.attendance.test_register import (
    ADA,
    AFTERWARDS,
    DOOR,
    REPORTED,
    START,
    WINDOW,
    watching,
)

OTHER = uuid.UUID(int=51)


def event(number: int, minutes: float, **more: object) -> RegisterEvent:
    return RegisterEvent(
        counted_at=START + timedelta(minutes=minutes),
        event_id=uuid.UUID(int=number),
        kiosk_id=DOOR,
        person_id=ADA,
        **more,  # type: ignore[arg-type]
    )


def word(number: int, minutes: float, status: str) -> RegisterEvent:
    return event(
        number,
        minutes,
        kind=EventKind.ROLL_CALL.value,
        method=EventMethod.TEACHER.value,
        shown_status=status,
    )


def taken_back(number: int, minutes: float, of: int) -> RegisterEvent:
    return event(number, minutes, kind=EventKind.NOT_ME.value, refers_to=uuid.UUID(int=of))


def judged(*events: RegisterEvent) -> Judgement:
    (mark,) = derive_register([ADA], events, WINDOW, watches=watching(REPORTED), at=AFTERWARDS)
    return mark


@pytest.mark.parametrize("status", ["present", "late"])
@pytest.mark.parametrize("minutes", [-5, 0, 20, 44])
def test_the_status_is_the_teachers_word_not_the_time(status: str, minutes: float) -> None:
    mark = judged(word(1, minutes, status))
    assert (mark.status, mark.method) == (status, "teacher")
    assert mark.shown_status is None


def test_a_word_outside_the_lesson_does_not_count() -> None:
    assert judged(word(1, 600, "present")).status == AttendanceStatus.NOT_SEEN


def test_a_teachers_word_is_stronger_than_the_camera() -> None:
    seen = event(1, 0)
    assert judged(seen, word(2, 10, "late")).status == AttendanceStatus.LATE
    assert judged(seen, word(2, 10, "late")).first_seen_at == seen.counted_at
    assert judged(event(1, 30), word(2, 10, "present")).status == AttendanceStatus.PRESENT


def test_the_newest_word_counts_and_one_taken_back_does_not() -> None:
    words = (word(1, 5, "present"), word(2, 6, "late"))
    assert judged(*words).status == AttendanceStatus.LATE
    assert judged(*words, taken_back(3, 7, 2)).status == AttendanceStatus.PRESENT
    both = (taken_back(3, 7, 2), taken_back(4, 7, 1))
    assert judged(*words, *both).status == AttendanceStatus.NOT_SEEN


def test_a_replay_does_not_count_and_is_named() -> None:
    seen = event(1, 0, method=EventMethod.QR.value, is_replay=True)
    mark = judged(seen)
    assert mark.status == AttendanceStatus.NOT_SEEN
    assert mark.replays == (seen,)


def test_of_one_code_at_two_kiosks_the_earliest_use_counts() -> None:
    first = event(1, 0)
    again = RegisterEvent(first.counted_at + timedelta(seconds=5), uuid.UUID(int=2), OTHER, ADA)
    for order in permutations([CodeUseEvent("c", first), CodeUseEvent("c", again)]):
        assert replays_among(order) == {again.key}
    assert replays_among([CodeUseEvent("c", first), CodeUseEvent("d", again)]) == set()


def test_a_use_that_marked_nobody_takes_no_mark_away() -> None:
    wrong_door = CodeUseEvent("c", event(1, 0), is_mark=False)
    later = RegisterEvent(
        wrong_door.event.counted_at + timedelta(seconds=20), uuid.UUID(int=2), OTHER, ADA
    )
    for order in permutations([wrong_door, CodeUseEvent("c", later)]):
        assert replays_among(order) == {wrong_door.event.key}


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(0, 5), st.sampled_from([DOOR, OTHER]), st.booleans()
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_arrival_changes_nothing(
    uses: list[tuple[str, int, uuid.UUID, bool]], random: object
) -> None:
    made = [
        CodeUseEvent(
            code,
            RegisterEvent(START + timedelta(seconds=at), uuid.UUID(int=n), kiosk, ADA),
            is_mark,
        )
        for n, (code, at, kiosk, is_mark) in enumerate(uses)
    ]
    shuffled = list(made)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    found = replays_among(made)
    assert replays_among(shuffled) == found
    for code in "abc":
        ours = [one for one in made if one.code == code]
        counted = [one for one in ours if one.event.key not in found]
        assert len({one.event.kiosk_id for one in counted}) == min(1, len(ours))
        if any(one.is_mark for one in ours):
            assert any(one.is_mark for one in counted)
