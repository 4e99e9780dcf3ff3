"""Who or what would be in two lessons at once: rooms, courses, teachers and students."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple, TypeVar

import sqlalchemy
from sqlmodel import Session, col, select

from server.timetable.patterns.weekly import PlannedLesson
from server.timetable.service import ends_after, in_force
from server.timetable.tables import (
    CourseTeacher,
    Lesson,
    LessonCancellation,
    LessonSubstitute,
    PatternLesson,
    RosterEntry,
)

_Key = TypeVar("_Key", int, uuid.UUID)
#: More planned rows in one room or of one course at once are a crowd; see `_Crowds`.
_MOST_AT_ONCE = 10
#: How many others are noted for a row of a crowd.
_MOST_NOTED = 6


class ClashKind(StrEnum):
    """What would be in two lessons at once. A room is never; the others may be meant."""

    ROOM = "room"
    COURSE = "course"
    TEACHER = "teacher"
    STUDENT = "student"


@dataclass
class Clash:
    """A planned row and a lesson, or all lessons of a pattern, that are at the same time.

    Attributes:
        row: which of the planned rows, from 0.
        kind: what both need.
        course_id: of the other lessons.
        room_id: of the other lessons.
        starts_at: of the first other lesson, UTC.
        ends_at: likewise.
        lessons: how many lessons of the row have it.
        who: the accounts of teachers or the ids of students who would be in both.
        other_row: which of the planned rows the other lessons are of; None: they are planned.
    """

    row: int
    kind: ClashKind
    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    lessons: int = 0
    who: set[uuid.UUID] = field(default_factory=set)
    other_row: int | None = None


class Booking(NamedTuple):
    """A lesson that is planned, or is to be.

    Attributes:
        row: of what is to be planned; None where it is planned already.
        source: lessons of one source are named together: a pattern, or the lesson itself.
        course_no: the same number for the same course.
        room_no: the same number for the same room.
        substitute: the account that teaches it in place of the course's teachers.
    """

    starts_at: datetime
    ends_at: datetime
    day: date
    course_id: uuid.UUID
    room_id: uuid.UUID
    source: uuid.UUID
    course_no: int
    room_no: int
    row: int | None = None
    substitute: uuid.UUID | None = None


#: By row, kind and source of the other lessons.
_Found = dict[tuple[int, ClashKind, uuid.UUID], Clash]


class _Numbers(dict[uuid.UUID, int]):
    """Small numbers for ids: thousands of pairs are compared, and ids compare slowly."""

    def __missing__(self, key: uuid.UUID) -> int:
        self[key] = len(self)
        return self[key]


class _SharedSpans(NamedTuple):
    """Who belongs to both of two courses, and when."""

    teachers: list["_Span"]
    students: list["_Span"]


class _Span(NamedTuple):
    """When a person belongs to two courses at once."""

    who: uuid.UUID
    first: date
    last: date


def find_clashes(
    db: Session,
    rows: Sequence[Sequence[PlannedLesson]],
    *,
    besides: Collection[uuid.UUID] = (),
    is_alone: bool = False,
) -> list[Clash]:
    """Return the clashes of planned rows with each other and with the lessons that are planned.

    Args:
        db: the caller's.
        rows: the lessons of each row that is to be planned.
        besides: patterns whose lessons do not count, because the rows take their place. Those that
            a person changed stay where they are, so they count.
        is_alone: compare the rows with each other alone.

    Returns:
        By row; of one row first rooms, then courses, teachers and students, each by time.
    """
    numbers = _Numbers()
    wanted = [_wanted(plan, row, numbers) for row, plans in enumerate(rows) for plan in plans]
    if not wanted:
        return []
    first = min(one.starts_at for one in wanted)
    last = max(one.ends_at for one in wanted)
    booked = [] if is_alone else _booked(db, first, last, besides, numbers)
    return _clashes(wanted, booked, _Shared.of(db, wanted + booked))


def _clashes(wanted: list[Booking], booked: list[Booking], shared: "_Shared") -> list[Clash]:
    found: _Found = {}
    crowded = _Crowds(found).lessons(wanted)
    left = [one for one in wanted if id(one) not in crowded]
    crowds = _merged(one for one in wanted if id(one) in crowded)
    of_crowds = set(map(id, crowds))
    for one, other in _pairs(left + booked, crowds, shared):
        for kind, who in shared.needs(one, other):
            for mine, theirs in ((one, other), (other, one)):
                if mine.row is not None and id(mine) not in of_crowds:
                    _note(found, mine.row, kind, theirs, who)
    order = list(ClashKind)
    return sorted(found.values(), key=lambda c: (c.row, order.index(c.kind), c.starts_at))


def _note(
    found: _Found, row: int, kind: ClashKind, theirs: Booking, who: Iterable[uuid.UUID]
) -> None:
    clash = found.get((row, kind, theirs.source))
    if clash is None:
        clash = found[row, kind, theirs.source] = Clash(
            row,
            kind,
            theirs.course_id,
            theirs.room_id,
            theirs.starts_at,
            theirs.ends_at,
            other_row=theirs.row,
        )
    clash.lessons += 1
    clash.who.update(who)


class _Crowds:
    """Finds lessons of planned rows of which too many need one room, or are of one course, at once.

    Each of these rows clashes with several others, so it is enough to note some. Comparing each
    with each would take time by their square: a file may have 100,000 rows.
    """

    def __init__(self, found: _Found) -> None:
        self._found = found
        self._noted: dict[int, set[int]] = {}

    def lessons(self, wanted: Iterable[Booking]) -> set[int]:
        """Note clashes of the rows of crowds, and return which lessons these are, by `id`."""
        crowded: set[int] = set()
        by_place: dict[tuple[ClashKind, int], list[Booking]] = {}
        for one in sorted(wanted, key=lambda one: one.starts_at):
            for kind, number in (ClashKind.ROOM, one.room_no), (ClashKind.COURSE, one.course_no):
                running = by_place.get((kind, number), [])
                running = [other for other in running if other.ends_at > one.starts_at]
                running.append(one)
                if len(running) > _MOST_AT_ONCE:
                    self._note_each(kind, running)
                    crowded.update(map(id, running))
                    # A later lesson that meets any of a crowd meets those that end last.
                    running.sort(key=lambda one: one.ends_at, reverse=True)
                    running.pop()
                by_place[kind, number] = running
        return crowded

    def _note_each(self, kind: ClashKind, together: Sequence[Booking]) -> None:
        for one in together:
            assert one.row is not None
            noted = self._noted.setdefault(one.row, set())
            if len(noted) >= _MOST_NOTED:
                continue
            for other in together:
                if other.row is not None and other.row != one.row and other.row not in noted:
                    _note(self._found, one.row, kind, other, ())
                    noted.add(other.row)


def _merged(crowded: Iterable[Booking]) -> list[Booking]:
    """Return when courses have lessons of crowds in a room: one booking for all that overlap.

    Other rows are compared with these, so that time grows with the courses and not with the rows.
    """
    by_place: dict[tuple[int, int, date], list[Booking]] = {}
    for one in sorted(crowded, key=lambda one: one.starts_at):
        found = by_place.setdefault((one.course_no, one.room_no, one.day), [])
        if found and one.starts_at < found[-1].ends_at:
            found[-1] = found[-1]._replace(ends_at=max(one.ends_at, found[-1].ends_at))
        else:
            found.append(one._replace())
    return [one for some in by_place.values() for one in some]


def _pairs(
    bookings: list[Booking], crowds: list[Booking], shared: "_Shared"
) -> Iterator[tuple[Booking, Booking]]:
    """Yield the pairs that overlap, may share something, and of which one is to be planned.

    Those of crowds are not compared with each other.
    """
    running, crowded = _Running(), _Running()
    of_crowds = set(map(id, crowds))
    for one in sorted(bookings + crowds, key=lambda one: one.starts_at):
        is_crowd = id(one) in of_crowds
        others = running.near(one, shared)
        others += [] if is_crowd else crowded.near(one, shared)
        for other in others:
            is_new = one.row is not None or other.row is not None
            if is_new and not (one.source == other.source and one.row == other.row):
                yield other, one
        (crowded if is_crowd else running).add(one)


class _Running:
    """Lessons that may go on when the next one starts: by room, course, and those of substitutes.

    A hundred courses have lessons at once, and most share nothing: comparing each with each would
    take most of the time of an import.
    """

    def __init__(self) -> None:
        self._rooms: dict[int, list[Booking]] = {}
        self._courses: dict[uuid.UUID, list[Booking]] = {}
        self._substituted: list[Booking] = []

    def add(self, one: Booking) -> None:
        """Note a lesson that starts."""
        self._rooms.setdefault(one.room_no, []).append(one)
        self._courses.setdefault(one.course_id, []).append(one)
        if one.substitute is not None:
            self._substituted.append(one)

    def near(self, one: Booking, shared: "_Shared") -> list[Booking]:
        """Return the lessons that go on when one starts and may share something with it."""
        courses = shared.related(one.course_id)
        if one.substitute is not None:
            courses = courses | shared.taught_by(one.substitute)
        self._substituted = _going_on(self._substituted, one)
        found = [*self._going_on(self._rooms, one.room_no, one), *self._substituted]
        for course in [one.course_id, *(courses & self._courses.keys())]:
            found += self._going_on(self._courses, course, one)
        return list({id(other): other for other in found}.values())

    def _going_on(
        self, by: "dict[_Key, list[Booking]]", key: "_Key", one: Booking
    ) -> list[Booking]:
        if not (some := _going_on(by.get(key, ()), one)):
            by.pop(key, None)
            return []
        by[key] = some
        return some


def _going_on(bookings: Iterable[Booking], one: Booking) -> list[Booking]:
    return [other for other in bookings if other.ends_at > one.starts_at]


class _Shared:
    """What two lessons share. Each pair of courses is compared once: most share nobody."""

    def __init__(
        self,
        teachers: dict[uuid.UUID, list[_Span]],
        students: dict[uuid.UUID, list[_Span]],
    ) -> None:
        self._teachers, self._students = teachers, students
        self._known: dict[tuple[int, int], _SharedSpans] = {}
        self._courses_of: dict[uuid.UUID, set[uuid.UUID]] = {}
        for members in (teachers, students):
            for course_id, spans in members.items():
                for span in spans:
                    self._courses_of.setdefault(span.who, set()).add(course_id)
        self._related: dict[uuid.UUID, set[uuid.UUID]] = {}

    @classmethod
    def of(cls, db: Session, bookings: Iterable[Booking]) -> "_Shared":
        """Read who belongs to the courses of these lessons."""
        courses = {one.course_id for one in bookings}
        return cls(_teachers(db, courses), _students(db, courses))

    def related(self, course_id: uuid.UUID) -> set[uuid.UUID]:
        """Return the courses that share anybody with a course, at any time."""
        if course_id not in self._related:
            spans = (members.get(course_id, ()) for members in (self._teachers, self._students))
            people = {span.who for some in spans for span in some}
            self._related[course_id] = set().union(*map(self._courses_of.__getitem__, people))
        return self._related[course_id]

    def taught_by(self, account: uuid.UUID) -> set[uuid.UUID]:
        """Return the courses that an account belongs to, at any time."""
        return self._courses_of.get(account, set())

    def needs(
        self, one: Booking, other: Booking
    ) -> Iterator[tuple[ClashKind, Collection[uuid.UUID]]]:
        """Yield what both lessons need at the same time."""
        if one.room_no == other.room_no:
            yield ClashKind.ROOM, ()
        if one.course_no == other.course_no:
            yield ClashKind.COURSE, ()
            return
        spans = self._spans(one, other)
        has_substitute = one.substitute is not None or other.substitute is not None
        if not (spans.teachers or spans.students or has_substitute):
            return
        teachers = (
            self._teaching(one) & self._teaching(other)
            if has_substitute
            else _on(spans.teachers, one.day)
        )
        if teachers:
            yield ClashKind.TEACHER, teachers
        if students := _on(spans.students, one.day):
            yield ClashKind.STUDENT, students

    def _spans(self, one: Booking, other: Booking) -> "_SharedSpans":
        key = (one.course_no, other.course_no)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _SharedSpans(
                _overlaps(self._teachers, one.course_id, other.course_id),
                _overlaps(self._students, one.course_id, other.course_id),
            )
        return known

    def _teaching(self, one: Booking) -> set[uuid.UUID]:
        if one.substitute is not None:
            return {one.substitute}
        return _on(self._teachers.get(one.course_id, []), one.day)


def _overlaps(
    members: dict[uuid.UUID, list[_Span]], one: uuid.UUID, other: uuid.UUID
) -> list[_Span]:
    by_person: dict[uuid.UUID, list[_Span]] = {}
    for span in members.get(one, ()):
        by_person.setdefault(span.who, []).append(span)
    found = []
    for span in members.get(other, ()):
        for mine in by_person.get(span.who, ()):
            first, last = max(mine.first, span.first), min(mine.last, span.last)
            if first <= last:
                found.append(_Span(span.who, first, last))
    return found


def _on(spans: Iterable[_Span], day: date) -> set[uuid.UUID]:
    return {span.who for span in spans if span.first <= day <= span.last}


def _wanted(plan: PlannedLesson, row: int, numbers: _Numbers) -> Booking:
    return Booking(
        plan.starts_at,
        plan.ends_at,
        plan.day,
        plan.course_id,
        plan.room_id,
        plan.pattern_id,
        numbers[plan.course_id],
        numbers[plan.room_id],
        row,
    )


def _booked(
    db: Session,
    first: datetime,
    last: datetime,
    besides: Collection[uuid.UUID],
    numbers: _Numbers,
) -> list[Booking]:
    """Return the lessons of a span that are not cancelled."""
    query = (
        sqlalchemy.select(
            Lesson,
            col(PatternLesson.pattern_id),
            col(PatternLesson.is_changed),
            col(LessonSubstitute.account_id),
        )
        .outerjoin(PatternLesson, col(PatternLesson.lesson_id) == col(Lesson.id))
        .outerjoin(LessonSubstitute, col(LessonSubstitute.lesson_id) == col(Lesson.id))
        .outerjoin(LessonCancellation, in_force())
        .where(*ends_after(first), col(Lesson.starts_at) < last)
        .where(col(LessonCancellation.id).is_(None))
    )
    return [
        Booking(
            lesson.starts_at,
            lesson.ends_at,
            lesson.day,
            lesson.course_id,
            lesson.room_id,
            pattern_id or lesson.id,
            numbers[lesson.course_id],
            numbers[lesson.room_id],
            None,
            substitute,
        )
        for lesson, pattern_id, is_changed, substitute in db.execute(query)
        if pattern_id not in besides or is_changed
    ]


def _teachers(db: Session, courses: Collection[uuid.UUID]) -> dict[uuid.UUID, list[_Span]]:
    found: dict[uuid.UUID, list[_Span]] = {}
    for row in db.exec(select(CourseTeacher).where(col(CourseTeacher.course_id).in_(courses))):
        span = _Span(row.account_id, row.from_date or date.min, row.until_date or date.max)
        found.setdefault(row.course_id, []).append(span)
    return found


def _students(db: Session, courses: Collection[uuid.UUID]) -> dict[uuid.UUID, list[_Span]]:
    columns = (RosterEntry.course_id, RosterEntry.person_id)
    dates = (RosterEntry.from_date, RosterEntry.until_date)
    query = sqlalchemy.select(*map(col, columns), *map(col, dates)).where(
        col(RosterEntry.course_id).in_(courses)
    )
    found: dict[uuid.UUID, list[_Span]] = {}
    for course_id, person_id, first, last in db.execute(query):
        span = _Span(person_id, first or date.min, last or date.max)
        found.setdefault(course_id, []).append(span)
    return found
