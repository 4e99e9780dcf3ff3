"""What people decide: order, repetition and lateness change nothing; an undo restores exactly."""

import random
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import AttendancePolicy, window_of
from server.attendance.decisions.undo import restored, void_batches
from server.attendance.register import (
    ATTENDED,
    CORRECTABLE,
    AttendanceStatus,
    Decisions,
    Judgement,
    KioskWatch,
    RegisterEvent,
    Ruling,
    derive_register,
    minutes_present,
)

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
END = START + timedelta(minutes=45)
WINDOW = window_of(START, END, AttendancePolicy(absent_grace_min=10))
PEOPLE = [uuid.UUID(int=number) for number in (1, 2, 3)]
ADA = PEOPLE[0]
DOOR, BACK = uuid.UUID(int=100), uuid.UUID(int=101)
SETTLED = [KioskWatch(DOOR, END, END)]
AFTERWARDS = END + timedelta(hours=1)

_minutes = st.integers(-30, 90).map(lambda minute: START + timedelta(minutes=minute))
_events = st.lists(
    st.builds(
        RegisterEvent,
        counted_at=_minutes,
        event_id=st.integers(1, 9).map(lambda number: uuid.UUID(int=number)),
        kiosk_id=st.sampled_from([DOOR, BACK]),
        person_id=st.sampled_from(PEOPLE),
        kind=st.sampled_from(["seen", "seen", "roll_call", "not_me"]),
        shown_status=st.sampled_from([None, "present", "late"]),
        refers_to=st.none() | st.integers(1, 9).map(lambda number: uuid.UUID(int=number)),
        direction=st.sampled_from([None, "in", "out"]),
    ),
    max_size=8,
    unique_by=lambda one: one.key,
)
_words = st.tuples(
    st.none() | st.sampled_from([one.value for one in CORRECTABLE]),
    st.none() | st.integers(500, 503).map(lambda number: uuid.UUID(int=number)),
    st.none() | st.booleans(),
)
_rulings = st.lists(
    st.builds(
        lambda at, number, person, word: Ruling(at, uuid.UUID(int=number), person, *word),
        _minutes,
        st.integers(1000, 1020),
        st.sampled_from(PEOPLE),
        _words,
    ),
    max_size=7,
    unique_by=lambda one: one.ruling_id,
)
_confirmed = st.sets(st.sampled_from(PEOPLE)).map(frozenset)
_reads = st.sampled_from([START, END, AFTERWARDS])


def derive(
    events: Iterable[RegisterEvent],
    rulings: Iterable[Ruling] = (),
    absent: Iterable[uuid.UUID] = (),
    *,
    at: datetime = AFTERWARDS,
) -> list[Judgement]:
    decided = Decisions(rulings, frozenset(absent))
    return derive_register(PEOPLE, events, WINDOW, watches=SETTLED, decided=decided, at=at)


