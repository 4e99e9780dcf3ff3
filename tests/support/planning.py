"""Plan lessons in tests with fewer words."""

import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.db.types import now
from server.timetable.lessons import LessonPlan, create_lesson
from server.timetable.tables import Lesson

BERLIN = ZoneInfo("Europe/Berlin")


def plan_lesson(
    db: Session,
    *,
    course_id: uuid.UUID,
    room_id: uuid.UUID,
    starts_at: datetime,
    ends_at: datetime,
    zone: ZoneInfo = BERLIN,
) -> Lesson:
    plan = LessonPlan(course_id, room_id, starts_at, ends_at)
    return create_lesson(db, plan, zone=zone, at=now(), actor="system")
