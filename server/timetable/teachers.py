"""Who teaches which course when; what teachers may see follows from it."""

import uuid
from collections.abc import Sequence
from datetime import date

from sqlmodel import Session, col, or_, select

from server.accounts.tables import Account
from server.audit.service import record
from server.errors import ConflictError, InvalidError, NotFoundError
from server.timetable.service import course_of, lock_courses
from server.timetable.tables import CourseTeacher
from server.web.principal import Principal, Role


def add_teacher(
    db: Session,
    course_id: uuid.UUID,
    *,
    account_id: uuid.UUID,
    from_date: date | None = None,
    until_date: date | None = None,
    actor: str,
) -> CourseTeacher:
    """Let an account teach a course, from one date to another.

    Raises:
        NotFoundError: no such course or account.
        InvalidError: the account is no teacher's, or the last day is before the first.
        ConflictError: the account teaches the course in that time already.
    """
    course_of(db, course_id)
    lock_courses(db, [course_id], is_exclusive=True)
    teacher_account(db, account_id)
    if from_date and until_date and until_date < from_date:
        raise InvalidError("The last day is before the first.", problem="order")
    for other in teachers_of(db, course_id):
        if other.account_id == account_id and _overlap(other, from_date, until_date):
            raise ConflictError(
                "This teacher has the course in that time already.", problem="teaches_already"
            )
    row = CourseTeacher(
        course_id=course_id, account_id=account_id, from_date=from_date, until_date=until_date
    )
    db.add(row)
    _record(db, "course.add_teacher", row, actor)
    return row


def teacher_account(db: Session, account_id: uuid.UUID) -> Account:
    """Return the account of a teacher.

    Raises:
        NotFoundError: there is no such account.
        InvalidError: the account is no teacher's.
    """
    account = db.get(Account, account_id)
    if account is None:
        raise NotFoundError("There is no such account.", problem="no_account")
    if account.role != Role.TEACHER:
        raise InvalidError("This account is not a teacher's.", problem="not_a_teacher")
    return account


def end_teacher(
    db: Session, course_id: uuid.UUID, entry_id: uuid.UUID, *, last_day: date, actor: str
) -> CourseTeacher:
    """Set the last day on which an account teaches a course.

    Raises:
        NotFoundError: there is no such entry in that course.
        InvalidError: the last day is before the first.
    """
    row = db.get(CourseTeacher, entry_id)
    if row is None or row.course_id != course_id:
        raise NotFoundError("There is no such teacher of this course.", problem="no_course_teacher")
    if row.from_date is not None and last_day < row.from_date:
        raise InvalidError("The last day is before the first.", problem="order")
    row.until_date = last_day
    db.add(row)
    _record(db, "course.end_teacher", row, actor)
    return row


def teachers_of(db: Session, course_id: uuid.UUID) -> Sequence[CourseTeacher]:
    """Return everyone who teaches, taught or will teach a course."""
    query = select(CourseTeacher).where(CourseTeacher.course_id == course_id)
    return db.exec(query.order_by(col(CourseTeacher.created_at), col(CourseTeacher.id))).all()


def teacher_names(db: Session, course_id: uuid.UUID, day: date) -> Sequence[str]:
    """Return the names of those who teach a course on a date, in order."""
    query = (
        select(Account.display_name)
        .join(CourseTeacher, col(CourseTeacher.account_id) == col(Account.id))
        .where(
            CourseTeacher.course_id == course_id,
            or_(col(CourseTeacher.from_date).is_(None), col(CourseTeacher.from_date) <= day),
            or_(col(CourseTeacher.until_date).is_(None), col(CourseTeacher.until_date) >= day),
        )
    )
    return db.exec(query.order_by(col(Account.display_name)).distinct()).all()


def visible_courses(db: Session, principal: Principal, today: date) -> set[uuid.UUID] | None:
    """Return the courses whose lessons an account may see; None: all of them."""
    if principal.role != Role.TEACHER:
        return None
    query = select(CourseTeacher.course_id).where(
        CourseTeacher.account_id == principal.account_id,
        or_(col(CourseTeacher.from_date).is_(None), col(CourseTeacher.from_date) <= today),
        or_(col(CourseTeacher.until_date).is_(None), col(CourseTeacher.until_date) >= today),
    )
    return set(db.exec(query))


def substitute_account(principal: Principal) -> uuid.UUID | None:
    """Return whose lessons as a substitute are seen besides the visible courses."""
    return principal.account_id if principal.role == Role.TEACHER else None


def _record(db: Session, action: str, row: CourseTeacher, actor: str) -> None:
    details = {"account": str(row.account_id)}
    record(db, actor=actor, action=action, subject=f"course:{row.course_id}", details=details)


def _overlap(row: CourseTeacher, first: date | None, last: date | None) -> bool:
    starts_later = bool(last and row.from_date and row.from_date > last)
    ended = bool(first and row.until_date and row.until_date < first)
    return not (starts_later or ended)
