"""Say which lessons that are over have open lines, without deriving most of their registers.

Who was seen or entered is decided. Of the others in a lesson that only plain events concern, all
have the same status, but for those that an absence or a confirmation names.

How far kiosks have reported is asked about only where lines that wait for one are looked for, and
there it is asked first: where no kiosk is behind, nothing else of a lesson is read.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlmodel import Session

from server.absences.reads import spans_between
from server.absences.rules import AbsenceSpan, ReportedAbsence, reported_in
from server.attendance import service
from server.attendance.confirmation_reads import ConfirmedRegister, confirmations_of
from server.attendance.register import (
    AttendanceStatus,
    Decisions,
    KioskWatch,
    derive_register,
    unseen_status,
)
from server.attendance.service import Register
from server.attendance.sources import times_of, watching
from server.attendance.tallies import (
    PlainLesson,
    WindowedLesson,
    involved_among,
    read_of_plain,
    read_plain,
    windowed,
)
from server.kiosks.placements import placements_between
from server.timetable import service as timetable
from server.timetable.day import LessonRow


@dataclass(frozen=True)
class OpenLines:
    """What is open in the register of a lesson.

    Attributes:
        statuses: of the lines of students who were not seen and have no correction; "pending"
            stands for those that were not seen too, as both are open.
        has_others: whether there are further lines: of students who were, or with a correction.
        is_confirmed: whether a person confirmed it; unknown, and False, without such statuses.
        register: of a lesson of which more had to be read; the rest is empty then.
    """

    lesson: LessonRow
    statuses: frozenset[AttendanceStatus] = frozenset()
    has_others: bool = False
    is_confirmed: bool = False
    register: Register | None = None


def open_lines(db: Session, rows: Sequence[LessonRow], *, at: datetime) -> list[OpenLines]:
    """Return what is open in the registers of lessons that were not cancelled, in their order.

    Args:
        db: the caller's.
        rows: the lessons.
        at: the moment the registers are read.
    """
    if not rows:
        return []
    plain, involved = read_plain(db, rows)
    lookup = _Lookup.of(db, [one for one in plain if _left(one)], at)
    found = {one.lesson.id: lookup.lines(one) for one in plain}
    unsure = {key for key, one in found.items() if one is None}
    unsure |= {one.lesson.id for one in involved}
    registers = _registers(db, unsure, at)
    return [found.get(row.id) or OpenLines(row, register=registers[row.id]) for row in rows]


def pending_lessons(db: Session, rows: Sequence[LessonRow], *, at: datetime) -> set[uuid.UUID]:
    """Return which of these lessons, none of them cancelled, have a pending line at a moment."""
    if not rows:
        return set()
    lessons = windowed(db, rows)
    involved = involved_among(db, lessons)
    waiting = _waiting(db, [one for one in lessons if one.lesson.id not in involved], at)
    plain = [one for one in (read_of_plain(db, waiting) if waiting else ()) if _left(one)]
    lookup = _Lookup.of(db, plain, at)
    pending = AttendanceStatus.PENDING
    found = {one.lesson.id for one in plain if pending in lookup.statuses(one, _left(one))}
    registers = _registers(db, involved, at)
    return found | {key for key, one in registers.items() if one.counts[pending]}


def _waiting(db: Session, lessons: Sequence[WindowedLesson], at: datetime) -> list[WindowedLesson]:
    """Return the lessons in which a line that nothing else decides is pending."""
    if not lessons:
        return []
    watches = _watches(db, lessons, at)
    return [
        one
        for one in lessons
        if unseen_status(one.window, watches.get(one.lesson.id, ()), at) is AttendanceStatus.PENDING
    ]


def _registers(
    db: Session, lessons: Collection[uuid.UUID], at: datetime
) -> dict[uuid.UUID, Register]:
    if not lessons:
        return {}
    views = timetable.lesson_views(db, ids=lessons)
    return {one.view.lesson.id: one for one in service.registers_of(db, views, at=at)}


def _left(one: PlainLesson) -> set[str]:
    """Return the students who were not seen and have no correction."""
    return one.due - one.seen.keys() - one.ruled.keys()


@dataclass(frozen=True)
class _Lookup:
    """What decides about students who were not seen, by lesson."""

    at: datetime
    confirmations: Mapping[uuid.UUID, ConfirmedRegister]
    spans: Sequence[AbsenceSpan]

    @classmethod
    def of(cls, db: Session, lessons: Sequence[PlainLesson], at: datetime) -> "_Lookup":
        """Read it for these lessons."""
        if not lessons:
            return cls(at, {}, ())
        days = {one.lesson.day for one in lessons}
        return cls(
            at,
            confirmations_of(db, [one.lesson.id for one in lessons]),
            spans_between(db, min(days), max(days)),
        )

    def lines(self, one: PlainLesson) -> OpenLines | None:
        """Return what is open in a lesson; None where only its register can say."""
        left, key = _left(one), one.lesson.id
        has_others = len(left) < len(one.due)
        if not left:
            return OpenLines(one.lesson, frozenset(), has_others)
        statuses = self.statuses(one, left)
        is_confirmed = key in self.confirmations
        # Everybody was reported absent: whether a kiosk looked at all is not read here.
        if statuses == {AttendanceStatus.EXCUSED} and not (has_others or is_confirmed):
            return None
        return OpenLines(one.lesson, statuses, has_others, is_confirmed)

    def statuses(self, one: PlainLesson, left: set[str]) -> frozenset[AttendanceStatus]:
        """Return the statuses of students who were not seen, as if every kiosk were behind."""
        confirmed = self.confirmations.get(one.lesson.id)
        unseen = confirmed.unseen if confirmed else frozenset()
        reported = self._reported(one.lesson)
        named = unseen | {report.person_id for report in reported}
        lines = derive_register(
            _representatives(left, named),
            [],
            one.window,
            watches=(),
            decided=Decisions((), unseen, reported),
            at=self.at,
        )
        return frozenset(line.status for line in lines)

    def _reported(self, lesson: LessonRow) -> Sequence[ReportedAbsence]:
        day = lesson.day
        spans = [one for one in self.spans if one.first_day <= day <= one.last_day]
        return reported_in(spans, times_of(lesson)) if spans else ()


def _representatives(left: set[str], named: Set[uuid.UUID]) -> list[uuid.UUID]:
    """Return those of some students that something names, and one for all others."""
    if not named:
        return [uuid.UUID(text) for text in islice(left, 1)]
    people = {uuid.UUID(text) for text in left}
    return [*(people & named), *islice(people - named, 1)]


def _watches(
    db: Session, lessons: Sequence[WindowedLesson], at: datetime
) -> dict[uuid.UUID, list[KioskWatch]]:
    first = min(one.window.opens_at for one in lessons)
    last = max(one.window.ends_at for one in lessons)
    rooms = {one.lesson.room_id for one in lessons}
    placements = placements_between(db, rooms, first, last)
    found = watching(db, [(one.lesson, one.window) for one in lessons], placements, at)
    return {lesson: [one.watch for one in kiosks] for lesson, kiosks in found.items()}
