"""Rules of the timetable: what may be entered, who is due when."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, func, select

from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.people.tables import Person
from server.timetable.tables import ClassSession, Course, Room, RosterEntry, TimetableVersion

LONGEST_SESSION = timedelta(hours=24)
T = TypeVar("T")


@dataclass(frozen=True)
class SessionView:
    """A session with its course and room."""

    session: ClassSession
    course: Course
    room: Room


def create_room(session: Session, name: str) -> Room:
    """Add a room.

    Raises:
        ConflictError: there is one of that name.
    """
    room = Room(name=name)
    _insert(session, room, f"There is a room called {name} already.")
    return room


def create_course(session: Session, *, code: str, title: str) -> Course:
    """Add a course.

    Raises:
        ConflictError: there is one of that code.
    """
    course = Course(code=code, title=title)
    _insert(session, course, f"There is a course {code} already.")
    return course


def rooms(session: Session) -> list[Room]:
    """Every room, by name."""
    return list(session.exec(select(Room).order_by(col(Room.name))))


def courses(session: Session) -> list[Course]:
    """Every course, by code."""
    return list(session.exec(select(Course).order_by(col(Course.code))))


def room_of(session: Session, room_id: uuid.UUID) -> Room:
    """One room.

    Raises:
        NotFoundError: there is none of that id.
    """
    return _found(session.get(Room, room_id), "room")


def course_of(session: Session, course_id: uuid.UUID) -> Course:
    """One course.

    Raises:
        NotFoundError: there is none of that id.
    """
    return _found(session.get(Course, course_id), "course")


def add_to_roster(
    session: Session,
    course_id: uuid.UUID,
    *,
    person_id: uuid.UUID,
    from_date: date | None = None,
    until_date: date | None = None,
) -> RosterEntry:
    """Put a person on a course's roster.

    Raises:
        NotFoundError: no such course or person.
        InvalidError: the last day is before the first.
        ConflictError: the person is on the roster in that time already.
    """
    course_of(session, course_id)
    _found(session.get(Person, person_id), "person")
    if from_date and until_date and until_date < from_date:
        raise InvalidError("The last day on the roster is before the first.")
    for other in session.exec(
        select(RosterEntry).where(
            col(RosterEntry.course_id) == course_id, col(RosterEntry.person_id) == person_id
        )
    ):
        if _overlaps(other, from_date, until_date):
            raise ConflictError("This person is on the roster in that time already.")
    entry = RosterEntry(
        course_id=course_id, person_id=person_id, from_date=from_date, until_date=until_date
    )
    session.add(entry)
    _bump(session)
    session.flush()
    return entry


def remove_from_roster(session: Session, course_id: uuid.UUID, entry_id: uuid.UUID) -> None:
    """Take a roster entry back.

    Raises:
        NotFoundError: there is none of that id in that course.
    """
    entry = session.get(RosterEntry, entry_id)
    if entry is None or entry.course_id != course_id:
        raise NotFoundError("There is no such entry on the roster.")
    session.delete(entry)
    _bump(session)


def create_session(
    session: Session,
    *,
    course_id: uuid.UUID,
    room_id: uuid.UUID,
    starts_at: datetime,
    ends_at: datetime,
) -> ClassSession:
    """Add a session.

    Raises:
        NotFoundError: no such course or room.
        InvalidError: it ends before it starts, or lasts longer than a day.
        ConflictError: the room is taken in that time.
    """
    course_of(session, course_id)
    room_of(session, room_id)
    # Whole seconds: kiosks speak in milliseconds, and a bell is not that exact either.
    starts_at, ends_at = starts_at.replace(microsecond=0), ends_at.replace(microsecond=0)
    if not timedelta(0) < ends_at - starts_at <= LONGEST_SESSION:
        raise InvalidError("A session ends after it starts, and within a day.")
    taken = select(ClassSession).where(
        col(ClassSession.room_id) == room_id,
        col(ClassSession.starts_at) < ends_at,
        col(ClassSession.ends_at) > starts_at,
    )
    if session.exec(taken).first() is not None:
        raise ConflictError("The room has another session in that time.")
    added = ClassSession(course_id=course_id, room_id=room_id, starts_at=starts_at, ends_at=ends_at)
    session.add(added)
    _bump(session)
    session.flush()
    return added


def session_view(session: Session, session_id: uuid.UUID) -> SessionView:
    """One session with course and room.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = _found(session.get(ClassSession, session_id), "session")
    return SessionView(found, course_of(session, found.course_id), room_of(session, found.room_id))


