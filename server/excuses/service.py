"""Enter and withdraw absences where lines of lessons that are over may change."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from server.absences import service as absences
from server.absences.schemas import AbsenceCreate, AbsenceWithdraw, PastLines
from server.absences.tables import AbsenceReport, AbsenceWithdrawal
from server.attendance.register import AttendanceStatus
from server.attendance.service import registers_of
from server.errors import ConflictError
from server.timetable import service as timetable
from server.timetable.local_time import day_bounds, local_date
from server.timetable.service import LessonView
from server.timetable.tables import RosterEntry

#: So many registers are in memory at a time: an absence of a year is over a thousand lessons.
_AT_ONCE = 100


@dataclass(frozen=True)
class PastLine:
    """A line of a lesson that is over, before and after."""

    view: LessonView
    before: AttendanceStatus
    after: AttendanceStatus


class PastLinesError(ConflictError):
    """Lines of lessons that are over would change, and nobody said what becomes of them.

    Attributes:
        lines: which.
    """

    code = "past_lines"
    default_message = "Register lines of lessons that are over would change."

    lines: tuple[PastLine, ...] = ()


def report(
    db: Session, new: AbsenceCreate, *, actor: str, zone: ZoneInfo, at: datetime
) -> AbsenceReport:
    """Enter an absence.

    Raises:
        PastLinesError: lines of lessons that are over would change; `past_lines` must say whether.
        NotFoundError, InvalidError, ConflictError: see `server.absences.service.report`.
    """

    def enter(one: AbsenceCreate) -> AbsenceReport:
        return absences.report(db, one, actor=actor, at=at, today=local_date(at, zone))

    changed = new.model_copy(update={"past_lines": PastLines.CHANGE})
    days = _Days(new.person_id, new.first_day, new.last_day)
    lines = _lines(db, days, lambda: enter(changed), past=new.past_lines, zone=zone, at=at)
    row = enter(new)
    details = {"lines": len(lines)}
    absences.record_absence(db, row, action="absence.report", actor=actor, details=details)
    return row


def withdraw(
    db: Session,
    absence_id: uuid.UUID,
    body: AbsenceWithdraw,
    *,
    actor: str,
    zone: ZoneInfo,
    at: datetime,
) -> AbsenceWithdrawal:
    """Withdraw an absence.

    Raises:
        PastLinesError: as for `report`.
        NotFoundError, ConflictError: see `server.absences.service.withdraw`.
    """
    row = absences.report_of(db, absence_id)

    def take_back(past: PastLines | None) -> AbsenceWithdrawal:
        return absences.withdraw(db, absence_id, reason=body.reason, past=past, actor=actor, at=at)

    days = _Days(row.person_id, row.first_day, row.last_day)
    lines = _lines(
        db, days, lambda: take_back(PastLines.CHANGE), past=body.past_lines, zone=zone, at=at
    )
    made = take_back(body.past_lines)
    details = {"lines": len(lines)}
    absences.record_absence(db, row, action="absence.withdraw", actor=actor, details=details)
    return made


@dataclass(frozen=True)
class _Days:
    person_id: uuid.UUID
    first: date
    last: date


def _lines(
    db: Session,
    days: _Days,
    apply: Callable[[], object],
    *,
    past: PastLines | None,
    zone: ZoneInfo,
    at: datetime,
) -> list[PastLine]:
    """Try it, and return which lines of lessons that are over change; none where they are kept.

    Raises:
        PastLinesError: some would, and `past` does not say whether they shall.
    """
    views = [] if past is PastLines.KEEP else _over(db, days, zone=zone, at=at)
    if not views:
        return []
    before = _statuses(db, views, days.person_id, at)
    trial = db.begin_nested()
    try:
        apply()
        after = _statuses(db, views, days.person_id, at)
    finally:
        trial.rollback()
    named = {view.lesson.id: view for view in views}
    lines = [
        PastLine(named[key], status, after[key])
        for key, status in before.items()
        if after[key] != status
    ]
    _refuse_unasked(lines, past)
    return lines


def _over(db: Session, days: _Days, *, zone: ZoneInfo, at: datetime) -> list[LessonView]:
    """Return the lessons of the person's courses on these days that are over and count."""
    courses = set(
        db.exec(select(RosterEntry.course_id).where(RosterEntry.person_id == days.person_id))
    )
    first, _ = day_bounds(days.first, zone)
    _, last = day_bounds(days.last, zone)
    if first >= at or not courses:
        return []
    views = timetable.lesson_views(db, after=first, before=min(last, at), courses=courses)
    return [one for one in views if one.lesson.ends_at <= at and not one.is_cancelled]


def _statuses(
    db: Session, views: list[LessonView], person_id: uuid.UUID, at: datetime
) -> dict[uuid.UUID, AttendanceStatus]:
    return {
        register.view.lesson.id: line.mark.status
        for first in range(0, len(views), _AT_ONCE)
        for register in registers_of(db, views[first : first + _AT_ONCE], at=at)
        for line in register.lines
        if line.person.id == person_id
    }


def _refuse_unasked(lines: list[PastLine], past: PastLines | None) -> None:
    if lines and past is None:
        error = PastLinesError(count=len(lines), lessons=[str(one.view.lesson.id) for one in lines])
        error.lines = tuple(lines)
        raise error
