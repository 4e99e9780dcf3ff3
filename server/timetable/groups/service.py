"""Classes and groups: add and rename them, their members, and the courses that take them."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, and_, col, delete, func, or_, select

from server.audit.service import record
from server.errors import ConflictError, InvalidError, NotFoundError
from server.people.search import BY_NAME
from server.people.tables import Person
from server.timetable.groups.following import follow_groups
from server.timetable.service import course_of, found_or_404, lock_timetable
from server.timetable.tables import (
    Course,
    CourseGroup,
    GroupException,
    GroupMember,
    StudentGroup,
)

R = TypeVar("R", GroupMember, CourseGroup)


@dataclass(frozen=True)
class GroupChange:
    """Who changes a group, when, and which day it is at the school."""

    actor: str
    at: datetime
    today: date


def groups_and_sizes(db: Session, *, on: date) -> list[tuple[StudentGroup, int]]:
    """Return every group by name, with how many members it has on a date."""
    is_member = and_(col(GroupMember.group_id) == col(StudentGroup.id), _counts_on(on))
    query = (
        select(StudentGroup, func.count(col(GroupMember.id)))
        .outerjoin(GroupMember, is_member)
        .group_by(*StudentGroup.__table__.c)  # type: ignore[attr-defined]
        .order_by(col(StudentGroup.name))
    )
    return list(db.exec(query).all())


def group_of(db: Session, group_id: uuid.UUID) -> StudentGroup:
    """Return one group.

    Raises:
        NotFoundError: there is none of that id.
    """
    return found_or_404(db.get(StudentGroup, group_id), "group")


def create_group(db: Session, name: str, *, actor: str) -> StudentGroup:
    """Add a group.

    Raises:
        ConflictError: there is one of that name.
    """
    lock_timetable(db)
    group = StudentGroup(name=name)
    _save(db, group)
    record(db, actor=actor, action="group.create", subject=f"group:{group.id}")
    return group


def rename_group(db: Session, group_id: uuid.UUID, name: str, *, actor: str) -> StudentGroup:
    """Give a group another name.

    Raises:
        NotFoundError: there is no such group.
        ConflictError: there is another one of that name.
    """
    lock_timetable(db)
    group = group_of(db, group_id)
    group.name = name
    _save(db, group)
    record(db, actor=actor, action="group.change", subject=f"group:{group.id}")
    return group


def members(db: Session, group_id: uuid.UUID) -> list[tuple[GroupMember, Person]]:
    """Return everyone who is, was or will be in a group, by name."""
    query = (
        select(GroupMember, Person)
        .join(Person, col(Person.id) == col(GroupMember.person_id))
        .where(col(GroupMember.group_id) == group_id)
        .order_by(*BY_NAME, col(GroupMember.from_date))
    )
    return list(db.exec(query).all())


def members_on(db: Session, group_id: uuid.UUID, day: date) -> frozenset[uuid.UUID]:
    """Return who is in a group on a date.

    Raises:
        NotFoundError: there is no such group.
    """
    group_of(db, group_id)
    query = select(GroupMember.person_id).where(_counts_on(day), GroupMember.group_id == group_id)
    return frozenset(db.exec(query))


def groups_on(db: Session, day: date) -> list[tuple[StudentGroup, frozenset[uuid.UUID]]]:
    """Return every group that has members on a date, by name, with who they are."""
    people: dict[uuid.UUID, set[uuid.UUID]] = {}
    query = select(GroupMember.group_id, GroupMember.person_id).where(_counts_on(day))
    for group_id, person_id in db.exec(query):
        people.setdefault(group_id, set()).add(person_id)
    groups = db.exec(select(StudentGroup).order_by(col(StudentGroup.name)))
    return [(one, frozenset(people[one.id])) for one in groups if one.id in people]


def courses_of(db: Session, group_id: uuid.UUID) -> list[tuple[CourseGroup, Course]]:
    """Return the courses that take, took or will take their students from a group, by code."""
    query = (
        select(CourseGroup, Course)
        .join(Course, col(Course.id) == col(CourseGroup.course_id))
        .where(col(CourseGroup.group_id) == group_id)
        .order_by(col(Course.code), col(CourseGroup.from_date))
    )
    return list(db.exec(query).all())


def groups_of_course(db: Session, course_id: uuid.UUID, *, since: date) -> list[StudentGroup]:
    """Return the groups that a course takes students from on a date or later, by name."""
    goes_on = or_(col(CourseGroup.until_date).is_(None), col(CourseGroup.until_date) >= since)
    query = select(CourseGroup.group_id).where(CourseGroup.course_id == course_id, goes_on)
    groups = select(StudentGroup).where(col(StudentGroup.id).in_(query))
    return list(db.exec(groups.order_by(col(StudentGroup.name))).all())


def add_members(
    db: Session,
    group_id: uuid.UUID,
    people: Collection[uuid.UUID],
    from_date: date,
    change: GroupChange,
) -> list[GroupMember]:
    """Put people into a group from a date on; the courses of the group list them from then.

    Raises:
        NotFoundError: no such group or person.
        InvalidError: the data of a person was erased.
        ConflictError: a person is in the group then, or a roster would be full.
    """
    lock_timetable(db)
    group_of(db, group_id)
    rows = [_add_member(db, group_id, person_id, from_date) for person_id in sorted(set(people))]
    links = [link for link, _ in courses_of(db, group_id)]
    courses = {link.course_id for link in links}
    _end_exceptions(db, {one.course_id for one in links if _goes_on(one, from_date)}, people)
    follow_groups(db, courses, people, today=change.today, at=change.at)
    for row in rows:
        _record(db, "group.add", row, change)
    return rows


def end_member(
    db: Session, group_id: uuid.UUID, member_id: uuid.UUID, last_day: date, change: GroupChange
) -> None:
    """Set a person's last day in a group; a stay that has not begun by then is deleted.

    Raises:
        NotFoundError: there is no such member.
        InvalidError: the day is before today.
    """
    lock_timetable(db)
    row = db.get(GroupMember, member_id)
    if row is None or row.group_id != group_id:
        raise NotFoundError("This person is not in the group.", problem="no_group_member")
    _lock_people(db, {row.person_id})
    same = select(GroupMember).where(
        GroupMember.group_id == group_id, GroupMember.person_id == row.person_id
    )
    _end(db, row, last_day, change, others=db.exec(same).all())
    courses = {link.course_id for link, _ in courses_of(db, group_id)}
    follow_groups(db, courses, {row.person_id}, today=change.today, at=change.at)
    _record(db, "group.remove", row, change)


def add_course(
    db: Session, group_id: uuid.UUID, course_id: uuid.UUID, from_date: date, change: GroupChange
) -> CourseGroup:
    """Let a course take its students from a group, from a date on.

    Raises:
        NotFoundError: no such group or course.
        ConflictError: the course takes them then, or its roster would be full.
    """
    lock_timetable(db)
    group_of(db, group_id)
    course_of(db, course_id)
    query = select(CourseGroup).where(
        CourseGroup.group_id == group_id, CourseGroup.course_id == course_id
    )
    row = _resumed(db.exec(query).all(), from_date)
    row = row or CourseGroup(course_id=course_id, group_id=group_id, from_date=from_date)
    db.add(row)
    people = _lock_people(db, {member.person_id for member, _ in members(db, group_id)})
    coming = {one.person_id for one, _ in members(db, group_id) if _goes_on(one, from_date)}
    _end_exceptions(db, {course_id}, coming)
    follow_groups(db, {course_id}, people, today=change.today, at=change.at)
    _record(db, "group.course_add", row, change)
    return row


def end_course(
    db: Session, group_id: uuid.UUID, link_id: uuid.UUID, last_day: date, change: GroupChange
) -> None:
    """Set the last day on which a course takes its students from a group.

    Raises:
        NotFoundError: the course does not take them from it.
        InvalidError: the day is before today.
    """
    lock_timetable(db)
    row = db.get(CourseGroup, link_id)
    if row is None or row.group_id != group_id:
        raise NotFoundError("The course does not use this group.", problem="no_group_course")
    people = _lock_people(db, {member.person_id for member, _ in members(db, group_id)})
    same = select(CourseGroup).where(
        CourseGroup.group_id == group_id, CourseGroup.course_id == row.course_id
    )
    _end(db, row, last_day, change, others=db.exec(same).all())
    follow_groups(db, {row.course_id}, people, today=change.today, at=change.at)
    _record(db, "group.course_remove", row, change)


def lock_members(db: Session, group_id: uuid.UUID) -> None:
    """Lock everyone who is, was or will be in a group, as each change of its courses does."""
    _lock_people(db, {member.person_id for member, _ in members(db, group_id)})


def forget_member(db: Session, person_id: uuid.UUID) -> None:
    """Delete in which groups a person was; part of an erasure, which ends the roster entries."""
    db.exec(delete(GroupMember).where(col(GroupMember.person_id) == person_id))
    db.exec(delete(GroupException).where(col(GroupException.person_id) == person_id))


def _counts_on(day: date) -> ColumnElement[bool]:
    return and_(
        col(GroupMember.from_date) <= day,
        or_(col(GroupMember.until_date).is_(None), col(GroupMember.until_date) >= day),
    )


def _add_member(
    db: Session, group_id: uuid.UUID, person_id: uuid.UUID, from_date: date
) -> GroupMember:
    person = found_or_404(db.get(Person, person_id, with_for_update=True), "person")
    if person.erased_at is not None:
        raise InvalidError("The data of this person was erased.", problem="erased")
    query = select(GroupMember).where(
        GroupMember.group_id == group_id, GroupMember.person_id == person_id
    )
    row = _resumed(db.exec(query).all(), from_date)
    row = row or GroupMember(group_id=group_id, person_id=person_id, from_date=from_date)
    db.add(row)
    return row


def _resumed(rows: Sequence[R], from_date: date) -> R | None:
    """Return the row that ends on the day the new one begins, opened again.

    Raises:
        ConflictError: another row counts on that day or later.
    """
    later = [row for row in rows if row.until_date is None or row.until_date >= from_date]
    if not later:
        return None
    if len(later) > 1 or later[0].until_date != from_date:
        raise ConflictError("It is in the group in that time already.", problem="group_overlap")
    later[0].until_date = None
    return later[0]


def _goes_on(row: GroupMember | CourseGroup, day: date) -> bool:
    return row.until_date is None or row.until_date >= day


def _lock_people(db: Session, people: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Lock people before anything of theirs is written, in the order of everyone else."""
    query = select(Person.id).where(col(Person.id).in_(people)).order_by(col(Person.id))
    return set(db.exec(query.with_for_update()))


