"""Which lesson an event counts for where the lesson that it names is gone."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from protocol.v1.messages import AttendancePolicy, EventKind, EventMethod, window_of
from server.attendance.assignment import Assignment, JudgedLesson
from server.attendance.register import RegisterEvent
from server.kiosks.tables import KioskPlacement
from server.timetable.roster import ListedPerson, Listing
from server.timetable.service import LessonView
from server.timetable.tables import Course, Lesson, Room

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
DOOR, ADA = uuid.UUID(int=1), uuid.UUID(int=2)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("kind", "minute", "counts"),
    [
        (EventKind.ROLL_CALL, 20, True),
        (EventKind.ROLL_CALL, 70, False),
        (EventKind.SEEN, 5, True),
        (EventKind.SEEN, 20, False),
    ],
)
def test_a_lesson_that_was_entered_again_takes_what_it_would_have_taken(
    kind: EventKind, minute: int, *, counts: bool
) -> None:
    room, course = Room(name="R14"), Course(code="M1", title="Maths")
    lesson = Lesson(
        course_id=course.id,
        room_id=room.id,
        starts_at=START,
        ends_at=START + timedelta(hours=1),
        time_zone="UTC",
        created_at=START - DAY,
    )
    policy = AttendancePolicy(closes_after_start_min=10)
    judged = JudgedLesson(
        LessonView(lesson, course, room), 0, window_of(lesson.starts_at, lesson.ends_at, policy)
    )
    listed = Listing(course.id, ADA, None, None, None), ListedPerson(ADA, "Ada", "1", b"")
    hung = KioskPlacement(kiosk_id=DOOR, room_id=room.id, from_at=START - DAY, opened_by="system")
    event = RegisterEvent(
        START + timedelta(minutes=minute),
        uuid.UUID(int=3),
        DOOR,
        ADA,
        kind=kind.value,
        method=EventMethod.TEACHER.value if kind is EventKind.ROLL_CALL else "face",
        shown_status="present",
    )
    assignment = Assignment([judged], {course.id: [listed]}, [hung])

    assert assignment.lessons_of(uuid.UUID(int=9), event, {}) == ({lesson.id} if counts else set())
