"""Who is on a course's roster when. Entries are closed and opened; the past stays as it was."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, or_, select

from protocol.v1.sync import MAX_ROSTER
from server.audit.service import record
from server.changes.service import Touched
from server.db.prepared import Prepared, several, table_of
from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.people.search import BY_NAME
from server.people.tables import Person
from server.timetable.joining import first_day, let_dates_decide, school_zone
from server.timetable.service import (
    LessonView,
    bump_version,
    course_of,
    found_or_404,
    lock_courses,
    lock_version,
)
from server.timetable.tables import (
    CourseGroup,
    GroupEntry,
    GroupException,
    GroupMember,
    Lesson,
    RosterEntry,
)


class PastRegistersError(ConflictError):
    """An ordinary edit would change registers of lessons that have started."""

    code = "past_registers"


@dataclass(frozen=True)
class RosterDates:
    """From when until when; both included, school time, open where None."""

    from_date: date | None = None
    until_date: date | None = None

    def __post_init__(self) -> None:
        if self.from_date and self.until_date and self.until_date < self.from_date:
            raise InvalidError("The last day on the roster is before the first.", problem="order")


class Dated(Protocol):
    """What decides in which lessons of its course a roster entry lists its person."""

    @property
    def from_date(self) -> date | None:
        """First day; None: from the beginning."""

    @property
    def until_date(self) -> date | None:
        """Last day; None: for good."""

    @property
    def counts_after(self) -> datetime | None:
        """Lessons that ended by then do not list the person."""


class Listing(NamedTuple):
    """A roster entry as it is read for many lessons at once; see `RosterEntry`."""

    course_id: uuid.UUID
    person_id: uuid.UUID
    from_date: date | None
    until_date: date | None
    counts_after: datetime | None


class ListedPerson(NamedTuple):
    """Who a roster lists, as registers show them; see `Person`."""

    id: uuid.UUID
    display_name: str
    student_number: str
    sort_key: bytes


_ENTRIES, _PEOPLE = table_of(RosterEntry), table_of(Person)
_LISTED = Prepared(
    sqlalchemy.select(
        *(_ENTRIES.c[name] for name in Listing._fields),
        *(_PEOPLE.c[name] for name in ListedPerson._fields),
    )
    .join(_PEOPLE, _PEOPLE.c.id == _ENTRIES.c.person_id)
    .where(_ENTRIES.c.course_id.in_(several("courses")))
    .order_by(_PEOPLE.c.sort_key, _PEOPLE.c.id, _ENTRIES.c.id)
)


def applies(entry: Dated, lesson: Lesson) -> bool:
    """Return whether an entry lists its person in a lesson of the course."""
    return is_listed(entry, ends_at=lesson.ends_at, day=lesson.day)


def is_listed(entry: Dated, *, ends_at: datetime, day: date) -> bool:
    """Return whether an entry counts for a lesson of its course with this end, on this day."""
    is_after = entry.counts_after is None or ends_at > entry.counts_after
    return is_after and covers(entry, day)


def covers(entry: Dated, day: date) -> bool:
    """Return whether a date lies between the entry's dates."""
    after_first = entry.from_date is None or entry.from_date <= day
    return after_first and (entry.until_date is None or day <= entry.until_date)


def add_to_roster(
    db: Session,
    course_id: uuid.UUID,
    *,
    person_id: uuid.UUID,
    from_date: date | None = None,
    until_date: date | None = None,
    actor: str,
) -> RosterEntry:
    """Put a person on a course's roster. Lessons that are over do not list the person for it.

    For days since `from_date`, lessons that are entered later and those of an import of past
    attendance do, where the course had no others yet.

    Raises:
        NotFoundError: no such course or person.
        InvalidError: the last day is before the first, or the person's data was erased.
        ConflictError: the person is on the roster in that time already, or it is full.
    """
    entry = _listed(db, course_id, person_id, RosterDates(from_date, until_date))
    details = {"person": str(person_id)}
    record(db, actor=actor, action="roster.add", subject=f"course:{course_id}", details=details)
    return entry