@given(_events, _rulings, _confirmed, _reads, st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_and_corrections_change_nothing(
    events: list[RegisterEvent],
    rulings: list[Ruling],
    absent: frozenset[uuid.UUID],
    at: datetime,
    order: random.Random,
) -> None:
    more_events, more_rulings = events * 2, rulings * 3
    order.shuffle(more_events)
    order.shuffle(more_rulings)
    assert derive(more_events, more_rulings, absent, at=at) == derive(
        events, rulings, absent, at=at
    )


@given(_events, _rulings, st.sets(st.sampled_from(PEOPLE), min_size=1), _words, st.data())
def test_undo_restores_exactly_the_register_before(
    events: list[RegisterEvent],
    rulings: list[Ruling],
    chosen: set[uuid.UUID],
    word: tuple[str | None, uuid.UUID | None, bool | None],
    data: st.DataObject,
) -> None:
    before = derive(events, rulings)
    batch = [_later(1, number, person, *word) for number, person in enumerate(sorted(chosen))]
    changed = data.draw(st.sets(st.sampled_from(PEOPLE)))
    since = [_later(2, number, person, "late") for number, person in enumerate(sorted(changed))]
    rows = [*rulings, *batch, *since]
    back = restored(rows * 2, {one.ruling_id for one in batch})
    undone = [
        _later(3, number, person, *((was.status, was.code_id, was.is_attended) if was else (None,)))
        for number, (person, was) in enumerate(back.items())
    ]
    after = derive(events, [*rows, *undone])
    assert set(back) == chosen - changed
    expected = derive(events, [*rulings, *since])
    assert after == expected
    assert [one for one in after if one.person_id not in changed] == [
        one for one in before if one.person_id not in changed
    ]


_actions = st.lists(
    st.tuples(st.sets(st.sampled_from(PEOPLE), min_size=1), _words), min_size=1, max_size=4
)


@given(_events, _actions, st.data())
def test_undos_in_any_order_leave_what_the_other_actions_say(
    events: list[RegisterEvent],
    actions: list[tuple[set[uuid.UUID], tuple[str | None, uuid.UUID | None, bool | None]]],
    data: st.DataObject,
) -> None:
    rows: list[Ruling] = []
    batch_of: dict[uuid.UUID, uuid.UUID] = {}
    undoes: dict[uuid.UUID, uuid.UUID | None] = {}
    waiting, step = list(enumerate(actions)), 0

    def write(undone: uuid.UUID | None, said: dict[uuid.UUID, tuple[object, ...]]) -> None:
        batch = uuid.UUID(int=step)
        undoes[batch] = undone
        for number, (person, word) in enumerate(said.items()):
            rows.append(_later(step, number, person, *word))
            batch_of[rows[-1].ruling_id] = batch

    while step < 2 * len(actions):
        step += 1
        void = void_batches(undoes)
        live = sorted(set(undoes) - void)
        if waiting and (not live or data.draw(st.booleans())):
            _number, (people, word) = waiting.pop(0)
            write(None, dict.fromkeys(sorted(people), word))
        elif live:
            undone = data.draw(st.sampled_from(live))
            back = restored(
                rows,
                {key for key, batch in batch_of.items() if batch == undone},
                {key for key, batch in batch_of.items() if batch in void},
            )
            nothing = (None,)
            write(
                undone,
                {
                    person: (was.status, was.code_id, was.is_attended) if was else nothing
                    for person, was in back.items()
                },
            )
        remaining = set(undoes) - void_batches(undoes)
        alone = [one for one in rows if batch_of[one.ruling_id] in remaining]
        assert derive(events, rows) == derive(events, alone)


@given(_events, _confirmed, _reads)
def test_only_a_confirmation_makes_a_student_absent(
    events: list[RegisterEvent], absent: frozenset[uuid.UUID], at: datetime
) -> None:
    for mark in derive(events, absent=absent, at=at):
        was_seen = mark.first_seen_at is not None
        is_absent = mark.status == AttendanceStatus.ABSENT
        assert is_absent == (mark.person_id in absent and not was_seen)


@given(_events, _events, _confirmed)
def test_a_late_event_counts_as_if_it_had_come_before_the_confirmation(
    known: list[RegisterEvent], late: list[RegisterEvent], absent: frozenset[uuid.UUID]
) -> None:
    everything = list({one.key: one for one in [*known, *late]}.values())
    for mark, plain in zip(derive(everything, absent=absent), derive(everything), strict=True):
        assert mark.status in ATTENDED or plain.status not in ATTENDED
        assert plain.status not in ATTENDED or mark == plain


@given(_events)
def test_minutes_lie_within_the_lesson(events: list[RegisterEvent]) -> None:
    for mark in derive(events):
        minutes = minutes_present(mark, WINDOW)
        assert (minutes is None) == (mark.first_seen_at is None)
        assert minutes is None or 0 <= minutes <= 45


def test_minutes_end_with_the_leaving() -> None:
    came = RegisterEvent(START - timedelta(minutes=3), uuid.UUID(int=1), DOOR, ADA, direction="in")
    left = RegisterEvent(
        START + timedelta(minutes=20), uuid.UUID(int=2), DOOR, ADA, direction="out"
    )
    assert minutes_present(derive([came, left])[0], WINDOW) == 20


def _later(step: int, number: int, person: uuid.UUID, *word: object) -> Ruling:
    at = AFTERWARDS + timedelta(minutes=step)
    return Ruling(at, uuid.UUID(int=10_000 * step + number), person, *word)  # type: ignore[arg-type]
