"""The attendance window, example by example and at every boundary."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import (
    ArrivalStatus,
    AttendancePolicy,
    ClockSource,
    corrected_time,
    whole_ms,
    window_of,
)

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
END = START + timedelta(minutes=45)
PRESENT, LATE = ArrivalStatus.PRESENT, ArrivalStatus.LATE
MS = timedelta(milliseconds=1)
WINDOW = window_of(START, END, AttendancePolicy(opens_before_min=15, late_after_min=5))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (START - timedelta(minutes=15) - MS, None),
        (START - timedelta(minutes=15), PRESENT),
        (START + timedelta(minutes=5), PRESENT),
        (START + timedelta(minutes=5, microseconds=999), PRESENT),
        (START + timedelta(minutes=5) + MS, LATE),
        (END - MS, LATE),
        (END, None),
    ],
)
def test_arrival_at_each_boundary(at: datetime, expected: ArrivalStatus | None) -> None:
    assert WINDOW.arrival(at) == expected


def test_the_end_of_one_lesson_is_the_next_ones_moment() -> None:
    following = window_of(END, END + timedelta(minutes=45), AttendancePolicy(opens_before_min=0))
    assert (WINDOW.arrival(END), following.arrival(END)) == (None, PRESENT)
    assert (WINDOW.arrival(END - MS), following.arrival(END - MS)) == (LATE, None)


def test_check_in_closes_when_the_policy_says_so_and_never_after_the_end() -> None:
    early = window_of(START, END, AttendancePolicy(closes_after_start_min=10))
    assert early.arrival(START + timedelta(minutes=10)) == LATE
    assert early.arrival(START + timedelta(minutes=10) + MS) is None
    assert early.is_open(START + timedelta(minutes=11))
    assert window_of(START, END, AttendancePolicy(closes_after_start_min=240)).closes_at == END


_minutes = st.integers(0, 240)
_policies = st.builds(
    AttendancePolicy,
    opens_before_min=_minutes,
    late_after_min=_minutes,
    closes_after_start_min=st.none() | st.integers(0, 1440),
    absent_grace_min=_minutes,
)


@given(_policies, st.integers(1, 600), st.integers(-300 * 60_000, 900 * 60_000))
def test_a_moment_counts_once_and_only_inside(
    policy: AttendancePolicy, lasts_min: int, after_ms: int
) -> None:
    window = window_of(START, START + timedelta(minutes=lasts_min), policy)
    at = START + timedelta(milliseconds=after_ms)
    arrival = window.arrival(at)
    inside = window.opens_at <= at <= window.closes_at and at < window.ends_at
    assert (arrival is not None) == inside
    assert (arrival is LATE) == (inside and at > window.late_after)
    assert window.late_min(at) >= 1
    assert window.opens_at <= window.closes_at <= window.ends_at <= window.judged_at


@pytest.mark.parametrize(
    ("source", "offset_ms", "after_ms"),
    [
        (ClockSource.NTP, None, 0),
        (ClockSource.NTP, 1500, 1500),
        (ClockSource.UNSYNCED, 3_600_000, 3_600_000),
        (ClockSource.RTC, -2000, -2000),
        (ClockSource.SERVER, 9000, 0),
        (ClockSource.NTP, 1e14, 0),
        ("invented-later", 5, 5),
    ],
)
def test_a_stated_offset_is_applied(source: str, offset_ms: float | None, after_ms: int) -> None:
    assert corrected_time(START, source, offset_ms) == START + timedelta(milliseconds=after_ms)


def test_an_offset_beyond_the_calendar_is_ignored() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert corrected_time(last, ClockSource.NTP, 1000) == whole_ms(last)
