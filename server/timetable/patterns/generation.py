"""Plan the lessons of weekly patterns ahead: add, move and remove what has not started."""

import uuid
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session, col, select

from server.audit.service import SYSTEM, record
from server.changes.service import Touched
from server.db.prepared import table_of
from server.db.types import new_id, now
from server.errors import ConflictError
from server.timetable.local_time import local_date
from server.timetable.patterns.changes import ExistingLesson, LessonChanges, compare
from server.timetable.patterns.rooms import LessonKey, key_of, leave_out_taken
from server.timetable.patterns.started import batches, opens_before, recorded_of
from server.timetable.patterns.weekly import PlannedLesson, Weekly, moments, monday
from server.timetable.service import bump_version, lock_timetable
from server.timetable.tables import (
    Holiday,
    Lesson,
    LessonPattern,
    LessonSubstitute,
    PatternLesson,
    Term,
    Weeks,
)

#: Lessons are planned this far ahead; each night adds a day.
AHEAD = timedelta(days=400)
#: Twenty classes share the bells of a day.
moments_of = lru_cache(4096)(moments)


def refresh_lessons(
    db: Session,
    *,
    zone: ZoneInfo,
    at: datetime,
    patterns: Collection[uuid.UUID] | None = None,
    actor: str = SYSTEM,
    known: Collection[LessonKey] | None = None,
) -> LessonChanges:
    """Make the lessons of patterns as they are planned; a second call changes nothing.

    A lesson whose room is taken is left out: it is not added, or not moved.

    Args:
        db: the caller's.
        zone: the school's; times of patterns are in it.
        at: now; only lessons that start later are touched.
        patterns: only these, by id; all where None.
        actor: who changed what the lessons follow.
        known: refuse to leave out lessons other than these, which were left out before.

    Returns:
        What was changed, and what was left out.

    Raises:
        ConflictError: other lessons than the known ones would be left out.
    """
    changes = _changes(db, zone=zone, at=at, patterns=patterns)
    if known is not None:
        _refuse_taken([one for one in changes.left_out if key_of(one) not in known])
    return _carry_out(db, changes, zone=zone, actor=actor)


def left_out(
    db: Session, *, zone: ZoneInfo, at: datetime, patterns: Collection[uuid.UUID] | None = None
) -> set[LessonKey]:
    """Return which lessons are missing or not moved now because their room is taken."""
    changes = _changes(db, zone=zone, at=at, patterns=patterns)
    return {key_of(one) for one in changes.left_out}


def _changes(
    db: Session, *, zone: ZoneInfo, at: datetime, patterns: Collection[uuid.UUID] | None
) -> LessonChanges:
    lock_timetable(db)
    db.flush()
    changes = compare(
        _planned(db, zone=zone, at=at, patterns=patterns),
        _existing(db, monday(local_date(at, zone)), patterns),
        at,
        opens_before=opens_before(db),
    )
    _keep_recorded(db, changes)
    changes.left_out = leave_out_taken(db, changes)
    return changes


def _keep_recorded(db: Session, changes: LessonChanges) -> None:
    """Leave every lesson alone for which anything was recorded."""
    recorded = recorded_of(db, [*changes.removed, *(one for one, _plan in changes.moved)])
    changes.removed = [one for one in changes.removed if one not in recorded]
    changes.moved = [move for move in changes.moved if move[0] not in recorded]


def _refuse_taken(left: Sequence[PlannedLesson]) -> None:
    if left:
        first = min(left, key=lambda one: one.starts_at)
        raise ConflictError(
            f"Rooms are taken for {len(left)} weekly lessons, first on {first.day.isoformat()}.",
            problem="rooms_taken",
            count=len(left),
            day=first.day.isoformat(),
        )


def delete_patterns(
    db: Session, patterns: Collection[uuid.UUID], *, zone: ZoneInfo, at: datetime, actor: str
) -> LessonChanges:
    """Delete patterns with their lessons to come; the other lessons are single ones from now on.

    Lessons stay that have started, that a person changed, or for which anything was recorded.

    Args:
        db: the caller's, who records the deletion in the audit trail.
        patterns: by id.
        zone: the school's.
        at: now.
        actor: who deletes them.
    """
    lock_timetable(db)
    db.flush()
    existing = _existing(db, monday(local_date(at, zone)), patterns)
    changes = compare([], existing, at, opens_before=opens_before(db))
    _keep_recorded(db, changes)
    changes = _carry_out(db, changes, zone=zone, actor=actor)
    links, rows = table_of(PatternLesson), table_of(LessonPattern)
    db.execute(sqlalchemy.delete(links).where(links.c.pattern_id.in_(patterns)))
    db.execute(sqlalchemy.delete(rows).where(rows.c.id.in_(patterns)))
    return changes


def weekly_of(pattern: LessonPattern, term: Term) -> Weekly:
    """Return when a pattern takes place, within its term."""
    return Weekly(
        weekday=pattern.weekday,
        starts=pattern.starts,
        ends=pattern.ends,
        weeks=Weeks(pattern.weeks),
        first_day=max(pattern.first_day or term.first_day, term.first_day),
        last_day=min(pattern.last_day or term.last_day, term.last_day),
        term_begins=term.first_day,
    )


def closed_days(db: Session, first: date, last: date) -> set[date]:
    """Return the dates of a span (both included) that lie in holidays."""
    query = select(Holiday).where(col(Holiday.first_day) <= last, col(Holiday.last_day) >= first)
    return {
        first + timedelta(days=offset)
        for span in db.exec(query)
        for offset in range(
            max((span.first_day - first).days, 0), (min(span.last_day, last) - first).days + 1
        )
    }


