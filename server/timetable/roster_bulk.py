"""Put many people on a roster, or take them off: each of them, or a reason why not."""

import uuid
from collections.abc import Callable, Collection
from datetime import date, datetime

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from server.db.many import ManyOutcome, change_each
from server.errors import ConflictError
from server.people.tables import Person
from server.timetable import roster
from server.timetable.roster import RosterDates
from server.timetable.service import course_of, courses, lock_courses
from server.timetable.tables import Course, RosterEntry


def add_many(
    db: Session,
    course_id: uuid.UUID,
    people: Collection[uuid.UUID],
    dates: RosterDates,
    *,
    actor: str,
) -> ManyOutcome:
    """Put people on a course's roster; see `roster.add_to_roster`.

    Raises:
        NotFoundError: there is no such course.
    """
    course_of(db, course_id)

    def add(person_id: uuid.UUID) -> None:
        roster.add_to_roster(
            db,
            course_id,
            person_id=person_id,
            from_date=dates.from_date,
            until_date=dates.until_date,
            actor=actor,
        )

    return _each(db, course_id, people, add)


def end_many(
    db: Session,
    course_id: uuid.UUID,
    people: Collection[uuid.UUID],
    *,
    today: date,
    at: datetime,
    actor: str,
) -> ManyOutcome:
    """Take people off a course's roster, today's or a later one; see `roster.end_entry`.

    Raises:
        NotFoundError: there is no such course.
    """
    course_of(db, course_id)

    def end(person_id: uuid.UUID) -> None:
        entries = db.exec(_open_entries(people=[person_id], today=today, course_id=course_id)).all()
        if not entries:
            raise ConflictError("This person is not on the roster.", problem="not_on_roster")
        for entry in entries:
            roster.end_entry(db, course_id, entry.id, today=today, at=at, actor=actor)

    return _each(db, course_id, people, end)


def courses_of_many(db: Session, people: Collection[uuid.UUID], today: date) -> list[Course]:
    """Return the courses that `end_many` could take any of these people off, by code."""
    found = {one.course_id for one in db.exec(_open_entries(people=people, today=today))}
    return courses(db, only=found)


def _open_entries(
    *, people: Collection[uuid.UUID], today: date, course_id: uuid.UUID | None = None
) -> SelectOfScalar[RosterEntry]:
    """Select the entries of people that last longer than today."""
    last = col(RosterEntry.until_date)
    query = select(RosterEntry).where(
        col(RosterEntry.person_id).in_(people), or_(last.is_(None), last > today)
    )
    if course_id is not None:
        query = query.where(RosterEntry.course_id == course_id)
    return query.order_by(col(RosterEntry.id))


def _each(
    db: Session,
    course_id: uuid.UUID,
    people: Collection[uuid.UUID],
    change: Callable[[uuid.UUID], None],
) -> ManyOutcome:
    """Do the same for each person; what one refuses leaves the others as they are.

    All of them are locked before the timetable's version is, in one order, so that two requests
    about the same people wait for each other instead of failing.
    """
    wanted = select(Person.id).where(col(Person.id).in_(people)).order_by(col(Person.id))
    db.exec(wanted.with_for_update()).all()
    lock_courses(db, [course_id])
    return change_each(db, people, change)
