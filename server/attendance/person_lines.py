"""The lines that one person has in many registers, without deriving those of everybody else.

Each line is what `server.attendance.service.registers_of` gives. A line with one plain mark is
judged at once; the others by the rules of `server.attendance.register`, with what concerns the
person alone. Marks whose lesson depends on more than that have the whole register derived.
"""

import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlalchemy import String, bindparam, cast
from sqlmodel import Session

from protocol.v1.messages import (
    ArrivalStatus,
    AttendancePolicy,
    AttendanceWindow,
    Direction,
    EventKind,
    window_of,
)
from protocol.v1.window import whole_ms
from server.absences.reads import spans_of
from server.absences.rules import ReportedAbsence, reported_in
from server.attendance import service
from server.attendance.register import (
    AttendanceStatus,
    Decisions,
    Judgement,
    KioskWatch,
    RegisterEvent,
    Ruling,
    derive_register,
    minutes_late,
)
from server.attendance.sources import times_of, watching
from server.attendance.tables import Correction, RegisterConfirmation
from server.attendance.tally_reads import SEEN_PERSON, read_moments
from server.db.prepared import Prepared, several, table_of
from server.kiosks.placements import placements_between
from server.policies.timeline import PolicyTimeline, chosen_versions
from server.timetable import service as timetable
from server.timetable.day import LessonRow, lesson_rows
from server.timetable.roster import Listing, is_listed
from server.timetable.tables import Lesson, RosterEntry

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
        _said.c.minutes_late,
    ).where(_said.c.person_id == bindparam("person", type_=_said.c.person_id.type))
)
_THERE = Prepared(
    sqlalchemy.select(table_of(Lesson).c.id).where(table_of(Lesson).c.id.in_(several("lessons")))
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

#: As text: members of an enumeration take longer to compare.
_ROLL_CALL, _OUT = EventKind.ROLL_CALL.value, Direction.OUT.value


class PersonLine(NamedTuple):
    """One lesson of a person, with their line in its register.

    Attributes:
        day: the date of the lesson at the school.
        late_min: see `minutes_late`.
        code_id, is_counted: see `Judgement`.
    """

    lesson: LessonRow
    day: date
    status: AttendanceStatus
    late_min: int | None = None
    code_id: uuid.UUID | None = None
    is_counted: bool | None = None


class _Rule(NamedTuple):
    """The attendance policy of some lessons, as spans of time; see `AttendanceWindow`.

    Attributes:
        closes: after the start; None where check-in closes with the lesson.
        judged: after the end.
    """

    policy: AttendancePolicy
    opens: timedelta
    late: timedelta
    closes: timedelta | None
    judged: timedelta

    @classmethod
    def of(cls, policy: AttendancePolicy) -> "_Rule":
        """Read a policy."""
        closes = policy.closes_after_start_min
        return cls(
            policy,
            timedelta(minutes=policy.opens_before_min),
            timedelta(minutes=policy.late_after_min),
            None if closes is None else timedelta(minutes=closes),
            timedelta(minutes=policy.absent_grace_min),
        )


class _Due(NamedTuple):
    """A lesson that lists the person."""

    lesson: LessonRow
    day: date
    rule: _Rule

    @property
    def window(self) -> AttendanceWindow:
        """When a mark counts for it."""
        return window_of(self.lesson.starts_at, self.lesson.ends_at, self.rule.policy)

    def arrival(self, mark: "_Mark") -> ArrivalStatus | None:
        """Return how a mark counts that is no teacher's word and no leaving; see `arrival`."""
        moment, lesson, rule = whole_ms(mark.at), self.lesson, self.rule
        since = moment - lesson.starts_at
        is_closed = rule.closes is not None and since > rule.closes
        if is_closed or moment >= lesson.ends_at or -since > rule.opens:
            return None
        return ArrivalStatus.LATE if since > rule.late else ArrivalStatus.PRESENT


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

    @property
    def is_plain(self) -> bool:
        """Whether it says that the person came, or does not say whether they came or left."""
        return self.kind != _ROLL_CALL and self.direction != _OUT


@dataclass
class _Facts:
    """What the lines of a person are made of, by lesson.

    Attributes:
        plain: marks that count for the lesson that they name.
        involved: lessons whose whole register decides.
        absent: lessons whose confirmation says that the person was not seen.
        special: lessons in which more than one plain mark may decide.
    """

    plain: dict[uuid.UUID, list[_Mark]] = field(default_factory=dict)
    involved: set[uuid.UUID] = field(default_factory=set)
    rulings: dict[uuid.UUID, list[Ruling]] = field(default_factory=dict)
    absent: set[uuid.UUID] = field(default_factory=set)
    reported: dict[uuid.UUID, list[ReportedAbsence]] = field(default_factory=dict)
    watches: dict[uuid.UUID, list[KioskWatch]] = field(default_factory=dict)
    special: set[uuid.UUID] = field(default_factory=set)


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
    facts.special = facts.involved | facts.rulings.keys()
    lines = [_at_once(one, facts, at) for one in lessons]
    left = [one for one, line in zip(lessons, lines, strict=True) if line is None]
    whole = _whole_registers(db, person_id, facts.involved, at)
    facts.watches = _watches(db, [one for one in left if _waits(one, facts, at)], at)
    return [
        line or _line(one, whole.get(one.lesson.id) or _judged(person_id, one, facts, at))
        for one, line in zip(lessons, lines, strict=True)
    ]


def _lessons(
    db: Session,
    person_id: uuid.UUID,
    span: tuple[datetime, datetime],
    courses: Collection[uuid.UUID] | None,
) -> list[_Due]:
    """Return the lessons that list the person, with the rules that judge them."""
    entries: dict[uuid.UUID, list[Listing]] = {}
    for row in _LISTINGS.rows(db, person=person_id):
        if courses is None or row[0] in courses:
            entries.setdefault(row[0], []).append(Listing(*row))
    if not entries:
        return []
    first, before = span
    rows = lesson_rows(db, after=first, before=before, courses=entries.keys())
    zones = {name: ZoneInfo(name) for name in {row.time_zone for row in rows}}
    rule_of = _rules(db, [row.id for row in rows])
    found = []
    for row in rows:
        day = row.starts_at.astimezone(zones[row.time_zone]).date()
        is_due = any(_lists(entry, row, day) for entry in entries[row.course_id])
        if is_due and row.starts_at >= first:
            found.append(_Due(row, day, rule_of(row)))
    return found


def _rules(db: Session, lesson_ids: Sequence[uuid.UUID]) -> Callable[[LessonRow], _Rule]:
    """Return what finds the rule of a lesson; see `judgements`."""
    timeline, chosen = PolicyTimeline.of(db), chosen_versions(db, lesson_ids)
    known: dict[tuple[int, int, int], _Rule] = {}

    def rule_of(row: LessonRow) -> _Rule:
        version = (chosen and chosen.get(row.id)) or timeline.version_at(row.starts_at)
        key = version, row.room_id.int, row.course_id.int  # ids take longer to compare
        if key not in known:
            policy = timeline.policies(version).at(row.room_id, row.course_id).policy
            known[key] = _Rule.of(policy.attendance)
        return known[key]

    return rule_of


def _lists(entry: Listing, row: LessonRow, day: date) -> bool:
    is_always = entry.counts_after is None and entry.from_date is None and entry.until_date is None
    return is_always or is_listed(entry, ends_at=row.ends_at, day=day)


def _facts(db: Session, person_id: uuid.UUID, lessons: Sequence[_Due], at: datetime) -> _Facts:
    facts = _Facts()
    _read_events(db, person_id, lessons, facts)
    for lesson_id, *ruling in _RULINGS.rows(db, person=person_id):
        facts.rulings.setdefault(lesson_id, []).append(Ruling(*ruling))
    over = [one.lesson.id for one in lessons if one.lesson.starts_at <= at]
    said = dict(_UNSEEN.raw_rows(db, lessons=over, pattern=f"%{person_id}%"))
    facts.absent = {uuid.UUID(str(key)) for key, is_unseen in said.items() if is_unseen}
    days = {one.day for one in lessons}
    spans = spans_of(db, person_id, min(days), max(days))
    reported = {day for day in days if any(one.first_day <= day <= one.last_day for one in spans)}
    for one in lessons if reported else ():
        if one.day in reported and (found := reported_in(spans, times_of(one.lesson))):
            facts.reported[one.lesson.id] = found
    return facts


def _read_events(db: Session, person_id: uuid.UUID, lessons: Sequence[_Due], facts: _Facts) -> None:
    first = lessons[0].lesson.starts_at - max(one.rule.opens for one in lessons)
    last = max(one.lesson.ends_at for one in lessons)
    read = read_moments(db)
    keys: dict[Any, uuid.UUID] = {}
    for one in lessons:  # as the driver gives them: text on SQLite
        keys[one.lesson.id] = keys[one.lesson.id.hex] = one.lesson.id
    unknown: list[tuple[uuid.UUID, datetime]] = []
    for lesson, at, *said, not_before, received, is_odd in SEEN_PERSON.raw_rows(
        db, person=person_id, first=first, last=last
    ):
        key = keys.get(lesson)
        if is_odd or lesson is None:
            moments = [read(one) for one in (at, not_before, received) if one is not None]
            facts.involved |= _touched(lessons, min(moments), max(moments))
            facts.involved |= set() if key is None else {key}
        elif key is None:
            unknown.append((uuid.UUID(str(lesson)), read(at)))
        else:
            facts.plain.setdefault(key, []).append(_Mark(read(at), *said))
    _find_lessons_of(db, unknown, lessons, facts)


def _find_lessons_of(
    db: Session,
    marks: Sequence[tuple[uuid.UUID, datetime]],
    lessons: Sequence[_Due],
    facts: _Facts,
) -> None:
    """Look for lessons of marks that name others; they count elsewhere if that one is gone."""
    there = set(_THERE.values(db, lessons=[key for key, _at in marks])) if marks else set()
    for key, at in marks:
        if key not in there:
            facts.involved |= _touched(lessons, at, at)


def _touched(lessons: Sequence[_Due], first: datetime, last: datetime) -> set[uuid.UUID]:
    """Return the lessons in which something may count that was between two moments."""
    return {
        one.lesson.id
        for one in lessons
        if one.lesson.starts_at - one.rule.opens <= last and first <= one.lesson.ends_at
    }


def _at_once(one: _Due, facts: _Facts, at: datetime) -> PersonLine | None:
    """Return the line of a lesson that nothing but one mark concerns, or nothing yet."""
    lesson, key = one.lesson, one.lesson.id
    if key in facts.special:
        return None
    marks = facts.plain.get(key)
    if marks is None:
        return _unmarked(one, facts, at)
    mark = marks[0]
    arrival = one.arrival(mark) if len(marks) == 1 and mark.is_plain else None
    if arrival is None:
        return None
    if arrival is ArrivalStatus.LATE:
        late_min = one.window.late_min(mark.at)
        return PersonLine(lesson, one.day, AttendanceStatus.LATE, late_min)
    return PersonLine(lesson, one.day, AttendanceStatus.PRESENT)


def _unmarked(one: _Due, facts: _Facts, at: datetime) -> PersonLine | None:
    """Return the line of a lesson without a mark or correction, or nothing yet."""
    lesson, key = one.lesson, one.lesson.id
    if key in facts.reported:
        return None
    if key in facts.absent:
        return PersonLine(lesson, one.day, AttendanceStatus.ABSENT)
    is_open = at < lesson.ends_at + one.rule.judged
    return PersonLine(lesson, one.day, AttendanceStatus.EXPECTED) if is_open else None


def _waits(one: _Due, facts: _Facts, at: datetime) -> bool:
    """Whether a line may depend on how far the kiosks have reported."""
    key = one.lesson.id
    is_decided = key in facts.involved or key in facts.absent
    return not is_decided and at >= one.lesson.ends_at + one.rule.judged


def _watches(
    db: Session, lessons: Sequence[_Due], at: datetime
) -> dict[uuid.UUID, list[KioskWatch]]:
    if not lessons:
        return {}
    over = [(one.lesson, one.window) for one in lessons]
    first = min(window.opens_at for _lesson, window in over)
    last = max(window.ends_at for _lesson, window in over)
    placements = placements_between(db, {lesson.room_id for lesson, _window in over}, first, last)
    found = watching(db, over, placements, at)
    return {lesson: [one.watch for one in kiosks] for lesson, kiosks in found.items()}


def _judged(person_id: uuid.UUID, one: _Due, facts: _Facts, at: datetime) -> Judgement:
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


def _line(one: _Due, mark: Judgement) -> PersonLine:
    late_min = minutes_late(mark, one.window)
    return PersonLine(one.lesson, one.day, mark.status, late_min, mark.code_id, mark.is_counted)
