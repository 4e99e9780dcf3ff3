"""Rooms, courses and lessons: look them up, add and rename rooms and courses."""

import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import sqlalchemy
from sqlalchemy import bindparam
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, and_, col, func, or_, select

from server.audit.service import record
from server.changes.service import Touched, note
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.db.lock import TIMETABLE_LOCK, lock_until_commit
from server.db.prepared import Prepared, several, table_of
from server.db.types import now
from server.errors import ConflictError, NotFoundError
from server.timetable.tables import (
    LONGEST_LESSON,
    Course,
    Lesson,
    LessonCancellation,
    LessonSubstitute,
    Room,
    RosterEntry,
    TimetableVersion,
)

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select

T = TypeVar("T")
#: A substitute sees and corrects the register of a lesson for so long after its end.
SUBSTITUTE_KEEPS = timedelta(days=14)
#: Courses in one choice; a longer one costs more than the rest of the page.
MOST_OFFERED = 300
_rooms, _courses = table_of(Room), table_of(Course)
_ROOMS = Prepared(sqlalchemy.select(_rooms.c.id, _rooms.c.name).order_by(_rooms.c.name))
_LABELS = Prepared(
    sqlalchemy.select(_courses.c.id, _courses.c.code, _courses.c.title)
    .order_by(_courses.c.code)
    .limit(MOST_OFFERED + 1)
)
#: The order of every list of lessons: by start, then room.
LESSON_ORDER = ListOrder(
    (col(Lesson.starts_at), col(Room.name), col(Lesson.id)), (datetime, str, uuid.UUID)
)


