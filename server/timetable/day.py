"""The lessons of a day as rows: what is shown of each, without the objects of four tables."""

import uuid
from collections.abc import Collection, Iterable
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import BigInteger, bindparam, func, select, type_coerce
from sqlmodel import Session, col

from server.db.prepared import Prepared
from server.db.types import KnownMoment, KnownUuid
from server.timetable.service import LESSON_ORDER, LessonFilter, lesson_values, lessons_by
from server.timetable.tables import Course, Lesson, LessonCancellation, Room, day_at_school

if TYPE_CHECKING:
    from sqlalchemy import Select

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
    return list(map(LessonRow._make, _rows_by(frozenset(values)).rows(db, **values)))


def lesson_row_page(
    db: Session, which: LessonFilter, *, limit: int, offset: int
) -> tuple[list[LessonRow], int]:
    """Return some lessons of a filter by start, and how many there are."""
    rows = [LessonRow(*row) for row in _page(db, which, limit, offset)]
    if not offset and len(rows) < limit:
        return rows, len(rows)
    ids = which.ids_query().subquery()
    return rows, db.execute(select(func.count()).select_from(ids)).scalar_one()


def _page(db: Session, which: LessonFilter, limit: int, offset: int) -> "Iterable[Any]":
    if not which.has_own_conditions:
        values = lesson_values(ids=which.ids, after=which.after, before=which.before)
        return _page_by(frozenset(values)).rows(db, limit=limit, offset=offset, **values)
    return db.execute(_rows_of(which).limit(limit).offset(offset))


def _rows_of(which: LessonFilter) -> "Select[Any]":
    query = which.query().order_by(*LESSON_ORDER.by())
    return query.with_only_columns(*_columns(), maintain_column_froms=True)


@cache
def _rows_by(names: frozenset[str]) -> Prepared:
    return Prepared(_columns_by(names))


@cache
def _page_by(names: frozenset[str]) -> Prepared:
    limit, offset = (bindparam(name, type_=BigInteger) for name in ("limit", "offset"))
    return Prepared(_columns_by(names).limit(limit).offset(offset))


def _columns_by(names: frozenset[str]) -> "Select[Any]":
    # Where the tables are joined stays as it is.
    return lessons_by(names).with_only_columns(*_columns(), maintain_column_froms=True)


@cache
def _columns() -> tuple[Any, ...]:
    return (
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
