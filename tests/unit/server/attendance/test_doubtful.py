"""Scans with an uncertain time: shown for a decision, never a reason to be absent."""

import uuid
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.attendance.register import (
    CORRECTABLE,
    AttendanceStatus,
    Decisions,
    Judgement,
    KioskWatch,
    RegisterEvent,
    Ruling,
    derive_register,
)
from tests.unit.server.attendance.test_register import (
    ADA,
    AFTERWARDS,
    DOOR,
    DURING,
    END,
    START,
    WINDOW,
    not_me,
    ruling,
    seen,
)

LONG_AGO = START - timedelta(days=20_000)
SETTLED = [KioskWatch(DOOR, END, END)]


def uncertain(at: datetime = LONG_AGO, **fields: object) -> RegisterEvent:
    times = {"counted_at": at, "occurred_at": at, "received_at": END, "not_before": START}
    return seen(0, ADA, clock_source="unsynced", **(times | fields))


def line(
    *events: RegisterEvent, rulings: tuple[Ruling, ...] = (), at: datetime = AFTERWARDS
) -> Judgement:
    (mark,) = derive_register(
        [ADA], events, WINDOW, watches=SETTLED, decided=Decisions(rulings), at=at
    )
    return mark


def test_an_uncertain_scan_waits_for_a_decision() -> None:
    scan = uncertain()
    mark = line(scan)
    assert (mark.status, mark.needs_decision, mark.doubtful) == ("pending", True, (scan,))


def test_before_the_lesson_is_judged_the_student_is_still_expected() -> None:
    mark = line(uncertain(), at=DURING)
    assert (mark.status, mark.needs_decision, len(mark.doubtful)) == ("expected", False, 1)


def test_a_correction_decides_and_the_scan_stays_shown() -> None:
    mark = line(uncertain(), rulings=(ruling("absent", AFTERWARDS),))
    assert (mark.status, mark.derived, mark.needs_decision) == ("absent", "pending", False)
    assert len(mark.doubtful) == 1


def test_a_certain_scan_decides() -> None:
    mark = line(uncertain(), seen(1))
    assert (mark.status, len(mark.doubtful)) == ("present", 1)


def test_an_uncertain_scan_that_fits_is_a_mark_in_doubt() -> None:
    mark = line(uncertain(START + timedelta(minutes=1)))
    assert (mark.status, mark.is_clock_doubtful, mark.doubtful) == ("present", True, ())


def test_a_scan_cannot_have_been_after_it_was_received() -> None:
    mark = line(uncertain(START + timedelta(minutes=30), received_at=START))
    assert (mark.status, len(mark.doubtful)) == ("pending", 1)


def test_a_scan_cannot_have_been_before_what_the_kiosk_reported_earlier() -> None:
    mark = line(uncertain(START + timedelta(minutes=1), not_before=START + timedelta(minutes=30)))
    assert (mark.status, len(mark.doubtful)) == ("pending", 1)


def test_not_me_takes_it_back() -> None:
    scan = uncertain()
    assert line(scan, not_me(scan)).status == "not_seen"


def test_a_corrected_scan_is_not_in_doubt_and_shows_what_the_kiosk_said() -> None:
    scan = seen(1, clock_source="unsynced", occurred_at=LONG_AGO, is_time_corrected=True)
    mark = line(scan)
    assert (mark.is_clock_doubtful, mark.stated_at) == (False, LONG_AGO)


minutes = st.floats(-60 * 24 * 400, 60 * 24 * 400)
events = st.builds(
    lambda number, counted, received, earliest, kind: RegisterEvent(
        counted_at=START + timedelta(minutes=counted),
        event_id=uuid.UUID(int=number),
        kiosk_id=DOOR,
        person_id=ADA,
        kind=kind,
        received_at=START + timedelta(minutes=received),
        not_before=None if earliest is None else START + timedelta(minutes=earliest),
    ),
    st.integers(1, 10**6),
    minutes | st.floats(-20, 50),
    minutes,
    st.none() | minutes,
    st.sampled_from(["seen", "roll_call"]),
)


@given(
    given_events=st.lists(events, min_size=1, max_size=6, unique_by=lambda one: one.event_id),
    at=st.floats(-100, 100_000),
    ruled=st.none() | st.sampled_from(CORRECTABLE),
)
def test_no_scan_of_a_lesson_is_without_effect(
    given_events: list[RegisterEvent], at: float, ruled: AttendanceStatus | None
) -> None:
    """Each is a mark, a repeat of one, in doubt, or outside the window with a known time."""
    rulings = () if ruled is None else (ruling(ruled, AFTERWARDS),)
    mark = line(*given_events, rulings=rulings, at=START + timedelta(minutes=at))
    valid = [one for one in given_events if one.arrival_in(WINDOW) is not None]
    for one in given_events:
        is_known_outside = not one.is_uncertain and WINDOW.arrival(one.counted_at) is None
        assert (one in valid) + (one in mark.doubtful) + is_known_outside == 1
    if valid:
        assert mark.event_id in {one.event_id for one in valid}
        assert mark.derived in ("present", "late")
    if mark.doubtful and ruled is None:
        assert mark.status != AttendanceStatus.NOT_SEEN
