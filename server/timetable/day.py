"""The lessons of a day as rows: what is shown of each, without the objects of four tables."""

import uuid
from collections.abc import Collection
from datetime import date, datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import type_coerce
from sqlmodel import Session, col

from server.db.prepared import Prepared
from server.db.types import KnownMoment, KnownUuid
from server.timetable.service import lesson_values, lessons_by
from server.timetable.tables import Course, Lesson, LessonCancellation, Room, day_at_school

_ID, _MOMENT = KnownUuid(), KnownMoment()


class LessonRow(NamedTuple):
    """A lesson with the names of its course and room; see `service.LessonView`."""

    id: uuid.UUID
    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    code: str
    title: str
    room: str
    is_cancelled: bool

    @property
    def day(self) -> date:
        """The date the lesson has at the school."""
        return day_at_school(self.starts_at, self.time_zone)


def lesson_rows(
    db: Session,
    *,
    ids: Collection[uuid.UUID] | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    courses: Collection[uuid.UUID] | None = None,
    substitute: uuid.UUID | None = None,
) -> list[LessonRow]:
    """Return the lessons that `service.lesson_views` returns, in the same order."""
    values = lesson_values(
        ids=ids, after=after, before=before, courses=courses, substitute=substitute
    )
    return [LessonRow(*row) for row in _rows_by(frozenset(values)).rows(db, **values)]


@cache
def _rows_by(names: frozenset[str]) -> Prepared:
    columns = (
        type_coerce(col(Lesson.id), _ID),
        type_coerce(col(Lesson.course_id), _ID),
        type_coerce(col(Lesson.room_id), _ID),
        type_coerce(col(Lesson.starts_at), _MOMENT),
        type_coerce(col(Lesson.ends_at), _MOMENT),
        col(Lesson.time_zone),
        col(Course.code),
        col(Course.title),
        col(Room.name),
        col(LessonCancellation.id).is_not(None),
    )
    # Where the tables are joined stays as it is.
    return Prepared(lessons_by(names).with_only_columns(*columns, maintain_column_froms=True))