def _listed(
    db: Session, course_id: uuid.UUID, person_id: uuid.UUID, dates: RosterDates
) -> RosterEntry:
    course_of(db, course_id)
    person = found_or_404(db.get(Person, person_id, with_for_update=True), "person")
    if person.erased_at is not None:
        raise InvalidError("The data of this person was erased.", problem="erased")
    entry = RosterEntry(
        course_id=course_id,
        person_id=person_id,
        from_date=dates.from_date,
        until_date=dates.until_date,
        counts_after=now(),
    )
    zone = school_zone(db)
    first = RosterDates(first_day(entry, zone), dates.until_date)
    if (ended := _ending_on(db, entry, first.from_date)) is not None:
        resumed = RosterDates(ended.from_date, dates.until_date)
        leave_groups(db, ended)
        return _set_dates(db, ended, resumed, now())
    refuse_overlap(db, course_id, person_id, first)
    refuse_full(db, course_id, first)
    let_dates_decide(db, entry, zone)
    db.add(entry)
    bump_version(db, touched_by(entry))
    db.flush()
    return entry


def change_dates(
    db: Session,
    course_id: uuid.UUID,
    entry_id: uuid.UUID,
    dates: RosterDates,
    *,
    at: datetime,
    actor: str,
) -> RosterEntry:
    """Change an entry's dates where no lesson that has started is touched.

    Raises:
        NotFoundError: there is no such entry in that course.
        ConflictError: the person has another entry in that time, or the roster is full.
        PastRegistersError: registers of the past would change.
    """
    entry = entry_of(db, course_id, entry_id, lock=True)
    if dates == RosterDates(entry.from_date, entry.until_date):
        return entry
    _set_dates(db, entry, dates, at)
    leave_groups(db, entry)
    _record_entry(db, "roster.change", entry, actor)
    return entry


def _set_dates(db: Session, entry: RosterEntry, dates: RosterDates, at: datetime) -> RosterEntry:
    refuse_overlap(db, entry.course_id, entry.person_id, dates, besides=entry.id)
    refuse_full(db, entry.course_id, dates, besides=entry.id)
    started = started_lessons(db, entry.course_id, at)
    before = {lesson.id for lesson in started if applies(entry, lesson)}
    entry.from_date, entry.until_date = dates.from_date, dates.until_date
    after = {lesson.id for lesson in started if applies(entry, lesson)}
    if before != after:
        raise PastRegistersError(
            f"This would change the registers of {len(before ^ after)} lessons that have started.",
            problem="past_registers",
        )
    let_dates_decide(db, entry, school_zone(db))
    db.add(entry)
    bump_version(db, touched_by(entry))
    return entry


def end_entry(
    db: Session, course_id: uuid.UUID, entry_id: uuid.UUID, *, today: date, at: datetime, actor: str
) -> RosterEntry | None:
    """Take a person off the roster: today is the last day. Lessons that have started stay.

    Where none has started with the entry, yesterday is its last day.

    Returns:
        The closed entry; None where it was deleted: no lesson has started with it, and it has no
        first day before today.

    Raises:
        NotFoundError: there is no such entry in that course.
        ConflictError: it ended before today.
    """
    entry = entry_of(db, course_id, entry_id, lock=True)
    leave_groups(db, entry)
    _stay_out_of_groups(db, entry, today)
    closed = close_entry(db, entry, today=today, at=at)
    _record_entry(db, "roster.remove", entry, actor)
    return closed


def close_entry(
    db: Session, entry: RosterEntry, *, today: date, at: datetime
) -> RosterEntry | None:
    """Close an entry as part of a larger change, which the caller records in the audit trail.

    Returns, raises:
        As `end_entry`.
    """
    bump_version(db, touched_by(entry))
    has_started = any(applies(entry, one) for one in started_lessons(db, entry.course_id, at))
    first = first_day(entry, school_zone(db))
    if not has_started and (first is None or first >= today):
        db.delete(entry)
        return None
    if entry.until_date is not None and entry.until_date < today:
        raise ConflictError("This entry has ended already.", problem="ended")
    # Lessons of the days before today may be entered later; those of today have not begun.
    entry.until_date = today if has_started else today - timedelta(days=1)
    db.add(entry)
    return entry


