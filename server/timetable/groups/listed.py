"""Where one person is listed: their courses and classes on a date."""

import uuid
from collections.abc import Sequence
from datetime import date

from sqlmodel import Session, col, or_, select

from server.timetable.tables import Course, GroupMember, RosterEntry, StudentGroup


def courses_on(db: Session, person_id: uuid.UUID, day: date) -> Sequence[Course]:
    """Return the courses whose rosters list a person on a date, by code."""
    first, last = col(RosterEntry.from_date), col(RosterEntry.until_date)
    listed = select(RosterEntry.course_id).where(
        RosterEntry.person_id == person_id,
        or_(first.is_(None), first <= day),
        or_(last.is_(None), last >= day),
    )
    return db.exec(
        select(Course).where(col(Course.id).in_(listed)).order_by(col(Course.code))
    ).all()


def groups_of_person(db: Session, person_id: uuid.UUID, day: date) -> Sequence[StudentGroup]:
    """Return the classes and groups that a person is in on a date, by name."""
    last = col(GroupMember.until_date)
    groups = select(GroupMember.group_id).where(
        GroupMember.person_id == person_id,
        col(GroupMember.from_date) <= day,
        or_(last.is_(None), last >= day),
    )
    query = select(StudentGroup).where(col(StudentGroup.id).in_(groups))
    return db.exec(query.order_by(col(StudentGroup.name))).all()