@dataclass(frozen=True)
class LessonView:
    """A lesson with its course and room.

    Attributes:
        cancellation: the one in force; None where the lesson counts.
    """

    lesson: Lesson
    course: Course
    room: Room
    cancellation: LessonCancellation | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the lesson counts for nothing."""
        return self.cancellation is not None


def create_room(db: Session, name: str, *, actor: str) -> Room:
    """Add a room.

    Raises:
        ConflictError: there is one of that name.
    """
    lock_timetable(db)
    room = Room(name=name)
    nothing_else = Touched(rooms=frozenset({room.id}))
    _save(db, room, f"There is a room called {name} already.", nothing_else)
    record(db, actor=actor, action="room.create", subject=f"room:{room.id}")
    return room


def rename_room(db: Session, room_id: uuid.UUID, name: str, *, actor: str) -> Room:
    """Give a room another name.

    Raises:
        NotFoundError: there is no such room.
        ConflictError: there is another one of that name.
    """
    lock_timetable(db)
    room = room_of(db, room_id)
    room.name = name
    # Kiosks elsewhere say where people are due, so all of them may show the name.
    _save(db, room, f"There is a room called {name} already.", None)
    record(db, actor=actor, action="room.change", subject=f"room:{room.id}")
    return room


def create_course(db: Session, *, code: str, title: str, actor: str) -> Course:
    """Add a course.

    Raises:
        ConflictError: there is one of that code.
    """
    lock_timetable(db)
    course = Course(code=code, title=title)
    _save(db, course, f"There is a course {code} already.", _names_of(course))
    record(db, actor=actor, action="course.create", subject=f"course:{course.id}")
    return course


def change_course(
    db: Session, course_id: uuid.UUID, *, code: str, title: str, actor: str
) -> Course:
    """Give a course another code or title.

    Raises:
        NotFoundError: there is no such course.
        ConflictError: there is another one of that code.
    """
    lock_timetable(db)
    course = course_of(db, course_id)
    course.code, course.title = code, title
    _save(db, course, f"There is a course {code} already.", _names_of(course))
    record(db, actor=actor, action="course.change", subject=f"course:{course.id}")
    return course


def room_labels(db: Session) -> list[tuple[str, str]]:
    """Return id and name of every room, by name, for a choice that pages draw all the time."""
    return [(str(key), name) for key, name in _ROOMS.rows(db)]


def rooms(db: Session) -> list[Room]:
    """Return every room, by name."""
    return list(db.exec(select(Room).order_by(col(Room.name))))


def courses(db: Session, *, only: Collection[uuid.UUID] | None = None) -> list[Course]:
    """Return every course, or those of these ids, by code."""
    query = select(Course).order_by(col(Course.code))
    if only is not None:
        query = query.where(col(Course.id).in_(only))
    return list(db.exec(query))


class CourseLabels(NamedTuple):
    """Courses for a choice.

    Attributes:
        options: id and words of each.
        most: how many are offered at most, where there are more; else 0.
    """

    options: list[tuple[str, str]]
    most: int


def course_labels(
    db: Session,
    *,
    only: Collection[uuid.UUID] | None = None,
    chosen: uuid.UUID | None = None,
) -> CourseLabels:
    """Return id and words of every course, or of those of these ids, by code, for a choice.

    Pages read it all the time, so it makes no objects of the table and stops at `MOST_OFFERED`;
    the chosen one is always there.
    """
    query = sqlalchemy.select(col(Course.id), col(Course.code), col(Course.title))
    if only is None:
        rows = list(_LABELS.rows(db))
    else:
        query = query.where(col(Course.id).in_(only))
        rows = list(db.execute(query.order_by(col(Course.code)).limit(MOST_OFFERED + 1)))
    most = MOST_OFFERED if len(rows) > MOST_OFFERED else 0
    del rows[MOST_OFFERED:]
    if most and chosen not in {None, *(key for key, _, _ in rows)}:
        rows += db.execute(query.where(col(Course.id) == chosen))
    return CourseLabels([(str(key), f"{code} {title}") for key, code, title in rows], most)


def courses_part(
    db: Session, *, which: "Collection[ColumnElement[bool]]" = (), limit: int, offset: int
) -> tuple[list[Course], int]:
    """Return some of the courses that fulfil conditions, by code, and how many there are."""
    query = select(Course).where(*which).order_by(col(Course.code)).limit(limit).offset(offset)
    count = select(func.count()).select_from(Course).where(*which)
    return list(db.exec(query)), db.exec(count).one()


def room_of(db: Session, room_id: uuid.UUID) -> Room:
    """Return one room.

    Raises:
        NotFoundError: there is none of that id.
    """
    return found_or_404(db.get(Room, room_id), "room")


def course_of(db: Session, course_id: uuid.UUID) -> Course:
    """Return one course.

    Raises:
        NotFoundError: there is none of that id.
    """
    return found_or_404(db.get(Course, course_id), "course")


def lesson_view(db: Session, lesson_id: uuid.UUID) -> LessonView:
    """Return one lesson with course and room.

    Raises:
        NotFoundError: there is none of that id.
    """
    found = lesson_views(db, ids=[lesson_id])
    return found_or_404(next(iter(found), None), "lesson")


@dataclass(frozen=True)
class LessonFilter:
    """Which lessons are meant, cancelled ones included; all where nothing is given.

    Attributes:
        ids: only these.
        after: only those that end after this.
        before: only those that start before this.
        room_ids: only those in these rooms.
        courses: only those of these courses.
        substitute: with `courses`: also those that this account teaches as a substitute.
        is_history: also those of which the substitute no longer sees the register.
        further: other conditions that they fulfil.
    """

    ids: Collection[uuid.UUID] | None = None
    after: datetime | None = None
    before: datetime | None = None
    room_ids: Collection[uuid.UUID] | None = None
    courses: Collection[uuid.UUID] | None = None
    substitute: uuid.UUID | None = None
    is_history: bool = False
    further: "tuple[ColumnElement[bool], ...]" = ()

    @property
    def has_own_conditions(self) -> bool:
        """Whether more is asked than ids and times, for which statements are built once."""
        return self.courses is not None or self.room_ids is not None or bool(self.further)

    def conditions(self) -> "list[ColumnElement[bool]]":
        """Return the conditions on `Lesson`."""
        conditions: list[ColumnElement[bool]] = [*self.further]
        if self.after is not None:
            conditions += ends_after(self.after)
        if self.before is not None:
            conditions.append(col(Lesson.starts_at) < self.before)
        for column, wanted in ((Lesson.id, self.ids), (Lesson.room_id, self.room_ids)):
            if wanted is not None:
                conditions.append(col(column).in_(wanted))
        if self.courses is not None:
            of_courses = col(Lesson.course_id).in_(self.courses)
            conditions.append(
                of_courses if self.substitute is None else of_courses | self._taught()
            )
        return conditions

    def query(self) -> "Select[Lesson, Course, Room, LessonCancellation]":
        """Select the lessons with course, room and cancellation, without an order."""
        return (
            sqlalchemy.select(Lesson, Course, Room, LessonCancellation)
            .join(Course, col(Course.id) == col(Lesson.course_id))
            .join(Room, col(Room.id) == col(Lesson.room_id))
            .outerjoin(LessonCancellation, in_force())
            .where(*self.conditions())
        )

    def ids_query(self) -> "Select[uuid.UUID]":
        """Select the ids of the same lessons."""
        return sqlalchemy.select(col(Lesson.id)).where(*self.conditions())

    def _taught(self) -> "ColumnElement[bool]":
        since = datetime.min.replace(tzinfo=UTC) if self.is_history else now() - SUBSTITUTE_KEEPS
        return taught_by(self.substitute, since)


def lesson_views(
    db: Session,
    *,
    ids: Collection[uuid.UUID] | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    room_ids: Collection[uuid.UUID] | None = None,
    courses: Collection[uuid.UUID] | None = None,
) -> list[LessonView]:
    """Return all lessons of a filter (see `LessonFilter`) by start, with course and room."""
    values = lesson_values(ids=ids, after=after, before=before, room_ids=room_ids, courses=courses)
    return [LessonView(*row) for row in db.execute(lessons_by(frozenset(values)), values)]


def lesson_values(*, after: datetime | None, **wanted: Any) -> dict[str, Any]:
    """Return the values that `lessons_by` needs for a filter, by name."""
    values = {name: value for name, value in wanted.items() if value is not None}
    if "substitute" in values:
        values["substitute_since"] = now() - SUBSTITUTE_KEEPS
    return (
        values if after is None else values | {"after": after, "starts_after": _starts_after(after)}
    )


@cache
def lessons_by(names: frozenset[str]) -> "Select[Lesson, Course, Room, LessonCancellation]":
    """Return the query for the lessons, built once for each choice of what they are asked by."""
    conditions = {
        "ids": col(Lesson.id).in_(several("ids")),
        "after": col(Lesson.ends_at) > bindparam("after"),
        "starts_after": col(Lesson.starts_at) > bindparam("starts_after"),
        "before": col(Lesson.starts_at) < bindparam("before"),
        "room_ids": col(Lesson.room_id).in_(several("room_ids")),
        "courses": col(Lesson.course_id).in_(several("courses")),
    }
    if "substitute" in names:
        conditions["courses"] |= taught_by(bindparam("substitute"), bindparam("substitute_since"))
    chosen = [conditions[name] for name in sorted(names - {"substitute", "substitute_since"})]
    return LessonFilter().query().where(*chosen).order_by(*LESSON_ORDER.by())


def lesson_part(db: Session, which: LessonFilter, wanted: PartWanted) -> Part[LessonView]:
    """Return a part of the lessons of a filter, by start."""
    part = read_part(db, which.query(), LESSON_ORDER, wanted)
    return Part([LessonView(*row) for row in part.rows], part.total, part.last)


def taught_by(account: Any, since: Any) -> "ColumnElement[bool]":
    """Which lessons that end after a moment an account teaches as a substitute."""
    own = sqlalchemy.select(col(LessonSubstitute.lesson_id))
    is_own = col(Lesson.id).in_(own.where(col(LessonSubstitute.account_id) == account))
    return and_(is_own, col(Lesson.ends_at) > since)


def in_force() -> "ColumnElement[bool]":
    """Which cancellations are in force for the lesson of the same row."""
    return and_(
        col(LessonCancellation.lesson_id) == col(Lesson.id),
        col(LessonCancellation.restored_at).is_(None),
    )


def ends_after(moment: datetime) -> "list[ColumnElement[bool]]":
    """Which lessons end after a moment, so that the database need not read all earlier ones."""
    return [col(Lesson.ends_at) > moment, col(Lesson.starts_at) > _starts_after(moment)]


def _starts_after(moment: datetime) -> datetime:
    """Return after when a lesson starts that ends after a moment."""
    with suppress(OverflowError):  # in the year 1
        return moment.astimezone(UTC) - LONGEST_LESSON
    return datetime.min.replace(tzinfo=UTC)


def roster_sizes(db: Session, courses: Collection[uuid.UUID], *, on: date) -> dict[uuid.UUID, int]:
    """Return how many people the roster of each of these courses lists on a date."""
    is_listed = and_(
        col(RosterEntry.course_id) == col(Course.id),
        or_(col(RosterEntry.from_date).is_(None), col(RosterEntry.from_date) <= on),
        or_(col(RosterEntry.until_date).is_(None), col(RosterEntry.until_date) >= on),
    )
    query = (
        select(Course.id, func.count(col(RosterEntry.id)))
        .outerjoin(RosterEntry, is_listed)
        .where(col(Course.id).in_(courses))
        .group_by(col(Course.id))
    )
    return dict(db.exec(query).all())


def lock_timetable(db: Session) -> None:
    """Let one transaction at a time read the timetable and change what it read.

    It also guards names: a row with a unique name waits for another transaction that adds the same
    one, so both must not wait for each other. Callers take it first: the version and the audit
    trail are locked after it, in this order.
    """
    lock_until_commit(db, TIMETABLE_LOCK)


def lock_courses(
    db: Session, courses: Collection[uuid.UUID], *, is_exclusive: bool = False
) -> None:
    """Keep courses as they are until the commit; see CONTRIBUTING.md for the order of locks.

    What refers to a course, such as an entry of its roster, waits for a change of its code, and the
    other way round. So who writes such rows after the version or an entry of the audit trail calls
    this before.

    Args:
        db: the caller's.
        courses: their ids.
        is_exclusive: nobody else holds this lock, as one who changes codes or teachers needs it.
    """
    query = select(Course.id).where(col(Course.id).in_(courses)).order_by(col(Course.id))
    is_shared = not is_exclusive
    db.exec(query.with_for_update(read=is_shared, key_share=is_shared)).all()


def bump_version(db: Session, touched: Touched | None = None) -> None:
    """Note that the timetable changed, so that kiosks fetch it.

    Args:
        db: the caller's.
        touched: what changed; None where every kiosk may have to know.
    """
    note(db, touched)
    row = db.get(TimetableVersion, 1, with_for_update=True)
    if row is None:
        db.add(TimetableVersion(version=1))
    else:
        row.version += 1
        db.add(row)


def touched_by(*lessons: Lesson) -> Touched:
    """Return what changes where these lessons come, go or move, as they are now."""
    return Touched(
        lessons_of=frozenset(lesson.course_id for lesson in lessons),
        rooms=frozenset(lesson.room_id for lesson in lessons),
    )


def lock_version(db: Session) -> None:
    """Lock the version before an entry of the audit trail, where it may be changed after one.

    Callers with several changes in one transaction take it first; see CONTRIBUTING.md.
    """
    db.get(TimetableVersion, 1, with_for_update=True)


def found_or_404(row: T | None, what: str) -> T:
    """Return a row that must exist.

    Raises:
        NotFoundError: it does not.
    """
    if row is None:
        raise NotFoundError(f"There is no such {what}.", problem=f"no_{what}")
    return row


def _names_of(course: Course) -> Touched:
    """Return what changes with a course's code or title: kiosks show them in its rooms only."""
    return Touched(courses=frozenset({course.id}))


def _save(db: Session, row: Room | Course, conflict: str, touched: Touched | None) -> None:
    try:
        with db.begin_nested():
            db.add(row)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError(conflict, problem="name_taken") from exc
    bump_version(db, touched)
