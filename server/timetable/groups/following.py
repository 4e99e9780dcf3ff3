"""Make the rosters of courses follow their groups, from today on."""

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlmodel import Session, col, select

from server.changes.service import Touched
from server.people.tables import Person
from server.timetable import roster
from server.timetable.groups.spans import Span, intersect, subtract
from server.timetable.joining import first_day, school_zone
from server.timetable.roster import RosterDates
from server.timetable.service import bump_version, lock_courses
from server.timetable.tables import (
    CourseGroup,
    GroupEntry,
    GroupException,
    GroupMember,
    RosterEntry,
)


@dataclass
class _Listed:
    """One person in one course.

    Attributes:
        wanted: days on which groups list the person.
        kept: days of entries that are kept one by one.
        following: entries that follow the groups and are not over.
        is_exempt: whether groups do not count here.
    """

    wanted: list[Span] = field(default_factory=list)
    kept: list[Span] = field(default_factory=list)
    following: list[RosterEntry] = field(default_factory=list)
    is_exempt: bool = False

    def days(self, today: date) -> list[Span]:
        """Return the days from today on on which entries that follow groups list the person."""
        if self.is_exempt:
            return []
        coming = Span(today, date.max)
        spans = [part for one in self.wanted if (part := intersect(one, coming))]
        return subtract(spans, self.kept)


def follow_groups(
    db: Session,
    courses: Collection[uuid.UUID],
    people: Collection[uuid.UUID],
    *,
    today: date,
    at: datetime,
) -> None:
    """Change roster entries of these people in these courses to what their groups say.

    Days before today and lessons that have started stay as they are.

    Raises:
        ConflictError: a roster would be full.
    """
    if not courses or not people:
        return
    db.flush()
    locked = select(Person.id).where(col(Person.id).in_(people)).order_by(col(Person.id))
    db.exec(locked.with_for_update()).all()
    lock_courses(db, courses)
    for (course_id, person_id), listed in sorted(_read(db, courses, people, today).items()):
        spans = listed.days(today)
        for entry in sorted(listed.following, key=lambda one: one.from_date or date.min):
            _adjust(db, entry, spans, today=today, at=at)
        for span in spans:
            _list(db, course_id, person_id, span, at)
    bump_version(db, Touched(people=frozenset(people), courses=frozenset(courses)))
    db.flush()


def _adjust(
    db: Session, entry: RosterEntry, spans: list[Span], *, today: date, at: datetime
) -> None:
    """Give an entry the dates of the span that it begins in, and take this from the spans."""
    start = max(entry.from_date or date.min, today)
    span = next((one for one in spans if one.first <= start <= one.last), None)
    if span is None:
        roster.close_entry(db, entry, today=today, at=at)
        db.flush()
        return
    spans.remove(span)
    if start > today:
        if span.first < start:  # lessons that are over do not list who joined after them
            entry.counts_after = at
        entry.from_date = span.first
    entry.until_date = _open(span.last)
    db.add(entry)


def _list(
    db: Session, course_id: uuid.UUID, person_id: uuid.UUID, span: Span, at: datetime
) -> None:
    dates = RosterDates(span.first, _open(span.last))
    db.flush()
    roster.refuse_full(db, course_id, dates)
    entry = RosterEntry(
        course_id=course_id,
        person_id=person_id,
        from_date=dates.from_date,
        until_date=dates.until_date,
        counts_after=at,
    )
    db.add(entry)
    db.flush()
    db.add(GroupEntry(entry_id=entry.id))


def _read(
    db: Session, courses: Collection[uuid.UUID], people: Collection[uuid.UUID], today: date
) -> dict[tuple[uuid.UUID, uuid.UUID], _Listed]:
    found: dict[tuple[uuid.UUID, uuid.UUID], _Listed] = defaultdict(_Listed)
    _read_entries(db, courses, people, today, found)
    exceptions = select(GroupException).where(
        col(GroupException.course_id).in_(courses), col(GroupException.person_id).in_(people)
    )
    for one in db.exec(exceptions):
        found[one.course_id, one.person_id].is_exempt = True
    both = (
        select(CourseGroup, GroupMember)
        .join(GroupMember, col(GroupMember.group_id) == col(CourseGroup.group_id))
        .where(col(CourseGroup.course_id).in_(courses), col(GroupMember.person_id).in_(people))
    )
    for link, member in db.exec(both):
        if span := intersect(_span(link), _span(member)):
            found[link.course_id, member.person_id].wanted.append(span)
    return found


def _read_entries(
    db: Session,
    courses: Collection[uuid.UUID],
    people: Collection[uuid.UUID],
    today: date,
    found: dict[tuple[uuid.UUID, uuid.UUID], _Listed],
) -> None:
    query = (
        select(RosterEntry, GroupEntry)
        .outerjoin(GroupEntry, col(GroupEntry.entry_id) == col(RosterEntry.id))
        .where(col(RosterEntry.course_id).in_(courses), col(RosterEntry.person_id).in_(people))
    )
    zone = school_zone(db)
    for entry, follows in db.exec(query).all():
        listed = found[entry.course_id, entry.person_id]
        if entry.until_date is not None and entry.until_date < today:
            continue
        if follows is None:
            first = first_day(entry, zone) or date.min
            listed.kept.append(Span(first, entry.until_date or date.max))
        else:
            listed.following.append(entry)


def _span(row: CourseGroup | GroupMember) -> Span:
    return Span(row.from_date, row.until_date or date.max)


def _open(last: date) -> date | None:
    return None if last == date.max else last
