"""Name, change and remove the substitute of a lesson, who sees and takes its register alone."""

import uuid
from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import literal
from sqlmodel import Session, col, or_, select

from server.accounts.tables import Account
from server.audit.service import record
from server.db.prepared import Prepared, table_of
from server.db.types import now
from server.errors import ConflictError, InvalidError
from server.timetable.lessons import DoubleBookingError
from server.timetable.service import (
    SUBSTITUTE_KEEPS,
    LessonView,
    found_or_404,
    lesson_view,
    lesson_views,
    lock_timetable,
)
from server.timetable.tables import CourseTeacher, Lesson, LessonSubstitute, PatternLesson
from server.web.principal import Principal, Role

_accounts = table_of(Account)
_TEACHERS = Prepared(
    sqlalchemy.select(_accounts.c.id, _accounts.c.display_name)
    .where(_accounts.c.role == Role.TEACHER, _accounts.c.is_active.is_(True))
    .order_by(_accounts.c.display_name, _accounts.c.id)
)


class LessonNotes(NamedTuple):
    """What stands beside a lesson.

    Attributes:
        is_of_pattern: the weekly timetable plans it.
        substitute: the name of who teaches it in place of the course's teachers; empty: nobody.
    """

    is_of_pattern: bool
    substitute: str


def set_substitute(
    db: Session,
    lesson_id: uuid.UUID,
    account_id: uuid.UUID,
    *,
    actor: str,
    allow_double: bool = False,
) -> LessonSubstitute:
    """Let a teacher teach one lesson: they see and take its register, and no other of the course.

    Raises:
        NotFoundError: no such lesson or account.
        InvalidError: the account is not an active teacher's.
        ConflictError: the lesson is cancelled, or the teacher has the course on that day.
        DoubleBookingError: the teacher has another lesson at that time.
    """
    lock_timetable(db)
    view = lesson_view(db, lesson_id)
    account = found_or_404(db.get(Account, account_id), "account")
    if account.role != Role.TEACHER or not account.is_active:
        raise InvalidError("This account is not a teacher's.", problem="not_a_teacher")
    if view.is_cancelled:
        raise ConflictError("This lesson is cancelled.", problem="cancelled")
    if view.course.id in courses_of(db, account_id, view.lesson.day):
        raise ConflictError("This teacher has the course.", problem="teaches_already")
    if not allow_double:
        _ask_about_other_lessons(db, view, account_id)
    row = db.get(LessonSubstitute, lesson_id) or LessonSubstitute(
        lesson_id=lesson_id, account_id=account_id
    )
    row.account_id = account_id
    db.add(row)
    _note(db, "lesson.substitute", row, actor)
    return row


def remove_substitute(db: Session, lesson_id: uuid.UUID, *, actor: str) -> None:
    """Give the lesson back to the course's teachers; nothing happens where they have it.

    Raises:
        NotFoundError: there is no such lesson.
    """
    lock_timetable(db)
    lesson_view(db, lesson_id)
    if (row := db.get(LessonSubstitute, lesson_id)) is not None:
        db.delete(row)
        _note(db, "lesson.end_substitute", row, actor)


def substitute_of(db: Session, lesson_id: uuid.UUID) -> uuid.UUID | None:
    """Return the account that teaches a lesson as a substitute."""
    row = db.get(LessonSubstitute, lesson_id)
    return row.account_id if row else None


def is_substitute(db: Session, lesson: Lesson, principal: Principal) -> bool:
    """Return whether an account has the register of a lesson as its substitute, now.

    It loses the register `SUBSTITUTE_KEEPS` after the lesson.
    """
    if principal.role != Role.TEACHER or lesson.ends_at <= now() - SUBSTITUTE_KEEPS:
        return False
    return substitute_of(db, lesson.id) == principal.account_id


def notes_of(db: Session, lesson_id: uuid.UUID) -> LessonNotes:
    """Return what stands beside one lesson, in one statement."""
    query = (
        sqlalchemy.select(col(PatternLesson.lesson_id), col(Account.display_name))
        .select_from(sqlalchemy.select(literal(1)).subquery())
        .outerjoin(PatternLesson, col(PatternLesson.lesson_id) == lesson_id)
        .outerjoin(LessonSubstitute, col(LessonSubstitute.lesson_id) == lesson_id)
        .outerjoin(Account, col(Account.id) == col(LessonSubstitute.account_id))
    )
    pattern, name = db.execute(query).one()
    return LessonNotes(pattern is not None, name or "")


def substitute_names(db: Session, lesson_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of substitutes by lesson."""
    query = (
        sqlalchemy.select(col(LessonSubstitute.lesson_id), col(Account.display_name))
        .join(Account, col(Account.id) == col(LessonSubstitute.account_id))
        .where(col(LessonSubstitute.lesson_id).in_(lesson_ids))
    )
    return {row[0]: row[1] for row in db.execute(query)}


def teachers(db: Session) -> Sequence[Account]:
    """Return the accounts that may be named, by name."""
    query = select(Account).where(Account.role == Role.TEACHER, col(Account.is_active).is_(True))
    return db.exec(query.order_by(col(Account.display_name), col(Account.id))).all()


def teacher_options(db: Session) -> list[tuple[str, str]]:
    """Return id and name of the same accounts, for a choice that pages draw all the time."""
    return [(str(key), name) for key, name in _TEACHERS.rows(db)]


def courses_of(db: Session, account_id: uuid.UUID, day: date) -> set[uuid.UUID]:
    """Return the courses that an account teaches on a date."""
    first, last = col(CourseTeacher.from_date), col(CourseTeacher.until_date)
    query = select(CourseTeacher.course_id).where(
        CourseTeacher.account_id == account_id,
        or_(first.is_(None), first <= day),
        or_(last.is_(None), last >= day),
    )
    return set(db.exec(query))


def _ask_about_other_lessons(db: Session, view: LessonView, account_id: uuid.UUID) -> None:
    lesson = view.lesson
    others = [
        one
        for one in lesson_views(db, after=lesson.starts_at, before=lesson.ends_at)
        if one.lesson.id != lesson.id and not one.is_cancelled
    ]
    names = {
        row.lesson_id: row.account_id
        for row in db.exec(
            select(LessonSubstitute).where(
                col(LessonSubstitute.lesson_id).in_([one.lesson.id for one in others])
            )
        )
    }
    own = courses_of(db, account_id, lesson.day)
    for one in others:
        taken_over = names.get(one.lesson.id)
        if taken_over == account_id or (taken_over is None and one.course.id in own):
            raise DoubleBookingError(
                f"This teacher teaches {one.course.code} in {one.room.name} at that time.",
                problem="substitute_elsewhere",
                course=one.course.code,
                room=one.room.name,
            )


def _note(db: Session, action: str, row: LessonSubstitute, actor: str) -> None:
    details = {"account": str(row.account_id)}
    record(db, actor=actor, action=action, subject=f"lesson:{row.lesson_id}", details=details)
