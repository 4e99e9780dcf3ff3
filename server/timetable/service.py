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
from server.timetable.tables import Course, Lesson, Room, RosterEntry, TimetableVersion

LONGEST_LESSON = timedelta(hours=24)
T = TypeVar("T")


@dataclass(frozen=True)
class LessonView:
    """A lesson with its course and room."""

    lesson: Lesson
    course: Course
    room: Room


def create_room(db: Session, name: str) -> Room:
    """Add a room.

    Raises:
        ConflictError: there is one of that name.
    """
    room = Room(name=name)
    _insert(db, room, f"There is a room called {name} already.")
    return room


def create_course(db: Session, *, code: str, title: str) -> Course:
    """Add a course.

    Raises:
        ConflictError: there is one of that code.
    """
    course = Course(code=code, title=title)
    _insert(db, course, f"There is a course {code} already.")
    return course


def rooms(db: Session) -> list[Room]:
    """Every room, by name."""
    return list(db.exec(select(Room).order_by(col(Room.name))))


def courses(db: Session) -> list[Course]:
    """Every course, by code."""
    return list(db.exec(select(Course).order_by(col(Course.code))))


def room_of(db: Session, room_id: uuid.UUID) -> Room:
    """One room.

    Raises:
        NotFoundError: there is none of that id.
    """
    return _found(db.get(Room, room_id), "room")


def course_of(db: Session, course_id: uuid.UUID) -> Course:
    """One course.

    Raises:
        NotFoundError: there is none of that id.
    """
    return _found(db.get(Course, course_id), "course")