def touched_by(entry: RosterEntry) -> Touched:
    """Return what changes with a roster entry: the roster, and where else its person is due."""
    return Touched(people=frozenset({entry.person_id}), courses=frozenset({entry.course_id}))


def leave_groups(db: Session, entry: RosterEntry) -> None:
    """Keep an entry one by one from now on: groups of the course change it no more."""
    if db.get(GroupEntry, entry.id) is None:
        return
    same = select(RosterEntry.id).where(
        RosterEntry.course_id == entry.course_id, RosterEntry.person_id == entry.person_id
    )
    db.exec(delete(GroupEntry).where(col(GroupEntry.entry_id).in_(same)))
    _except(db, entry)


def _stay_out_of_groups(db: Session, entry: RosterEntry, today: date) -> None:
    """See to it that no group lists a person again who is taken off a roster by hand."""
    listing = (
        select(GroupMember.id)
        .join(CourseGroup, col(CourseGroup.group_id) == col(GroupMember.group_id))
        .where(CourseGroup.course_id == entry.course_id, GroupMember.person_id == entry.person_id)
        .where(or_(col(GroupMember.until_date).is_(None), col(GroupMember.until_date) >= today))
        .where(or_(col(CourseGroup.until_date).is_(None), col(CourseGroup.until_date) >= today))
    )
    if db.exec(listing.limit(1)).first() is not None:
        _except(db, entry)


def _except(db: Session, entry: RosterEntry) -> None:
    db.merge(GroupException(course_id=entry.course_id, person_id=entry.person_id))
    db.flush()


def entry_of(
    db: Session, course_id: uuid.UUID, entry_id: uuid.UUID, *, lock: bool = False
) -> RosterEntry:
    """Return one entry of a course.

    Args:
        db: the caller's.
        course_id: of the course.
        entry_id: of the entry.
        lock: lock the person first: groups change entries too.

    Raises:
        NotFoundError: there is none of that id in that course.
    """
    if lock:
        query = select(RosterEntry.person_id).where(RosterEntry.id == entry_id)
        person = select(Person.id).where(col(Person.id).in_(query))
        db.exec(person.with_for_update()).all()
    entry = db.get(RosterEntry, entry_id, populate_existing=lock)
    if entry is None or entry.course_id != course_id:
        raise NotFoundError("There is no such entry on the roster.", problem="no_roster_entry")
    return entry


def refuse_overlap(
    db: Session,
    course_id: uuid.UUID,
    person_id: uuid.UUID,
    dates: RosterDates,
    *,
    besides: uuid.UUID | None = None,
) -> None:
    """Refuse dates in which the person is on the roster already.

    Raises:
        ConflictError: another entry of the person covers one of these days.
    """
    query = select(RosterEntry).where(
        col(RosterEntry.course_id) == course_id, col(RosterEntry.person_id) == person_id
    )
    zone = school_zone(db)
    for other in db.exec(query):
        if other.id != besides and _overlaps(other, dates, zone):
            raise ConflictError(
                "This person is on the roster in that time already.", problem="overlap"
            )


def refuse_full(
    db: Session, course_id: uuid.UUID, dates: RosterDates, *, besides: uuid.UUID | None = None
) -> None:
    """Refuse one entry more than a kiosk takes on the roster of a lesson.

    Course and version are locked first: two who add at once are counted one after the other.

    Raises:
        ConflictError: so many other entries of the course cover some of these days.
    """
    lock_courses(db, [course_id])
    lock_version(db)
    first, last = col(RosterEntry.from_date), col(RosterEntry.until_date)
    query = select(func.count()).where(
        col(RosterEntry.course_id) == course_id,
        or_(last.is_(None), last >= (dates.from_date or date.min)),
        or_(first.is_(None), first <= (dates.until_date or date.max)),
    )
    if besides is not None:
        query = query.where(col(RosterEntry.id) != besides)
    if db.exec(query).one() >= MAX_ROSTER:
        raise ConflictError(
            f"A roster has at most {MAX_ROSTER} people.", problem="roster_full", most=MAX_ROSTER
        )


