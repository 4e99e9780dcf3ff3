"""Find lessons by the state of their registers: by the database, or by deriving some of them."""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, Select, and_, exists
from sqlmodel import Session, col

from server.attendance.open_lines import OpenLines, open_lines, pending_lessons
from server.attendance.register import AttendanceStatus
from server.attendance.tables import RegisterConfirmation
from server.reports.lines import LessonFacts, LineFacts, facts_of
from server.reports.tally import is_taken
from server.timetable.day import LessonRow, lesson_rows
from server.timetable.roster import listings, people_listed
from server.timetable.tables import Lesson, LessonCancellation, RosterEntry, day_at_school
from server.web.register_state import MOST_JUDGED, LessonsInState, RegisterState

#: Lessons that are read at a time.
_PIECE = 100
_IS_CANCELLED = (
    exists()
    .where(
        col(LessonCancellation.lesson_id) == col(Lesson.id),
        col(LessonCancellation.restored_at).is_(None),
    )
    .correlate(Lesson)  # the list joins cancellations too
)
_COUNTS = ~_IS_CANCELLED
_IS_CONFIRMED = exists().where(col(RegisterConfirmation.lesson_id) == col(Lesson.id))


def find_in_state(
    db: Session, state: RegisterState, among: Select[Any], *, at: datetime
) -> LessonsInState:
    """Return which lessons are in a state; see `server.web.register_state.FindInState`."""
    is_over = and_(_COUNTS, col(Lesson.ends_at) <= at)
    match state:
        case RegisterState.CANCELLED:
            return LessonsInState(_IS_CANCELLED)
        case RegisterState.CONFIRMED:
            return LessonsInState(and_(_COUNTS, _IS_CONFIRMED))
        case RegisterState.UNCONFIRMED:
            return LessonsInState(_with_roster(db, among, and_(is_over, ~_IS_CONFIRMED)))
        case _:
            return _derived(db, state, among.where(is_over), at)


def _with_roster(
    db: Session, among: Select[Any], condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Narrow a condition to lessons that list anybody: nobody confirms an empty register.

    The database decides it, but where every roster entry of the course has dates.
    """
    of_course = exists().where(col(RosterEntry.course_id) == col(Lesson.course_id))
    always = of_course.where(
        col(RosterEntry.from_date).is_(None),
        col(RosterEntry.until_date).is_(None),
        col(RosterEntry.counts_after).is_(None),
    )
    has_entries = of_course.correlate(Lesson)
    dated = among.where(condition, has_entries, ~always.correlate(Lesson))
    columns = (Lesson.id, Lesson.course_id, Lesson.starts_at, Lesson.ends_at, Lesson.time_zone)
    lessons = db.execute(dated.with_only_columns(*map(col, columns))).all()
    entries = listings(db, col(RosterEntry.course_id).in_({one.course_id for one in lessons}))
    empty = [
        one.id
        for one in lessons
        if not people_listed(
            entries.get(one.course_id, ()),
            ends_at=one.ends_at,
            day=day_at_school(one.starts_at, one.time_zone),
        )
    ]
    return and_(condition, has_entries, col(Lesson.id).not_in(empty))


def _derived(db: Session, state: RegisterState, among: Select[Any], at: datetime) -> LessonsInState:
    newest = among.order_by(col(Lesson.starts_at).desc(), col(Lesson.id)).limit(MOST_JUDGED + 1)
    ids = list(db.execute(newest).scalars())
    is_cut, ids = len(ids) > MOST_JUDGED, ids[:MOST_JUDGED]
    find = _not_taken if state is RegisterState.NOT_TAKEN else pending_lessons
    found: set[uuid.UUID] = set()
    for first in range(0, len(ids), _PIECE):
        found |= find(db, lesson_rows(db, ids=ids[first : first + _PIECE]), at=at)
    return LessonsInState(_one_of(found), is_cut, found)


def _not_taken(db: Session, rows: Sequence[LessonRow], *, at: datetime) -> set[uuid.UUID]:
    return {
        one.lesson.id
        for one in open_lines(db, rows, at=at)
        if not is_taken(facts_of(one.register) if one.register else _facts(one), at)
    }


def _facts(one: OpenLines) -> LessonFacts:
    """Return what decides whether a register was taken: one line stands for all of a status."""
    lesson, statuses = one.lesson, [*one.statuses]
    if one.has_others:
        statuses.append(AttendanceStatus.PRESENT)
    nobody = uuid.UUID(int=0)
    return LessonFacts(
        lesson.id,
        lesson.course_id,
        lesson.room_id,
        lesson.day,
        lesson.starts_at,
        lesson.ends_at,
        is_cancelled=False,
        is_seen=one.has_others,
        lines=tuple(
            LineFacts(nobody, status, None, None, is_corrected=False) for status in statuses
        ),
        is_confirmed=one.is_confirmed,
    )


def _one_of(ids: Collection[Any]) -> ColumnElement[bool]:
    return col(Lesson.id).in_(ids) if ids else sqlalchemy.false()