def add_to_roster(
    db: Session,
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
    course_of(db, course_id)
    _found(db.get(Person, person_id), "person")
    if from_date and until_date and until_date < from_date:
        raise InvalidError("The last day on the roster is before the first.")
    for other in db.exec(
        select(RosterEntry).where(
            col(RosterEntry.course_id) == course_id, col(RosterEntry.person_id) == person_id
        )
    ):
        if _overlaps(other, from_date, until_date):
            raise ConflictError("This person is on the roster in that time already.")
    entry = RosterEntry(
        course_id=course_id, person_id=person_id, from_date=from_date, until_date=until_date
    )
    db.add(entry)
    _bump(db)
    db.flush()
    return entry


def remove_from_roster(db: Session, course_id: uuid.UUID, entry_id: uuid.UUID) -> None:
    """Take a roster entry back.

    Raises:
        NotFoundError: there is none of that id in that course.
    """
    entry = db.get(RosterEntry, entry_id)
    if entry is None or entry.course_id != course_id:
        raise NotFoundError("There is no such entry on the roster.")
    db.delete(entry)
    _bump(db)


def create_lesson(
    db: Session,
    *,
    course_id: uuid.UUID,
    room_id: uuid.UUID,
    starts_at: datetime,
    ends_at: datetime,
) -> Lesson:
    """Add a lesson.

    Raises:
        NotFoundError: no such course or room.
        InvalidError: it ends before it starts, or lasts longer than a day.
        ConflictError: the room is taken in that time.
    """
    course_of(db, course_id)
    room_of(db, room_id)
    # Whole seconds: kiosks speak in milliseconds, and a bell is not that exact either.
    starts_at, ends_at = starts_at.replace(microsecond=0), ends_at.replace(microsecond=0)
    if not timedelta(0) < ends_at - starts_at <= LONGEST_LESSON:
        raise InvalidError("A lesson ends after it starts, and within a day.")
    taken = select(Lesson).where(
        col(Lesson.room_id) == room_id,
        col(Lesson.starts_at) < ends_at,
        col(Lesson.ends_at) > starts_at,
    )
    if db.exec(taken).first() is not None:
        raise ConflictError("The room has another lesson in that time.")
    added = Lesson(course_id=course_id, room_id=room_id, starts_at=starts_at, ends_at=ends_at)
    db.add(added)
    _bump(db)
    db.flush()
    return added


def lesson_view(db: Session, lesson_id: uuid.UUID) -> LessonView:
    """One lesson with course and room.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = _found(db.get(Lesson, lesson_id), "lesson")
    return LessonView(found, course_of(db, found.course_id), room_of(db, found.room_id))


def lesson_views(
    db: Session,
    *,
    after: datetime | None = None,
    before: datetime | None = None,
    room_id: uuid.UUID | None = None,
    limit: int = 500,
) -> list[LessonView]:
    """Lessons by start, with course and room.

    Args:
        db: the database session.
        after: only those that end after this.
        before: only those that start before this.
        room_id: only those in this room.
        limit: at most so many.
    """
    query = (
        select(Lesson, Course, Room)
        .join(Course, col(Course.id) == col(Lesson.course_id))
        .join(Room, col(Room.id) == col(Lesson.room_id))
        .order_by(col(Lesson.starts_at), col(Room.name))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(Lesson.ends_at) > after)
    if before is not None:
        query = query.where(col(Lesson.starts_at) < before)
    if room_id is not None:
        query = query.where(col(Lesson.room_id) == room_id)
    return [LessonView(*row) for row in db.exec(query)]


def roster_people(
    db: Session, course_id: uuid.UUID, *, on: date | None = None
) -> list[tuple[RosterEntry, Person]]:
    """Who is on a course's roster, by family name; on one date only, where given."""
    rows = rosters_of(db, {course_id}).get(course_id, [])
    return [row for row in rows if on is None or applies(row[0], on)]


def rosters_of(
    db: Session, course_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[tuple[RosterEntry, Person]]]:
    """The rosters of several courses in one query, each by family name."""
    query = (
        select(RosterEntry, Person)
        .join(Person, col(Person.id) == col(RosterEntry.person_id))
        .where(col(RosterEntry.course_id).in_(course_ids))
        .order_by(col(Person.family_name), col(Person.given_name), col(Person.id))
    )
    found: dict[uuid.UUID, list[tuple[RosterEntry, Person]]] = {}
    for entry, person in db.exec(query):
        found.setdefault(entry.course_id, []).append((entry, person))
    return found


def roster_sizes(db: Session) -> dict[uuid.UUID, int]:
    """How many entries each course's roster has; courses without any are at 0."""
    query = (
        select(Course.id, func.count(col(RosterEntry.id)))
        .outerjoin(RosterEntry, col(RosterEntry.course_id) == col(Course.id))
        .group_by(col(Course.id))
    )
    return dict(db.exec(query).all())


def rosters(
    db: Session, views: Iterable[LessonView], zone: ZoneInfo
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Who is due in each of these lessons, by the date it has at the school.

    Returns:
        Person ids by lesson id.
    """
    wanted = list(views)
    by_course: dict[uuid.UUID, list[RosterEntry]] = {}
    query = select(RosterEntry).where(
        col(RosterEntry.course_id).in_({view.course.id for view in wanted})
    )
    for entry in db.exec(query.order_by(col(RosterEntry.person_id))):
        by_course.setdefault(entry.course_id, []).append(entry)
    return {
        view.lesson.id: [
            entry.person_id
            for entry in by_course.get(view.course.id, [])
            if applies(entry, local_date(view.lesson.starts_at, zone))
        ]
        for view in wanted
    }


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """The date a moment has at the school."""
    return moment.astimezone(zone).date()


def current_version(db: Session) -> int:
    """The number that grows with every change to the timetable."""
    row = db.get(TimetableVersion, 1)
    return row.version if row else 0


def running(db: Session, at: datetime | None = None) -> list[LessonView]:
    """The lessons that are on at a moment (default: now)."""
    moment = at or now()
    return lesson_views(db, after=moment, before=moment)


def applies(entry: RosterEntry, day: date) -> bool:
    """Whether an entry counts on a date."""
    after_first = entry.from_date is None or entry.from_date <= day
    return after_first and (entry.until_date is None or day <= entry.until_date)


def _overlaps(entry: RosterEntry, first: date | None, last: date | None) -> bool:
    starts_later = last is not None and entry.from_date is not None and entry.from_date > last
    ended = first is not None and entry.until_date is not None and entry.until_date < first
    return not (starts_later or ended)


def _insert(db: Session, row: Room | Course, conflict: str) -> None:
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError(conflict) from exc
    _bump(db)


def _bump(db: Session) -> None:
    row = db.get(TimetableVersion, 1, with_for_update=True)
    if row is None:
        db.add(TimetableVersion(version=1))
    else:
        row.version += 1
        db.add(row)


def _found(row: T | None, what: str) -> T:
    if row is None:
        raise NotFoundError(f"There is no such {what}.")
    return row
