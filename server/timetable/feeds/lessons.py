"""Which lessons a calendar address shows."""

import uuid
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.timetable.feeds.service import FeedOwner
from server.timetable.grid.subjects import Subject, SubjectKind, lessons_of
from server.timetable.local_time import local_date, midnight
from server.timetable.patterns.generation import AHEAD
from server.timetable.service import LessonFilter, LessonView
from server.timetable.tables import Lesson, LessonSubstitute

#: How far back lessons are shown.
BEFORE = timedelta(weeks=4)
#: Lessons in one answer, the earliest first; twelve a day for more than a year.
MOST_LESSONS = 5000


def feed_lessons(
    db: Session, owner: FeedOwner, *, at: datetime, zone: ZoneInfo
) -> list[LessonView]:
    """Return the lessons of an owner by start, cancelled ones included.

    Those are the lessons of the grid from four weeks ago to the last one that may be planned. A
    teacher's leave out what another teaches as a substitute.
    """
    today = local_date(at, zone)
    after, before = midnight(today - BEFORE, zone), midnight(today + AHEAD + timedelta(1), zone)
    found = lessons_of(db, Subject(owner.kind, owner.id, ""), LessonFilter(None, after, before))
    if owner.kind is SubjectKind.TEACHER:
        elsewhere = _taught_by_others(db, owner.id, after, before)
        found = [view for view in found if view.lesson.id not in elsewhere]
    return [view for view in found if view.lesson.starts_at >= after][:MOST_LESSONS]


def _taught_by_others(
    db: Session, account_id: uuid.UUID, after: datetime, before: datetime
) -> set[uuid.UUID]:
    query = (
        select(LessonSubstitute.lesson_id)
        .join(Lesson, col(Lesson.id) == col(LessonSubstitute.lesson_id))
        .where(col(LessonSubstitute.account_id) != account_id)
        .where(col(Lesson.starts_at) >= after, col(Lesson.starts_at) < before)
    )
    return set(db.exec(query))
