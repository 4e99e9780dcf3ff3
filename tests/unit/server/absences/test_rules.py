"""Which lessons a reported absence covers, and what it does to the register."""

import random
import uuid
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import AttendancePolicy, window_of
from server.absences.rules import AbsenceSpan, LessonTimes, ReportedAbsence, reported_in
from server.attendance.register import (
    ATTENDED,
    AttendanceStatus,
    Decisions,
    Judgement,
    KioskWatch,
    RegisterEvent,
    Reported,
    Ruling,
    derive_register,
)

DAY = date(2026, 11, 23)
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
END = START + timedelta(minutes=45)
LESSON = LessonTimes(DAY, time(9), END)
WINDOW = window_of(START, END, AttendancePolicy())
ADA, BEN, CHI, DOOR = (uuid.UUID(int=number) for number in (1, 2, 3, 4))
ROSTER = [CHI, ADA, BEN]
BEFORE, AFTER = END - timedelta(minutes=1), END + timedelta(minutes=1)


def span(**changed: object) -> AbsenceSpan:
    values: dict[str, object] = {
        "person_id": ADA,
        "first_day": DAY,
        "last_day": DAY,
        "from_time": None,
        "until_time": None,
        "is_excused": True,
    }
    return AbsenceSpan(**(values | changed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "is_covered"),
    [
        ({}, True),
        ({"first_day": DAY + timedelta(days=1), "last_day": DAY + timedelta(days=1)}, False),
        ({"first_day": DAY - timedelta(days=3), "last_day": DAY - timedelta(days=1)}, False),
        ({"first_day": DAY - timedelta(days=1), "last_day": DAY + timedelta(days=1)}, True),
        ({"from_time": time(9)}, True),
        ({"from_time": time(9, 1)}, False),  # due when the lesson began
        ({"until_time": time(9)}, False),  # back when the lesson began
        ({"until_time": time(9, 30)}, True),
        ({"counts_after": BEFORE}, True),
        ({"counts_after": END}, False),  # entered after the lesson: its line stays
        ({"is_withdrawn": True}, False),
        ({"is_withdrawn": True, "ends_after": BEFORE}, False),
        ({"is_withdrawn": True, "ends_after": AFTER}, True),  # withdrawn later: its line stays
    ],
)
def test_a_report_covers_lessons_that_begin_within_it(
    changed: dict[str, object], is_covered: bool
) -> None:
    assert span(**changed).covers(LESSON) is is_covered


_days = st.integers(-2, 2).map(lambda number: DAY + timedelta(days=number))
_times = st.none() | st.sampled_from([time(8, 30), time(9), time(9, 30)])
_moments = st.none() | st.sampled_from([BEFORE, END, AFTER])
_spans = st.builds(
    AbsenceSpan,
    person_id=st.sampled_from([ADA, BEN]),
    first_day=_days,
    last_day=_days,
    from_time=_times,
    until_time=_times,
    is_excused=st.booleans(),
    counts_after=_moments,
    is_withdrawn=st.booleans(),
    ends_after=_moments,
)
_seen = st.builds(
    RegisterEvent,
    event_id=st.integers(1, 9).map(lambda number: uuid.UUID(int=number)),
    kiosk_id=st.just(DOOR),
    person_id=st.sampled_from([ADA, BEN, CHI]),
    counted_at=st.integers(-30, 70).map(lambda minute: START + timedelta(minutes=minute)),
    not_before=st.none() | st.just(START),
)
_rulings = st.builds(
    Ruling,
    made_at=st.just(START),
    ruling_id=st.integers(1, 9).map(lambda number: uuid.UUID(int=number)),
    person_id=st.sampled_from([ADA, BEN]),
    status=st.sampled_from(["present", "absent", "excused"]),
)
_read_at = st.integers(-60, 240).map(lambda minute: START + timedelta(minutes=minute))
_through = st.none() | st.sampled_from([START, END])


def derived(
    spans: list[AbsenceSpan],
    seen: list[RegisterEvent],
    rulings: list[Ruling],
    through: datetime | None,
    at: datetime,
) -> list[Judgement]:
    decided = Decisions(rulings, frozenset(), reported_in(spans, LESSON))
    watches = [KioskWatch(DOOR, END, through)]
    return derive_register(ROSTER, seen, WINDOW, watches=watches, decided=decided, at=at)


@given(
    st.lists(_spans, max_size=6), st.lists(_seen, max_size=5), st.lists(_rulings, max_size=2),
    _through, _read_at, st.randoms(use_true_random=False),
)  # fmt: skip
def test_order_repeats_and_withdrawn_reports_change_nothing(
    spans: list[AbsenceSpan],
    seen: list[RegisterEvent],
    rulings: list[Ruling],
    through: datetime | None,
    at: datetime,
    order: random.Random,
) -> None:
    expected = derived(spans, seen, rulings, through, at)
    gone = [one._replace(is_withdrawn=True, ends_after=None) for one in spans]
    more = [*spans, *spans, *gone]
    order.shuffle(more)
    assert derived(more, seen, rulings, through, at) == expected


@given(
    st.lists(_spans, max_size=6), st.lists(_seen, max_size=5), st.lists(_rulings, max_size=2),
    _through, _read_at,
)  # fmt: skip
def test_reports_excuse_those_who_were_not_seen_and_nobody_else(
    spans: list[AbsenceSpan],
    seen: list[RegisterEvent],
    rulings: list[Ruling],
    through: datetime | None,
    at: datetime,
) -> None:
    excused = {one.person_id for one in spans if one.covers(LESSON) and one.is_excused}
    without = derived([], seen, rulings, through, at)
    for before, line in zip(without, derived(spans, seen, rulings, through, at), strict=True):
        is_filled = line.person_id in excused and before.derived not in ATTENDED
        assert line.derived == (AttendanceStatus.EXCUSED if is_filled else before.derived)
        assert line.status == (before.status if before.is_corrected else line.derived)
        assert line.first_seen_at == before.first_seen_at
        assert line.came_after_all == (line.reported is not None and before.derived in ATTENDED)


def test_an_absence_that_is_not_excused_is_only_noted() -> None:
    (line,) = derive_register(
        [ADA], [], WINDOW, watches=[KioskWatch(DOOR, END, END)], at=WINDOW.judged_at,
        decided=Decisions(reported=[ReportedAbsence(ADA, is_excused=False)]),
    )  # fmt: skip
    assert (line.status, line.reported) == (AttendanceStatus.NOT_SEEN, Reported.UNEXCUSED)
