"""Students that the classes of a course do not change: who they are, and how that ends."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, select

from server.audit.service import record
from server.errors import NotFoundError
from server.people.search import BY_NAME
from server.people.tables import Person
from server.timetable.groups.following import follow_groups
from server.timetable.groups.service import GroupChange
from server.timetable.service import course_of, lock_timetable
from server.timetable.tables import Course, CourseGroup, GroupException, GroupMember, StudentGroup


class PersonException(NamedTuple):
    """A person in a course whose class does not decide about them.

    Attributes:
        group: the class that would list them.
    """

    person: Person
    course: Course
    group: str


def exceptions_of(
    db: Session,
    today: date,
    *,
    course_id: uuid.UUID | None = None,
    person_id: uuid.UUID | None = None,
) -> Sequence[PersonException]:
    """Return who a class would list today or later, but for an exception; by name, then course.

    Args:
        db: the caller's.
        today: the school's date.
        course_id: only in this course.
        person_id: only this person.
    """
    wanted = []
    if course_id is not None:
        wanted.append(col(GroupException.course_id) == course_id)
    if person_id is not None:
        wanted.append(col(GroupException.person_id) == person_id)
    query = (
        sqlalchemy.select(Person, Course, sqlalchemy.func.min(col(StudentGroup.name)))
        .select_from(GroupException)
        .join(Person, col(Person.id) == col(GroupException.person_id))
        .join(Course, col(Course.id) == col(GroupException.course_id))
        .join(CourseGroup, col(CourseGroup.course_id) == col(GroupException.course_id))
        .join(
            GroupMember,
            and_(
                col(GroupMember.group_id) == col(CourseGroup.group_id),
                col(GroupMember.person_id) == col(GroupException.person_id),
            ),
        )
        .join(StudentGroup, col(StudentGroup.id) == col(CourseGroup.group_id))
        .where(*wanted, _goes_on(col(CourseGroup.until_date), today))
        .where(_goes_on(col(GroupMember.until_date), today))
        .group_by(*Person.__table__.c, *Course.__table__.c)  # type: ignore[attr-defined]
        .order_by(*BY_NAME, col(Course.code))
    )
    return [PersonException(*row) for row in db.execute(query)]


def end_exception(
    db: Session, course_id: uuid.UUID, person_id: uuid.UUID, change: GroupChange
) -> None:
    """Let the classes of a course decide about a person again, from today on.

    Days on which the roster lists the person by a single entry stay as they are.

    Raises:
        NotFoundError: no such course, or the classes decide about the person already.
        ConflictError: the roster would be full.
    """
    lock_timetable(db)
    course_of(db, course_id)
    db.exec(select(Person.id).where(Person.id == person_id).with_for_update()).all()
    row = db.get(GroupException, (course_id, person_id))
    if row is None:
        raise NotFoundError("The class decides already.", problem="no_group_exception")
    db.delete(row)
    follow_groups(db, {course_id}, {person_id}, today=change.today, at=change.at)
    details = {"person": str(person_id)}
    subject = f"course:{course_id}"
    record(db, actor=change.actor, action="roster.follow", subject=subject, details=details)


def _goes_on(last: Mapped[date | None], day: date) -> ColumnElement[bool]:
    return or_(last.is_(None), last >= day)