def span_ahead(at: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """Return the first and the last date that is planned at a moment."""
    today = local_date(at, zone)
    return monday(today), today + AHEAD


def planned_lessons(
    pattern: LessonPattern, term: Term, *, zone: ZoneInfo, at: datetime, closed: set[date]
) -> Iterator[PlannedLesson]:
    """Return the lessons that a pattern plans from the Monday of this week on.

    Those of this week that are over say that the pattern has its lesson of the week.
    """
    first, last = span_ahead(at, zone)
    weekly = weekly_of(pattern, term)
    for day in weekly.days(since=first, until=last, closed=closed):
        starts_at, ends_at = moments_of(day, pattern.starts, pattern.ends, zone)
        yield PlannedLesson(
            pattern_id=pattern.id,
            week=monday(day),
            day=day,
            course_id=pattern.course_id,
            room_id=pattern.room_id,
            starts_at=starts_at,
            ends_at=ends_at,
        )


def _carry_out(db: Session, changes: LessonChanges, *, zone: ZoneInfo, actor: str) -> LessonChanges:
    if not changes:
        return changes
    touched = _touched(db, changes)
    _add(db, changes.added, zone)
    _move(db, changes.moved, zone)
    _remove(db, changes.removed)
    bump_version(db, touched)
    record(db, actor=actor, action="pattern.plan", subject="timetable", details=changes.counts())
    for known in [one for one in db.identity_map.values() if isinstance(one, Lesson)]:
        db.expire(known)
    return changes


def _touched(db: Session, changes: LessonChanges) -> Touched:
    """Return what changes; read before it does."""
    plans = [*changes.added, *(plan for _lesson_id, plan in changes.moved)]
    places = {(plan.course_id, plan.room_id) for plan in plans}
    lessons = table_of(Lesson)
    for some in batches([*(one for one, _plan in changes.moved), *changes.removed]):
        query = sqlalchemy.select(lessons.c.course_id, lessons.c.room_id)
        places |= {(one[0], one[1]) for one in db.execute(query.where(lessons.c.id.in_(some)))}
    return Touched(
        lessons_of=frozenset(course_id for course_id, _ in places),
        rooms=frozenset(room_id for _, room_id in places),
    )


def _planned(
    db: Session, *, zone: ZoneInfo, at: datetime, patterns: Collection[uuid.UUID] | None
) -> Iterator[PlannedLesson]:
    query = select(LessonPattern, Term).join(Term, col(Term.id) == col(LessonPattern.term_id))
    if patterns is not None:
        query = query.where(col(LessonPattern.id).in_(patterns))
    closed = closed_days(db, *span_ahead(at, zone))
    for pattern, term in db.exec(query).all():
        yield from planned_lessons(pattern, term, zone=zone, at=at, closed=closed)


def _existing(
    db: Session, since: date, patterns: Collection[uuid.UUID] | None
) -> list[ExistingLesson]:
    """Return the lessons of patterns since the Monday of a week, started ones included."""
    query = (
        sqlalchemy.select(
            col(PatternLesson.lesson_id),
            col(PatternLesson.pattern_id),
            col(PatternLesson.week),
            col(Lesson.course_id),
            col(Lesson.room_id),
            col(Lesson.starts_at),
            col(Lesson.ends_at),
            col(PatternLesson.is_changed),
        )
        .join(Lesson, col(Lesson.id) == col(PatternLesson.lesson_id))
        .where(col(PatternLesson.week) >= since)
    )
    if patterns is not None:
        query = query.where(col(PatternLesson.pattern_id).in_(patterns))
    return [ExistingLesson(*row) for row in db.execute(query)]


def _add(db: Session, plans: Sequence[PlannedLesson], zone: ZoneInfo) -> None:
    if not plans:
        return
    made_at = now()
    named = [(new_id(), plan) for plan in plans]
    lessons = [
        {
            "id": lesson_id,
            "course_id": plan.course_id,
            "room_id": plan.room_id,
            "starts_at": plan.starts_at,
            "ends_at": plan.ends_at,
            "time_zone": zone.key,
            "created_at": made_at,
        }
        for lesson_id, plan in named
    ]
    links = [
        {"lesson_id": one, "pattern_id": plan.pattern_id, "week": plan.week, "is_changed": False}
        for one, plan in named
    ]
    db.execute(sqlalchemy.insert(table_of(Lesson)), lessons)
    db.execute(sqlalchemy.insert(table_of(PatternLesson)), links)


def _move(db: Session, moved: Sequence[tuple[uuid.UUID, PlannedLesson]], zone: ZoneInfo) -> None:
    if not moved:
        return
    table = table_of(Lesson)
    names = ("course_id", "room_id", "starts_at", "ends_at")
    values: dict[str, Any] = {name: sqlalchemy.bindparam(f"new_{name}") for name in names}
    update = (
        sqlalchemy.update(table)
        .where(table.c.id == sqlalchemy.bindparam("lesson"))
        .values(values | {"time_zone": zone.key})
    )
    rows = [
        {"lesson": lesson_id} | {f"new_{name}": getattr(plan, name) for name in names}
        for lesson_id, plan in moved
    ]
    db.connection().execute(update, rows)


def _remove(db: Session, lesson_ids: Sequence[uuid.UUID]) -> None:
    for some in batches(lesson_ids):
        for table, name in (
            (PatternLesson, "lesson_id"),
            (LessonSubstitute, "lesson_id"),
            (Lesson, "id"),
        ):
            rows = table_of(table)
            db.execute(sqlalchemy.delete(rows).where(rows.c[name].in_(some)))