def started_lessons(db: Session, course_id: uuid.UUID, at: datetime) -> Sequence[Lesson]:
    """Return the lessons of a course that have started, cancelled ones included, by start."""
    query = select(Lesson).where(col(Lesson.course_id) == course_id, col(Lesson.starts_at) <= at)
    return db.exec(query.order_by(col(Lesson.starts_at), col(Lesson.id))).all()


def roster_people(
    db: Session, course_id: uuid.UUID, *, on: date | None = None
) -> list[tuple[RosterEntry, Person]]:
    """Return a course's roster by name; only that of one date, where given."""
    rows = rosters_of(db, {course_id}).get(course_id, [])
    return [row for row in rows if on is None or covers(row[0], on)]


def rosters_of(
    db: Session, course_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[tuple[RosterEntry, Person]]]:
    """Return the rosters of several courses in one query, each by name."""
    query = (
        select(RosterEntry, Person)
        .join(Person, col(Person.id) == col(RosterEntry.person_id))
        .where(col(RosterEntry.course_id).in_(course_ids))
        .order_by(*BY_NAME, col(RosterEntry.id))
    )
    found: dict[uuid.UUID, list[tuple[RosterEntry, Person]]] = {}
    for entry, person in db.exec(query):
        found.setdefault(entry.course_id, []).append((entry, person))
    return found


def listed_people(
    db: Session, course_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[tuple[Listing, ListedPerson]]]:
    """Return the same as rows of both tables, which cost less than their objects."""
    found: dict[uuid.UUID, list[tuple[Listing, ListedPerson]]] = {}
    width = len(Listing._fields)
    for row in _LISTED.rows(db, courses=course_ids):
        listing = Listing(*row[:width])
        found.setdefault(listing.course_id, []).append((listing, ListedPerson(*row[width:])))
    return found


def rosters(db: Session, views: Iterable[LessonView]) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Return who is due in each of these lessons: person ids by lesson id."""
    wanted = list(views)
    of_these = col(RosterEntry.course_id).in_({view.course.id for view in wanted})
    by_course = listings(db, of_these)
    return {
        view.lesson.id: people_listed(
            by_course.get(view.course.id, ()), ends_at=view.lesson.ends_at, day=view.lesson.day
        )
        for view in wanted
    }


def listings(db: Session, condition: ColumnElement[bool]) -> dict[uuid.UUID, list[Listing]]:
    """Return the roster entries that a condition selects: by course, then by person."""
    columns = (col(getattr(RosterEntry, name)) for name in Listing._fields)
    query = sqlalchemy.select(*columns).where(condition).order_by(col(RosterEntry.person_id))
    found: dict[uuid.UUID, list[Listing]] = {}
    for row in db.execute(query):
        entry = Listing(*row)
        found.setdefault(entry.course_id, []).append(entry)
    return found


def people_listed(entries: Iterable[Listing], *, ends_at: datetime, day: date) -> list[uuid.UUID]:
    """Return the people these entries list in a lesson of their course, in order."""
    return [entry.person_id for entry in entries if is_listed(entry, ends_at=ends_at, day=day)]


def _record_entry(db: Session, action: str, entry: RosterEntry, actor: str) -> None:
    details = {"entry": str(entry.id), "person": str(entry.person_id)}
    record(db, actor=actor, action=action, subject=f"course:{entry.course_id}", details=details)


def _ending_on(db: Session, entry: RosterEntry, day: date | None) -> RosterEntry | None:
    """Return an entry of the person that ends on the very day the new one begins.

    A person who was taken off and is put back on the same day goes on with the entry they had.
    """
    if day is None:
        return None
    query = select(RosterEntry).where(
        col(RosterEntry.course_id) == entry.course_id,
        col(RosterEntry.person_id) == entry.person_id,
        col(RosterEntry.until_date) == day,
    )
    return db.exec(query).first()


def _overlaps(entry: RosterEntry, dates: RosterDates, zone: ZoneInfo) -> bool:
    first = first_day(entry, zone)
    starts_later = bool(dates.until_date and first and first > dates.until_date)
    ended = bool(dates.from_date and entry.until_date and entry.until_date < dates.from_date)
    return not (starts_later or ended)
