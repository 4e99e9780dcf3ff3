"""Count the registers of a day without building them.

Most lessons have nothing but events that name them, at a known time. Those are counted from a few
columns. A lesson that anything else may concern gets its register, by the rules of
`server.attendance.register`; both ways give the same numbers.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlmodel import Session

from protocol.v1.messages import AttendanceWindow, Direction
from protocol.v1.window import whole_ms
from server.attendance import service
from server.attendance import tally_reads as reads
from server.attendance.assignment import judgements
from server.attendance.register import AttendanceStatus
from server.attendance.service import Register, RegisterLine
from server.attendance.tally_reads import Stored
from server.timetable import service as timetable
from server.timetable.day import LessonRow, lesson_rows
from server.timetable.roster import covers

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class LessonTally:
    """How many of a lesson came.

    Attributes:
        expected: on the roster.
        attended: seen or entered, late ones included; 0 where the lesson is cancelled.
        late: of those, late. A code for being late need not count as attended.
        register: of a lesson that not only plain events concern; None for the others.
    """

    lesson: LessonRow
    window: AttendanceWindow
    expected: int
    attended: int
    late: int
    register: Register | None = None


@dataclass(frozen=True)
class _Bounds:
    """From when until when an event counts, and from when on it is late; the ends are excluded.

    One who leaves counts until the end of the lesson, see `AttendanceWindow.arrival`.

    Events count by whole milliseconds, so the bounds are whole milliseconds too. They are written
    as the database stores moments, in which order is order of time.
    """

    first: Any
    last: Any
    out_last: Any
    late_from: Any

    @classmethod
    def of(cls, window: AttendanceWindow, stored: Stored) -> "_Bounds":
        """Take them from a window."""
        return cls(
            stored(_ceil(window.opens_at)),
            stored(min(_ceil(window.ends_at), whole_ms(window.closes_at) + _MS)),
            stored(_ceil(window.ends_at)),
            stored(whole_ms(window.late_after) + _MS),
        )


@dataclass
class _Roster:
    """Who is due in a course: always, and between dates. People are ids as text.

    Attributes:
        always: on every day.
        dated: the others, each with its dates.
    """

    always: set[Any] = field(default_factory=set)
    dated: list[Any] = field(default_factory=list)

    def due(self, lesson: LessonRow) -> set[Any]:
        """Return who is due in a lesson of the course."""
        if not self.dated:
            return self.always
        return self.always | set(_listed(self.dated, lesson.ends_at, lesson.day))


class EnteredWord(NamedTuple):
    """What a person entered about a student."""

    status: str
    is_attended: bool


class WindowedLesson(NamedTuple):
    """A lesson with its window."""

    lesson: LessonRow
    window: AttendanceWindow


@dataclass(frozen=True)
class PlainLesson:
    """A lesson that nothing but plain events concerns. People are ids as text.

    Attributes:
        due: on the roster.
        seen: when each person was seen first, where that counts; also those who are not due.
        ruled: what people entered, by student.
    """

    lesson: LessonRow
    window: AttendanceWindow
    bounds: _Bounds
    due: set[Any]
    seen: Mapping[Any, Any]
    ruled: Mapping[Any, EnteredWord]


def tallies_between(
    db: Session,
    first: datetime,
    last: datetime,
    *,
    at: datetime,
    courses: Collection[uuid.UUID] | None = None,
    substitute: uuid.UUID | None = None,
) -> list[LessonTally]:
    """Count the lessons between two moments, by start; see `service.registers_between`."""
    rows = lesson_rows(db, after=first, before=last, courses=courses, substitute=substitute)
    return tallies_of(db, rows, at=at)


def tallies_of(db: Session, rows: Sequence[LessonRow], *, at: datetime) -> list[LessonTally]:
    """Count several lessons, in their order."""
    if not rows:
        return []
    plain, involved = read_plain(db, rows)
    found = {one.lesson.id: _count(one) for one in plain}
    found |= _built(db, involved, at) if involved else {}
    return [found[one.id] for one in rows]


def read_plain(
    db: Session, rows: Sequence[LessonRow]
) -> tuple[list[PlainLesson], list[WindowedLesson]]:
    """Read the lessons that nothing but plain events concerns, and return the others apart.

    Args:
        db: the caller's.
        rows: at least one.
    """
    lessons = windowed(db, rows)
    bounds = _bounds(db, lessons)
    odd, seen = _first_seen(db, bounds)
    rooms = _odd_rooms(db, lessons)
    plain: list[WindowedLesson] = []
    involved: list[WindowedLesson] = []
    for one in lessons:
        is_plain = one.lesson.id not in odd and one.lesson.room_id not in rooms
        (plain if is_plain else involved).append(one)
    return (_plain(db, plain, seen, bounds) if plain else []), involved


def windowed(db: Session, rows: Sequence[LessonRow]) -> list[WindowedLesson]:
    """Return lessons with their windows, in their order."""
    windows = [window for _version, window in judgements(db, rows)]
    return [WindowedLesson(*one) for one in zip(rows, windows, strict=True)]


def involved_among(db: Session, lessons: Sequence[WindowedLesson]) -> set[uuid.UUID]:
    """Return which of these lessons more than plain events concern; their events are not read.

    Args:
        db: the caller's.
        lessons: at least one.
    """
    odd = set(reads.ODD_LESSONS.values(db, lessons=[one.lesson.id for one in lessons]))
    rooms = _odd_rooms(db, lessons)
    return odd | {one.lesson.id for one in lessons if one.lesson.room_id in rooms}


def read_of_plain(db: Session, lessons: Sequence[WindowedLesson]) -> list[PlainLesson]:
    """Read lessons of which `involved_among` names none."""
    bounds = _bounds(db, lessons)
    _odd, seen = _first_seen(db, bounds)
    return _plain(db, lessons, seen, bounds)


def _built(
    db: Session, lessons: Sequence[WindowedLesson], at: datetime
) -> dict[uuid.UUID, LessonTally]:
    """Count the lessons from their registers."""
    views = timetable.lesson_views(db, ids={one.lesson.id for one in lessons})
    registers = {one.view.lesson.id: one for one in service.registers_of(db, views, at=at)}
    return {one.lesson.id: _tally(one, registers[one.lesson.id]) for one in lessons}


def _tally(one: WindowedLesson, register: Register) -> LessonTally:
    late = 0 if register.view.is_cancelled else sum(map(_is_late, register.lines))
    expected, attended = len(register.lines), register.attended
    return LessonTally(one.lesson, one.window, expected, attended, late, register)


def _is_late(line: RegisterLine) -> bool:
    return line.mark.is_attended and line.mark.status == AttendanceStatus.LATE


def _odd_rooms(db: Session, lessons: Sequence[WindowedLesson]) -> set[uuid.UUID]:
    """Return the rooms whose lessons other than plain events may concern, or faulty kiosks."""
    first = min(one.window.opens_at for one in lessons)
    last = max(one.window.ends_at for one in lessons)
    rooms = {one.lesson.room_id for one in lessons}
    return set(reads.ODD_ROOMS.values(db, rooms=rooms, first=first, last=last))


def _bounds(db: Session, lessons: Sequence[WindowedLesson]) -> dict[uuid.UUID, _Bounds]:
    stored = reads.stored_moments(db)
    by_window: dict[AttendanceWindow, _Bounds] = {}
    found = {}
    for one in lessons:
        bounds = by_window.get(one.window)
        if bounds is None:
            bounds = by_window[one.window] = _Bounds.of(one.window, stored)
        found[one.lesson.id] = bounds
    return found


def _plain(
    db: Session,
    lessons: Sequence[WindowedLesson],
    seen: Mapping[uuid.UUID, Mapping[Any, Any]],
    bounds: Mapping[uuid.UUID, _Bounds],
) -> list[PlainLesson]:
    rosters = _rosters(db, {one.lesson.course_id for one in lessons})
    ruled = _rulings(db, [one.lesson.id for one in lessons])
    found = []
    for lesson, window in lessons:
        key, roster = lesson.id, rosters.get(lesson.course_id)
        due = roster.due(lesson) if roster else set()
        of_lesson = bounds[key], due, seen.get(key, {}), ruled.get(key, {})
        found.append(PlainLesson(lesson, window, *of_lesson))
    return found


def _count(one: PlainLesson) -> LessonTally:
    attended = late = 0
    if not one.lesson.is_cancelled:
        attended, late = _numbers(one.due, one.seen, one.ruled, one.bounds)
    return LessonTally(one.lesson, one.window, len(one.due), attended, late)


def _numbers(
    due: set[Any], seen: Mapping[Any, Any], ruled: Mapping[Any, EnteredWord], bounds: _Bounds
) -> tuple[int, int]:
    """Return how many came and how many of them late; what a person entered comes first."""
    came = [
        at >= bounds.late_from
        for person, at in seen.items()
        if person in due and person not in ruled
    ]
    words = [word for person, word in ruled.items() if person in due]
    counted = [word.status for word in words if word.is_attended]
    late = sum(came) + counted.count(AttendanceStatus.LATE)
    return len(came) + len(counted), late


def _rosters(db: Session, courses: Collection[uuid.UUID]) -> dict[uuid.UUID, _Roster]:
    by_raw: dict[Any, _Roster] = {}
    dated = []
    for course, people, number in reads.LISTED.rows(db, courses=courses):
        by_raw[course] = _Roster(set(people.split(",")) if people else set())
        if number:
            dated.append(course)
    for row in reads.DATED.rows(db, courses=dated) if dated else ():
        by_raw[row[0]].dated.append(row)
    return {uuid.UUID(str(course)): roster for course, roster in by_raw.items()}


def _listed(rows: Iterable[Any], ends_at: datetime, day: date) -> Iterable[Any]:
    for row in rows:
        if (row.counts_after is None or ends_at > row.counts_after) and covers(row, day):
            yield row[1]


def _first_seen(
    db: Session, bounds: Mapping[uuid.UUID, _Bounds]
) -> tuple[set[uuid.UUID], dict[uuid.UUID, dict[Any, Any]]]:
    """Return which lessons have odd events, and when each person was seen first in each other.

    Objections are left out.
    """
    by_raw: dict[Any, tuple[_Bounds, dict[Any, Any]]] = {}
    found: dict[uuid.UUID, dict[Any, Any]] = {}
    odd = set()
    for lesson, person, at, direction, is_odd in reads.SEEN.raw_rows(db, lessons=list(bounds)):
        if is_odd:
            odd.add(uuid.UUID(str(lesson)))
            continue
        if lesson not in by_raw:
            key = uuid.UUID(str(lesson))
            by_raw[lesson] = bounds[key], found.setdefault(key, {})
        limits, seen = by_raw[lesson]
        last = limits.out_last if direction == Direction.OUT else limits.last
        if limits.first <= at < last and (person not in seen or at < seen[person]):
            seen[person] = at
    return odd, found


def _rulings(db: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[Any, EnteredWord]]:
    """Return what people entered: the newest word about each person, unless it was undone."""
    found: dict[uuid.UUID, dict[Any, EnteredWord]] = {}
    for lesson, person, status, is_attended in reads.RULED.rows(db, lessons=ids):
        words = found.setdefault(lesson, {})
        if status is None:
            words.pop(person, None)
        else:
            words[person] = EnteredWord(status, is_attended)
    return found


def _ceil(at: datetime) -> datetime:
    whole = whole_ms(at)
    return whole if whole == at else whole + _MS
