"""Kiosk and server agree on every boundary of the window: what was shown is what is registered."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.attendant import Attendant, AttendantTimings
from kiosk.domain.recorder import Recorder
from kiosk.domain.sightings import Sighting
from kiosk.domain.timetable import Lesson, Timetable
from kiosk.storage.outbox import SQLiteOutbox
from protocol.v1 import signing
from protocol.v1.messages import (
    AttendancePolicy,
    ClockSource,
    LessonEntry,
    corrected_time,
    window_of,
)
from server.attendance.register import AttendanceStatus, RegisterEvent, derive_register
from tests.fakes.kiosk_clock import START, ManualClock
from tests.support.examples import examples
from tests.unit.kiosk.domain.door import recognition
from tests.unit.kiosk.storage.drafts import outbox_in

PERSON = uuid.UUID(int=1)
_minutes = st.integers(0, 240)
_policies = st.builds(
    AttendancePolicy,
    opens_before_min=_minutes,
    late_after_min=_minutes,
    closes_after_start_min=st.none() | _minutes,
    absent_grace_min=_minutes,
)


@pytest.fixture
def outbox(tmp_path: Path) -> SQLiteOutbox:
    """A real outbox for all examples."""
    return outbox_in(tmp_path, max_events=1_000_000)


@given(
    policy=_policies,
    lasts_min=st.integers(1, 300),
    boundary=st.sampled_from(["opens_at", "starts_at", "late_after", "closes_at", "ends_at"]),
    past_us=st.sampled_from([-1_000_000, -1000, -999, -1, 0, 1, 500, 999, 1000, 1_000_000]),
    source=st.sampled_from(list(ClockSource)),
    offset_ms=st.none() | st.integers(-7_200_000, 7_200_000),
)
@examples(200)
def test_what_the_kiosk_shows_is_what_the_register_says(
    outbox: SQLiteOutbox,
    policy: AttendancePolicy,
    lasts_min: int,
    boundary: str,
    past_us: int,
    source: ClockSource,
    offset_ms: int | None,
) -> None:
    window = window_of(START, START + timedelta(minutes=lasts_min), policy)
    true_time: datetime = getattr(window, boundary) + timedelta(microseconds=past_us)
    clock = ManualClock(true_time - timedelta(milliseconds=offset_ms or 0))
    clock.source, clock.offset_ms = source, offset_ms
    lesson = Lesson("l1", "Biology", START, window.ends_at, frozenset([str(PERSON)]), policy)
    attendant = Attendant(
        clock, Recorder(outbox), Timetable("R12", lessons=(lesson,)), AttendantTimings()
    )
    before = outbox.last_seq

    attendant.handle(Sighting.recognised(1, clock.monotonic_s(), recognition(str(PERSON))))

    (raw,) = outbox.pending(10, after_seq=before)
    event = signing.read_event(raw)
    counted_at = corrected_time(event.occurred_at, event.clock.source, event.clock.offset_ms)
    seen = RegisterEvent(counted_at, uuid.UUID(event.id), uuid.UUID(int=9), PERSON)
    (line,) = derive_register([PERSON], [seen], window, watches=[], at=window.opens_at)
    shown = event.shown or AttendanceStatus.EXPECTED
    assert line.derived == shown


def test_a_lesson_of_an_older_policy_travels_with_its_windows() -> None:
    older = AttendancePolicy(late_after_min=20)
    entry = LessonEntry(
        id="l1",
        course_code="B",
        course_title="B",
        room_id="r",
        starts_at=START,
        ends_at=START + timedelta(minutes=45),
        policy_version=2,
        attendance=older,
    )
    assert LessonEntry.model_validate_json(entry.to_json()) == entry
