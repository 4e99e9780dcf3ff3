"""Recent recognitions that were not clear: a small margin, or people who look alike."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import Select, or_, union
from sqlmodel import Session

from server.attendance.tables import Correction, StoredEvent
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.db.prepared import table_of
from server.enrollment.tables import Resemblance
from server.mark_reviews.marks import COLUMNS, IS_CANCELLED, IS_OF_PERSON, IS_OPEN, FaceMark
from server.mark_reviews.words import small_margin
from server.timetable.tables import Lesson

#: How far back the list goes.
RECENT = timedelta(days=14)
_EVENTS, _LESSONS, _SAID = table_of(StoredEvent), table_of(Lesson), table_of(Correction)
_NEAR = table_of(Resemblance)
#: Newest first.
ORDER = ListOrder(
    (_EVENTS.c.counted_at, _EVENTS.c.kiosk_id, _EVENTS.c.id),
    (datetime, uuid.UUID, uuid.UUID),
    is_descending=True,
)
_LOOK_ALIKES = union(sqlalchemy.select(_NEAR.c.first_id), sqlalchemy.select(_NEAR.c.second_id))
_LOOKS_ALIKE = _EVENTS.c.person_id.in_(_LOOK_ALIKES)
_NEWEST = (
    sqlalchemy.select(_SAID.c.status)
    .where(_SAID.c.lesson_id == _EVENTS.c.lesson_id, _SAID.c.person_id == _EVENTS.c.person_id)
    .order_by(_SAID.c.made_at.desc(), _SAID.c.id.desc())
    .limit(1)
    .correlate(_EVENTS)
    .scalar_subquery()
)
#: A correction that was withdrawn settles nothing: its status is empty.
_IS_CORRECTED = _NEWEST.is_not(None)


@dataclass(frozen=True)
class RecentFilter:
    """Which recognitions are wanted.

    Attributes:
        since: only later ones.
        courses: only of these; None: of any.
        kiosk_id: only of this kiosk.
    """

    since: datetime
    courses: Collection[uuid.UUID] | None = None
    kiosk_id: uuid.UUID | None = None


def chosen_courses(
    own: Collection[uuid.UUID] | None, course_id: uuid.UUID | None
) -> Collection[uuid.UUID] | None:
    """Return the courses that a filter leaves of those that an account sees; None is all."""
    if course_id is None:
        return own
    return {course_id} if own is None or course_id in own else frozenset()


@dataclass(frozen=True)
class RecentRecognition:
    """A recognition that was not clear, in the lesson that the kiosk named."""

    mark: FaceMark
    lesson_id: uuid.UUID
    looks_alike: bool


def recent_part(db: Session, which: RecentFilter, wanted: PartWanted) -> Part[RecentRecognition]:
    """Return a part of the list, newest first."""
    found = read_part(db, _query(db, which), ORDER, wanted)
    return Part([_read(row) for row in found.rows], found.total, found.last)


def recent_page(
    db: Session, which: RecentFilter, *, limit: int, offset: int
) -> tuple[list[RecentRecognition], int]:
    """Return a page of the list, newest first, and the length of the list."""
    query = _query(db, which)
    count = sqlalchemy.select(sqlalchemy.func.count()).select_from(query.subquery())
    total = db.execute(count).scalar_one()
    rows = db.execute(query.order_by(*ORDER.by()).limit(limit).offset(offset))
    return [_read(tuple(row)) for row in rows], total


def _query(db: Session, which: RecentFilter) -> Select[*tuple[Any, ...]]:
    """Select what nobody decided about; a second factor or a correction settles it."""
    doubtful = or_(_EVENTS.c.margin < small_margin(db), _LOOKS_ALIKE)
    query = (
        sqlalchemy.select(*COLUMNS, _LESSONS.c.id, _LOOKS_ALIKE)
        .join(_LESSONS, _LESSONS.c.id == _EVENTS.c.lesson_id)
        .where(
            IS_OPEN,
            _EVENTS.c.counted_at >= which.since,
            IS_OF_PERSON,
            doubtful,
            ~_EVENTS.c.body.contains('"second":"', autoescape=True),
            ~_IS_CORRECTED,
            ~IS_CANCELLED,
        )
    )
    if which.courses is not None:
        query = query.where(_LESSONS.c.course_id.in_(which.courses))
    if which.kiosk_id is not None:
        query = query.where(_EVENTS.c.kiosk_id == which.kiosk_id)
    return query


def _read(row: tuple[Any, ...]) -> RecentRecognition:
    return RecentRecognition(FaceMark(*row[:-2]), row[-2], bool(row[-1]))
