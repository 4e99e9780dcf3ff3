"""The lines that one person has in many registers, without deriving those of everybody else.

Each line is what `server.attendance.service.registers_of` gives. A line with one plain mark is
judged at once; the others by the rules of `server.attendance.register`, with what concerns the
person alone. Marks whose lesson depends on more than that have the whole register derived.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import String, bindparam, cast
from sqlmodel import Session

from protocol.v1.messages import ArrivalStatus, AttendanceWindow, EventKind
from server.absences.reads import spans_of
from server.absences.rules import ReportedAbsence, reported_in
from server.attendance import service
from server.attendance.assignment import judgements
from server.attendance.register import (
    AttendanceStatus,
    Decisions,
    Judgement,
    KioskWatch,
    RegisterEvent,
    Ruling,
    derive_register,
)
from server.attendance.sources import times_of, watching
from server.attendance.tables import Correction, RegisterConfirmation
from server.attendance.tally_reads import SEEN_PERSON, read_moments
from server.db.prepared import Prepared, several, table_of
from server.kiosks.placements import placements_between
from server.timetable import service as timetable
from server.timetable.day import LessonRow, lesson_rows
from server.timetable.roster import Listing, is_listed
from server.timetable.tables import RosterEntry

_NOBODY = uuid.UUID(int=0)
_entries, _said = table_of(RosterEntry), table_of(Correction)
_confirmed = table_of(RegisterConfirmation)
_LISTINGS = Prepared(
    sqlalchemy.select(*(_entries.c[name] for name in Listing._fields)).where(
        _entries.c.person_id == bindparam("person", type_=_entries.c.person_id.type)
    )
)
_RULINGS = Prepared(
    sqlalchemy.select(
        _said.c.lesson_id,
        _said.c.made_at,
        _said.c.id,
        _said.c.person_id,
        _said.c.status,
        _said.c.code_id,
        _said.c.is_attended,
    ).where(_said.c.person_id == bindparam("person", type_=_said.c.person_id.type))
)
#: By each confirmation, the oldest first: whether it says that the person was not seen.
_UNSEEN = Prepared(
    sqlalchemy.select(
        _confirmed.c.lesson_id,
        cast(_confirmed.c.unseen, String).like(bindparam("pattern", type_=String)),
    )
    .where(_confirmed.c.lesson_id.in_(several("lessons")))
    .order_by(_confirmed.c.made_at, _confirmed.c.id)
)


class PersonLine(NamedTuple):
    """One lesson of a person, with their line in its register.

    Attributes:
        late_min: minutes after the start, where the status is late and a kiosk saw the person.
        code_id, is_counted: see `Judgement`.
    """

    lesson: LessonRow
    status: AttendanceStatus
    late_min: int | None = None
    code_id: uuid.UUID | None = None
    is_counted: bool | None = None


class _Windowed(NamedTuple):
    """A lesson with its window."""

    lesson: LessonRow
    window: AttendanceWindow


class _Mark(NamedTuple):
    """A row of `SEEN_PERSON`; ids and moments as the driver gives them, but for the first."""

    at: datetime
    direction: str | None
    kind: str
    shown_status: str | None
    event_id: Any
    kiosk_id: Any

    def event(self, person_id: uuid.UUID) -> RegisterEvent:
        """Return the event that registers are made of."""
        return RegisterEvent(
            self.at,
            uuid.UUID(str(self.event_id)),
            uuid.UUID(str(self.kiosk_id)),
            person_id,
            self.kind,
            shown_status=self.shown_status,
            direction=self.direction,
        )

    def arrival(self, window: AttendanceWindow) -> ArrivalStatus | None:
        """Return how it counts where nothing else was seen; see `RegisterEvent.arrival_in`."""
        if self.kind == EventKind.ROLL_CALL:
            return self.event(_NOBODY).arrival_in(window)
        return window.arrival(self.at, self.direction)


@dataclass
class _Facts:
    """What the lines of a person are made of, by lesson.

    Attributes:
        plain: marks that count for the lesson that they name.
        involved: lessons whose whole register decides.
        absent: lessons whose confirmation says that the person was not seen.
    """

    plain: dict[uuid.UUID, list[_Mark]] = field(default_factory=dict)
    involved: set[uuid.UUID] = field(default_factory=set)
    rulings: dict[uuid.UUID, list[Ruling]] = field(default_factory=dict)
    absent: set[uuid.UUID] = field(default_factory=set)
    reported: dict[uuid.UUID, list[ReportedAbsence]] = field(default_factory=dict)
    watches: dict[uuid.UUID, list[KioskWatch]] = field(default_factory=dict)


def courses_of_person(db: Session, person_id: uuid.UUID) -> frozenset[uuid.UUID]:
    """Return the courses that ever had a person on their roster."""
    return frozenset(one[0] for one in _LISTINGS.rows(db, person=person_id))


def lines_of_person(
    db: Session,
    person_id: uuid.UUID,
    span: tuple[datetime, datetime],
    *,
    at: datetime,
    courses: Collection[uuid.UUID] | None = None,
) -> list[PersonLine]:
    """Return the lines of a person, by start of the lesson, also of lessons to come.

    Args:
        db: the caller's.
        person_id: whose.
        span: only lessons that start from the first moment on and before the second.
        at: the moment the registers are read.
        courses: only lessons of these courses; None: of all.
    """
    lessons = _lessons(db, person_id, span, courses)
    if not lessons:
        return []
    facts = _facts(db, person_id, lessons, at)
    quick: dict[uuid.UUID, PersonLine] = {}
    left: list[_Windowed] = []
    for one in lessons:
        line = _at_once(one, facts, at)
        if line is None:
            left.append(one)
        else:
            quick[one.lesson.id] = line
    whole = _whole_registers(db, person_id, facts.involved, at)
    facts.watches = _watches(db, [one for one in left if one.lesson.id not in whole], at)
    for one in left:
        mark = whole.get(one.lesson.id) or _judged(person_id, one, facts, at)
        quick[one.lesson.id] = _line(one, mark)
    return [quick[one.lesson.id] for one in lessons]


def _lessons(
    db: Session,
    person_id: uuid.UUID,
    span: tuple[datetime, datetime],
    courses: Collection[uuid.UUID] | None,
) -> list[_Windowed]:
    """Return the lessons that list the person, with their windows."""
    entries: dict[uuid.UUID, list[Listing]] = {}
    for row in _LISTINGS.rows(db, person=person_id):
        if courses is None or row[0] in courses:
            entries.setdefault(row[0], []).append(Listing(*row))
    if not entries:
        return []
    first, before = span
    rows = [
        row
        for row in lesson_rows(db, after=first, before=before, courses=entries.keys())
        if row.starts_at >= first and any(_lists(entry, row) for entry in entries[row.course_id])
    ]
    windows = judgements(db, rows) if rows else []
    return [_Windowed(row, window) for row, (_, window) in zip(rows, windows, strict=True)]


def _lists(entry: Listing, row: LessonRow) -> bool:
    is_always = entry.counts_after is None and entry.from_date is None and entry.until_date is None
    return is_always or is_listed(entry, ends_at=row.ends_at, day=row.day)


def _facts(db: Session, person_id: uuid.UUID, lessons: Sequence[_Windowed], at: datetime) -> _Facts:
    facts = _Facts()
    _read_events(db, person_id, lessons, facts)
    for lesson_id, *ruling in _RULINGS.rows(db, person=person_id):
        facts.rulings.setdefault(lesson_id, []).append(Ruling(*ruling))
    over = [one.lesson.id for one in lessons if one.lesson.starts_at <= at]
    said = {row[0]: row[1] for row in _UNSEEN.rows(db, lessons=over, pattern=f"%{person_id}%")}
    facts.absent = {lesson_id for lesson_id, is_unseen in said.items() if is_unseen}
    first, last = lessons[0].lesson.day, lessons[-1].lesson.day
    spans = spans_of(db, person_id, min(first, last), max(first, last))
    if spans:
        for one in lessons:
            if found := reported_in(spans, times_of(one.lesson)):
                facts.reported[one.lesson.id] = found
    return facts


def _read_events(
    db: Session, person_id: uuid.UUID, lessons: Sequence[_Windowed], facts: _Facts
) -> None:
    first = min(one.window.opens_at for one in lessons)
    last = max(one.window.ends_at for one in lessons)
    read = read_moments(db)
    keys: dict[Any, uuid.UUID] = {}
    for one in lessons:  # the driver's: text on SQLite
        keys[one.lesson.id] = keys[one.lesson.id.hex] = one.lesson.id
    for lesson, at, *said, not_before, received, is_odd in SEEN_PERSON.raw_rows(
        db, person=person_id, first=first, last=last
    ):
        key = keys.get(lesson)
        if is_odd:
            moments = [read(one) for one in (at, not_before, received) if one is not None]
            facts.involved |= _touched(lessons, min(moments), max(moments))
            facts.involved |= set() if key is None else {key}
        elif key is not None:
            facts.plain.setdefault(key, []).append(_Mark(read(at), *said))


def _touched(lessons: Sequence[_Windowed], first: datetime, last: datetime) -> set[uuid.UUID]:
    """Return the lessons in which something may count that was between two moments."""
    return {
        one.lesson.id
        for one in lessons
        if one.window.opens_at <= last and first <= one.window.ends_at
    }


def _at_once(one: _Windowed, facts: _Facts, at: datetime) -> PersonLine | None:
    """Return the line of a lesson that nothing but one mark concerns, or nothing yet."""
    key = one.lesson.id
    if key in facts.involved or key in facts.rulings:
        return None
    marks = facts.plain.get(key)
    if marks is None:
        is_open = (
            at < one.window.judged_at and key not in facts.absent and key not in facts.reported
        )
        return PersonLine(one.lesson, AttendanceStatus.EXPECTED) if is_open else None
    arrival = marks[0].arrival(one.window) if len(marks) == 1 else None
    if arrival is None:
        return None
    status = AttendanceStatus(arrival)
    if status is not AttendanceStatus.LATE:
        return PersonLine(one.lesson, status)
    return PersonLine(one.lesson, status, one.window.late_min(marks[0].at))


def _watches(
    db: Session, lessons: Sequence[_Windowed], at: datetime
) -> dict[uuid.UUID, list[KioskWatch]]:
    over = [one for one in lessons if at >= one.window.judged_at]
    if not over:
        return {}
    first = min(one.window.opens_at for one in over)
    last = max(one.window.ends_at for one in over)
    placements = placements_between(db, {one.lesson.room_id for one in over}, first, last)
    found = watching(db, over, placements, at)
    return {lesson: [one.watch for one in kiosks] for lesson, kiosks in found.items()}


def _judged(person_id: uuid.UUID, one: _Windowed, facts: _Facts, at: datetime) -> Judgement:
    key = one.lesson.id
    [judged] = derive_register(
        [person_id],
        [mark.event(person_id) for mark in facts.plain.get(key, ())],
        one.window,
        watches=facts.watches.get(key, ()),
        decided=Decisions(
            facts.rulings.get(key, ()),
            {person_id} if key in facts.absent else frozenset(),
            facts.reported.get(key, ()),
        ),
        at=at,
    )
    return judged


def _whole_registers(
    db: Session, person_id: uuid.UUID, ids: Collection[uuid.UUID], at: datetime
) -> dict[uuid.UUID, Judgement]:
    """Return the person's line in the registers of these lessons."""
    if not ids:
        return {}
    registers = service.registers_of(db, timetable.lesson_views(db, ids=ids), at=at)
    return {
        one.view.lesson.id: line.mark
        for one in registers
        for line in one.lines
        if line.person.id == person_id
    }


def _line(one: _Windowed, mark: Judgement) -> PersonLine:
    seen = mark.first_seen_at if mark.status is AttendanceStatus.LATE else None
    late_min = one.window.late_min(seen) if seen is not None else None
    return PersonLine(one.lesson, mark.status, late_min, mark.code_id, mark.is_counted)