def session_views(
    session: Session,
    *,
    after: datetime | None = None,
    before: datetime | None = None,
    room_id: uuid.UUID | None = None,
    limit: int = 500,
) -> list[SessionView]:
    """Sessions by start, with course and room.

    Args:
        session: the database session.
        after: only those that end after this.
        before: only those that start before this.
        room_id: only those in this room.
        limit: at most so many.
    """
    query = (
        select(ClassSession, Course, Room)
        .join(Course, col(Course.id) == col(ClassSession.course_id))
        .join(Room, col(Room.id) == col(ClassSession.room_id))
        .order_by(col(ClassSession.starts_at), col(Room.name))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(ClassSession.ends_at) > after)
    if before is not None:
        query = query.where(col(ClassSession.starts_at) < before)
    if room_id is not None:
        query = query.where(col(ClassSession.room_id) == room_id)
    return [SessionView(*row) for row in session.exec(query)]


def roster_people(
    session: Session, course_id: uuid.UUID, *, on: date | None = None
) -> list[tuple[RosterEntry, Person]]:
    """Who is on a course's roster, by family name; on one date only, where given."""
    rows = rosters_of(session, {course_id}).get(course_id, [])
    return [row for row in rows if on is None or applies(row[0], on)]


def rosters_of(
    session: Session, course_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[tuple[RosterEntry, Person]]]:
    """The rosters of several courses in one query, each by family name."""
    query = (
        select(RosterEntry, Person)
        .join(Person, col(Person.id) == col(RosterEntry.person_id))
        .where(col(RosterEntry.course_id).in_(course_ids))
        .order_by(col(Person.family_name), col(Person.given_name), col(Person.id))
    )
    found: dict[uuid.UUID, list[tuple[RosterEntry, Person]]] = {}
    for entry, person in session.exec(query):
        found.setdefault(entry.course_id, []).append((entry, person))
    return found


def roster_sizes(session: Session) -> dict[uuid.UUID, int]:
    """How many entries each course's roster has; courses without any are at 0."""
    query = (
        select(Course.id, func.count(col(RosterEntry.id)))
        .outerjoin(RosterEntry, col(RosterEntry.course_id) == col(Course.id))
        .group_by(col(Course.id))
    )
    return dict(session.exec(query).all())


def rosters(
    session: Session, views: Iterable[SessionView], zone: ZoneInfo
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Who is due in each of these sessions, by the date it has at the school.

    Returns:
        Person ids by session id.
    """
    wanted = list(views)
    by_course: dict[uuid.UUID, list[RosterEntry]] = {}
    query = select(RosterEntry).where(
        col(RosterEntry.course_id).in_({view.course.id for view in wanted})
    )
    for entry in session.exec(query.order_by(col(RosterEntry.person_id))):
        by_course.setdefault(entry.course_id, []).append(entry)
    return {
        view.session.id: [
            entry.person_id
            for entry in by_course.get(view.course.id, [])
            if applies(entry, local_date(view.session.starts_at, zone))
        ]
        for view in wanted
    }


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """The date a moment has at the school."""
    return moment.astimezone(zone).date()


def current_version(session: Session) -> int:
    """The number that grows with every change to the timetable."""
    row = session.get(TimetableVersion, 1)
    return row.version if row else 0


def running(session: Session, at: datetime | None = None) -> list[SessionView]:
    """The sessions that are on at a moment (default: now)."""
    moment = at or now()
    return session_views(session, after=moment, before=moment)


def applies(entry: RosterEntry, day: date) -> bool:
    """Whether an entry counts on a date."""
    after_first = entry.from_date is None or entry.from_date <= day
    return after_first and (entry.until_date is None or day <= entry.until_date)


def _overlaps(entry: RosterEntry, first: date | None, last: date | None) -> bool:
    starts_later = last is not None and entry.from_date is not None and entry.from_date > last
    ended = first is not None and entry.until_date is not None and entry.until_date < first
    return not (starts_later or ended)


def _insert(session: Session, row: Room | Course, conflict: str) -> None:
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as exc:
        raise ConflictError(conflict) from exc
    _bump(session)


def _bump(session: Session) -> None:
    row = session.get(TimetableVersion, 1, with_for_update=True)
    if row is None:
        session.add(TimetableVersion(version=1))
    else:
        row.version += 1
        session.add(row)


def _found(row: T | None, what: str) -> T:
    if row is None:
        raise NotFoundError(f"There is no such {what}.")
    return row
