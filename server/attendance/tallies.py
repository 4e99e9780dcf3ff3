"""Count the registers of a day without building them.

Most lessons have nothing but events that name them, at a known time. Those are counted from a few
columns. A lesson that anything else may concern gets its register, by the rules of
`server.attendance.register`; both ways give the same numbers.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy
from sqlalchemy import ColumnElement, String, type_coerce
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, exists, or_, select

from protocol.v1.messages import AttendanceWindow, EventKind
from protocol.v1.window import whole_ms
from server.attendance import service
from server.attendance.assignment import JudgedLesson, judged_lessons
from server.attendance.register import ATTENDED, AttendanceStatus
from server.attendance.service import Register
from server.attendance.tables import Correction, StoredEvent
from server.kiosks.tables import KioskPlacement, KioskProgress, LostSpan
from server.timetable import service as timetable
from server.timetable.roster import covers
from server.timetable.service import LessonView
from server.timetable.tables import Lesson, RosterEntry

_MARKING = (EventKind.SEEN.value, EventKind.ROLL_CALL.value)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True)
class LessonTally:
    """How many of a lesson came.

    Attributes:
        expected: on the roster.
        attended: seen or entered, late ones included; 0 where the lesson is cancelled.
        late: of those, late.
        register: of a lesson that not only plain events concern; None for the others.
    """

    view: LessonView
    window: AttendanceWindow
    expected: int
    attended: int
    late: int
    register: Register | None = None


@dataclass(frozen=True)
class _Bounds:
    """From when until when an event counts, and from when on it is late; the end is excluded.

    Events count by whole milliseconds, so the bounds are whole milliseconds too.
    """

    first: datetime
    last: datetime
    late_from: datetime

    @classmethod
    def of(cls, window: AttendanceWindow) -> "_Bounds":
        """Take them from a window."""
        return cls(
            _ceil(window.opens_at),
            min(_ceil(window.ends_at), whole_ms(window.closes_at) + _MS),
            whole_ms(window.late_after) + _MS,
        )


@dataclass
class _Roster:
    """Who is due in a course: always, and between dates. People are ids as the database has them.

    Attributes:
        always: on every day.
        dated: the others, each with its dates.
    """

    always: set[Any] = field(default_factory=set)
    dated: list[Any] = field(default_factory=list)

    def due(self, lesson: Lesson) -> set[Any]:
        """Return who is due in a lesson of the course."""
        if not self.dated:
            return self.always
        return self.always | set(_listed(self.dated, lesson.ends_at, lesson.day))


def tallies_between(
    db: Session,
    first: datetime,
    last: datetime,
    *,
    at: datetime,
    courses: Collection[uuid.UUID] | None = None,
) -> list[LessonTally]:
    """Count the lessons between two moments, by start; see `service.registers_between`."""
    views = timetable.lesson_views(db, after=first, before=last, courses=courses)
    return tallies_of(db, views, at=at)


def tallies_of(db: Session, views: Sequence[LessonView], *, at: datetime) -> list[LessonTally]:
    """Count several lessons, in their order."""
    if not views:
        return []
    lessons = judged_lessons(db, views)
    involved = _involved(db, lessons)
    built = [one.view for one in lessons if one.lesson.id in involved]
    registers = {one.view.lesson.id: one for one in service.registers_of(db, built, at=at)}
    plain = [one for one in lessons if one.lesson.id not in involved]
    counted = _count(db, plain) if plain else {}
    return [
        counted[one.lesson.id]
        if one.lesson.id in counted
        else _tally(one, registers[one.lesson.id])
        for one in lessons
    ]


def _tally(one: JudgedLesson, register: Register) -> LessonTally:
    late = register.counts[AttendanceStatus.LATE]
    return LessonTally(one.view, one.window, len(register.lines), register.attended, late, register)


def _involved(db: Session, lessons: Sequence[JudgedLesson]) -> set[uuid.UUID]:
    """Return the lessons that other than plain events may concern, or kiosks with a problem."""
    ids = [one.lesson.id for one in lessons]
    first = min(one.window.opens_at for one in lessons)
    last = max(one.window.ends_at for one in lessons)
    hung = _hung(db, {one.view.room.id for one in lessons}, first, last)
    kiosks = {kiosk for kiosk, _room in hung}
    named = col(StoredEvent.lesson_id).in_(ids)
    unusual = or_(col(StoredEvent.is_time_corrected), col(StoredEvent.not_before).is_not(None))
    found = set(db.exec(select(StoredEvent.lesson_id).where(named, unusual).distinct()))
    odd = _odd_kiosks(db, kiosks, first, last) | _troubled_kiosks(db, kiosks, first, last)
    rooms = {room for kiosk, room in hung if kiosk in odd}
    return {one.lesson.id for one in lessons if one.lesson.id in found or one.view.room.id in rooms}


def _hung(
    db: Session, rooms: Collection[uuid.UUID], first: datetime, last: datetime
) -> Sequence[tuple[uuid.UUID, uuid.UUID]]:
    """Return which kiosk hung in which of these rooms in a span of time."""
    until_at = col(KioskPlacement.until_at)
    query = select(KioskPlacement.kiosk_id, KioskPlacement.room_id).where(
        col(KioskPlacement.room_id).in_(rooms),
        col(KioskPlacement.from_at) < last,
        or_(until_at.is_(None), until_at > first),
    )
    return db.exec(query).all()


def _odd_kiosks(
    db: Session, kiosks: Collection[uuid.UUID], first: datetime, last: datetime
) -> set[uuid.UUID]:
    """Return the kiosks with events that name no lesson, or whose time is not certain."""
    by_kiosk = col(StoredEvent.kiosk_id).in_(kiosks)
    names_none = or_(
        col(StoredEvent.lesson_id).is_(None),
        ~exists().where(col(Lesson.id) == col(StoredEvent.lesson_id)),
    )
    unnamed = and_(
        by_kiosk,
        col(StoredEvent.counted_at).between(first, last),
        or_(names_none, col(StoredEvent.is_time_corrected)),
    )
    uncertain = and_(
        by_kiosk,
        col(StoredEvent.not_before) <= last,
        col(StoredEvent.received_at) >= first,
    )
    found = (select(StoredEvent.kiosk_id).where(one).distinct() for one in (unnamed, uncertain))
    return {kiosk for query in found for kiosk in db.exec(query)}


def _troubled_kiosks(
    db: Session, kiosks: Collection[uuid.UUID], first: datetime, last: datetime
) -> set[uuid.UUID]:
    """Return the kiosks that lost events of the span, or whose identity two devices use."""
    lost = select(LostSpan.kiosk_id).where(
        col(LostSpan.kiosk_id).in_(kiosks),
        col(LostSpan.closed_at).is_(None),
        col(LostSpan.from_at) <= last,
        col(LostSpan.through_at) >= first,
    )
    forked = select(KioskProgress.kiosk_id).where(
        col(KioskProgress.kiosk_id).in_(kiosks), col(KioskProgress.forked_at).is_not(None)
    )
    return {*db.exec(lost), *db.exec(forked)}


def _count(db: Session, lessons: Sequence[JudgedLesson]) -> dict[uuid.UUID, LessonTally]:
    rosters = _rosters(db, {one.view.course.id for one in lessons})
    ids = [one.lesson.id for one in lessons]
    bounds = {one.lesson.id: _Bounds.of(one.window) for one in lessons}
    seen = _first_seen(db, bounds)
    ruled = _rulings(db, ids)
    found = {}
    for one in lessons:
        key = one.lesson.id
        roster = rosters.get(one.view.course.id)
        due = roster.due(one.lesson) if roster else set()
        attended = late = 0
        if not one.view.is_cancelled:
            attended, late = _numbers(due, seen.get(key, {}), ruled.get(key, {}), bounds[key])
        found[key] = LessonTally(one.view, one.window, len(due), attended, late)
    return found


def _numbers(
    due: set[Any], seen: Mapping[Any, datetime], ruled: Mapping[Any, str], bounds: _Bounds
) -> tuple[int, int]:
    """Return how many came and how many of them late; what a person entered comes first."""
    came = [
        at >= bounds.late_from
        for person, at in seen.items()
        if person in due and person not in ruled
    ]
    words = [status for person, status in ruled.items() if person in due]
    attended = len(came) + sum(word in ATTENDED for word in words)
    return attended, sum(came) + sum(word == AttendanceStatus.LATE for word in words)


def _rosters(db: Session, courses: Collection[uuid.UUID]) -> dict[uuid.UUID, _Roster]:
    columns = (RosterEntry.from_date, RosterEntry.until_date, RosterEntry.counts_after)
    query = sqlalchemy.select(
        _raw(RosterEntry.course_id), _raw(RosterEntry.person_id), *map(col, columns)
    )
    by_raw: dict[Any, _Roster] = {}
    for row in db.execute(query.where(col(RosterEntry.course_id).in_(courses))):
        roster = by_raw.setdefault(row[0], _Roster())
        if row[2] is row[3] is row[4] is None:
            roster.always.add(row[1])
        else:
            roster.dated.append(row)
    return {uuid.UUID(str(course)): roster for course, roster in by_raw.items()}


def _listed(rows: Iterable[Any], ends_at: datetime, day: date) -> Iterable[Any]:
    for row in rows:
        if (row.counts_after is None or ends_at > row.counts_after) and covers(row, day):
            yield row[1]


def _first_seen(
    db: Session, bounds: Mapping[uuid.UUID, _Bounds]
) -> dict[uuid.UUID, dict[Any, datetime]]:
    """Return when each person was seen first in each lesson, objections left out."""
    objection = aliased(StoredEvent)
    taken_back = exists().where(
        col(objection.kiosk_id) == col(StoredEvent.kiosk_id),
        col(objection.refers_to) == col(StoredEvent.id),
        col(objection.kind) == EventKind.NOT_ME.value,
    )
    query = sqlalchemy.select(
        _raw(StoredEvent.lesson_id), _raw(StoredEvent.person_id), col(StoredEvent.counted_at)
    ).where(
        col(StoredEvent.lesson_id).in_(list(bounds)),
        col(StoredEvent.person_id).is_not(None),
        col(StoredEvent.kind).in_(_MARKING),
        ~taken_back,
    )
    by_raw: dict[Any, tuple[_Bounds, dict[Any, datetime]]] = {}
    found: dict[uuid.UUID, dict[Any, datetime]] = {}
    for lesson, person, at in db.execute(query):
        if lesson not in by_raw:
            key = uuid.UUID(str(lesson))
            by_raw[lesson] = bounds[key], found.setdefault(key, {})
        limits, seen = by_raw[lesson]
        if limits.first <= at < limits.last and (person not in seen or at < seen[person]):
            seen[person] = at
    return found


def _rulings(db: Session, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[Any, str]]:
    """Return what people entered: the newest word about each person."""
    query = sqlalchemy.select(
        col(Correction.lesson_id), _raw(Correction.person_id), col(Correction.status)
    ).where(col(Correction.lesson_id).in_(ids))
    found: dict[uuid.UUID, dict[Any, str]] = {}
    for lesson, person, status in db.execute(
        query.order_by(col(Correction.made_at), col(Correction.id))
    ):
        found.setdefault(lesson, {})[person] = status
    return found


def _raw(column: Any) -> ColumnElement[Any]:
    """Return an id as the driver gives it: objects of thousands of ids take their time."""
    return type_coerce(col(column), String)


def _ceil(at: datetime) -> datetime:
    whole = whole_ms(at)
    return whole if whole == at else whole + _MS
