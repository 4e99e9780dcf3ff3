"""Keep planning from giving a room twice: what is about to be added or moved, and what stays."""

import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import sqlalchemy
from sqlmodel import Session, col

from server.timetable.patterns.changes import LessonChanges
from server.timetable.patterns.weekly import PlannedLesson
from server.timetable.service import ends_after, in_force
from server.timetable.tables import Lesson, LessonCancellation

#: Names a lesson for good: its pattern and the Monday of its week.
LessonKey = tuple[uuid.UUID, object]


class _Use(NamedTuple):
    """A lesson in a room; `plan` where it is about to be added or moved there."""

    starts_at: datetime
    ends_at: datetime
    room_id: uuid.UUID
    plan: PlannedLesson | None = None


def key_of(plan: PlannedLesson) -> LessonKey:
    """Return what names the lesson that is planned."""
    return plan.pattern_id, plan.week


def leave_out_taken(db: Session, changes: LessonChanges) -> list[PlannedLesson]:
    """Take out of changes what would be in a room with another lesson; returns what that was.

    A lesson that is not moved stays in its room, so others may have to be left out for it. Of
    two that would be added or moved into the same room, none is.
    """
    left: list[PlannedLesson] = []
    while taken := _taken(db, changes):
        left += taken
        keys = {key_of(plan) for plan in taken}
        changes.added = [plan for plan in changes.added if key_of(plan) not in keys]
        changes.moved = [move for move in changes.moved if key_of(move[1]) not in keys]
    return left


def _taken(db: Session, changes: LessonChanges) -> list[PlannedLesson]:
    plans = [*changes.added, *(plan for _lesson, plan in changes.moved)]
    if not plans:
        return []
    gone = {*changes.removed, *(lesson for lesson, _plan in changes.moved)}
    uses = [_Use(one.starts_at, one.ends_at, one.room_id, one) for one in plans]
    uses += _booked(db, plans, gone)
    found = {key_of(plan): plan for plan in _overlapping(uses)}
    return list(found.values())


def _overlapping(uses: Sequence[_Use]) -> Iterator[PlannedLesson]:
    running: dict[uuid.UUID, list[_Use]] = {}
    for one in sorted(uses, key=lambda use: use.starts_at):
        there = [use for use in running.get(one.room_id, ()) if use.ends_at > one.starts_at]
        if there:
            yield from (use.plan for use in (one, *there) if use.plan is not None)
        running[one.room_id] = [*there, one]


def _booked(
    db: Session, plans: Sequence[PlannedLesson], gone: Collection[uuid.UUID]
) -> Iterator[_Use]:
    """Yield the lessons of these rooms that stay and are not cancelled."""
    first, last = min(one.starts_at for one in plans), max(one.ends_at for one in plans)
    columns = (Lesson.id, Lesson.starts_at, Lesson.ends_at, Lesson.room_id)
    query = (
        sqlalchemy.select(*map(col, columns))
        .outerjoin(LessonCancellation, in_force())
        .where(*ends_after(first), col(Lesson.starts_at) < last)
        .where(col(LessonCancellation.id).is_(None))
    )
    rooms = {one.room_id for one in plans}
    for lesson_id, starts_at, ends_at, room_id in db.execute(query):
        if room_id in rooms and lesson_id not in gone:
            yield _Use(starts_at, ends_at, room_id)