def _end(
    db: Session,
    row: GroupMember | CourseGroup,
    last_day: date,
    change: GroupChange,
    *,
    others: Sequence[GroupMember | CourseGroup],
) -> None:
    if any(
        one.id != row.id and one.from_date <= last_day and _goes_on(one, row.from_date)
        for one in others
    ):
        raise ConflictError("It is in the group in that time already.", problem="group_overlap")
    if last_day < change.today:
        raise InvalidError("The last day is over.", problem="group_past")
    if row.until_date is not None and row.until_date < change.today:
        raise ConflictError("It has ended already.", problem="group_ended")
    if row.from_date > last_day:
        db.delete(row)
    else:
        row.until_date = last_day
        db.add(row)
    db.flush()


def _end_exceptions(
    db: Session, courses: Collection[uuid.UUID], people: Collection[uuid.UUID]
) -> None:
    db.exec(
        delete(GroupException).where(
            col(GroupException.course_id).in_(courses), col(GroupException.person_id).in_(people)
        )
    )


def _record(db: Session, action: str, row: GroupMember | CourseGroup, change: GroupChange) -> None:
    details = {"first_day": row.from_date.isoformat()}
    if row.until_date is not None:
        details["last_day"] = row.until_date.isoformat()
    if isinstance(row, GroupMember):
        details["person"] = str(row.person_id)
    else:
        details["course"] = str(row.course_id)
    subject = f"group:{row.group_id}"
    record(db, actor=change.actor, action=action, subject=subject, details=details)


def _save(db: Session, group: StudentGroup) -> None:
    try:
        with db.begin_nested():
            db.add(group)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError("There is a group of that name.", problem="name_taken") from exc
