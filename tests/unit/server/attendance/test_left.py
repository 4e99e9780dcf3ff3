"""Who left, when, and how early; and that leaving counts as having been there."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import window_of
from server.attendance.register import (
    AttendanceStatus,
    Judgement,
    KioskWatch,
    RegisterEvent,
    derive_register,
)
from tests.unit.server.attendance.test_register import (
    ADA,
    AFTERWARDS,
    DOOR,
    END,
    POLICY,
    START,
    WINDOW,
    line,
    not_me,
    seen,
)

CLOSING = window_of(START, END, POLICY.model_copy(update={"closes_after_start_min": 10}))


def closing_line(*sightings: RegisterEvent) -> Judgement:
    watches = [KioskWatch(DOOR, END, END)]
    (mark,) = derive_register([ADA], sightings, CLOSING, watches=watches, at=AFTERWARDS)
    return mark


def test_one_who_left_early_was_present_and_left() -> None:
    mark = line(seen(1, direction="in"), seen(20, direction="out"))
    assert (mark.status, mark.first_seen_at) == ("present", START + timedelta(minutes=1))
    assert (mark.left_at, mark.left_early_min) == (START + timedelta(minutes=20), 25)


def test_one_who_leaves_in_leaving_time_does_not_leave_early() -> None:
    mark = line(seen(1, direction="in"), seen(36, direction="out"))
    assert (mark.left_at, mark.left_early_min) == (START + timedelta(minutes=36), 0)


@pytest.mark.parametrize("last", ["in", None, "invented"])
def test_one_who_came_back_did_not_leave(last: str | None) -> None:
    mark = line(seen(20, direction="out"), seen(30, direction=last))
    assert (mark.left_at is None) == (last == "in")


def test_a_leaving_that_was_taken_back_counts_for_nothing() -> None:
    wrong = seen(20, direction="out")
    assert line(seen(1, direction="in"), wrong, not_me(wrong, 21)).left_at is None


def test_a_replayed_leaving_counts_for_nothing() -> None:
    assert line(seen(1), seen(20, direction="out", is_replay=True)).left_at is None


def test_a_teachers_word_says_nothing_of_leaving() -> None:
    word = seen(25, kind="roll_call", shown_status="present")
    mark = line(seen(1, direction="in"), seen(20, direction="out"), word)
    assert (mark.status, mark.left_at) == ("present", START + timedelta(minutes=20))


@pytest.mark.parametrize(
    ("minute", "direction", "status"),
    [(30, "out", "late"), (30, "in", "not_seen"), (30, None, "not_seen"), (45, "out", "not_seen")],
)
def test_one_who_only_left_was_there_within_the_lesson(
    minute: float, direction: str | None, status: str
) -> None:
    assert closing_line(seen(minute, direction=direction)).status == status


def test_staying_after_check_in_has_closed_takes_back_the_leaving() -> None:
    mark = closing_line(seen(36, direction="out"), seen(37, direction="in"))
    assert (mark.status, mark.left_at) == ("late", None)


_events = st.lists(
    st.tuples(st.integers(-20, 50), st.sampled_from([None, "in", "out", "up"])), max_size=8
)


@given(_events)
def test_events_without_out_are_judged_as_if_there_were_no_directions(
    drawn: list[tuple[int, str | None]],
) -> None:
    events = [seen(minute, direction=word) for minute, word in drawn if word != "out"]
    plain = [replace(one, direction=None) for one in events]
    assert closing_line(*events) == closing_line(*plain)


@given(_events, st.randoms(use_true_random=False))
def test_who_leaves_in_the_lesson_is_never_absent_and_order_changes_nothing(
    drawn: list[tuple[int, str | None]], chance: object
) -> None:
    events = [
        seen(minute, direction=word, event_id=uuid.UUID(int=number))
        for number, (minute, word) in enumerate(drawn)
    ]
    mark = closing_line(*events)
    mixed = list(events)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert closing_line(*mixed) == mark
    has_left = any(one.direction == "out" and WINDOW.is_open(one.counted_at) for one in events)
    assert not (has_left and mark.status == AttendanceStatus.NOT_SEEN)
    assert mark.left_at is None or mark.last_seen_at is not None
