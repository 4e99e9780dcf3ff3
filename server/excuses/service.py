"""Enter and withdraw absences where lines of lessons that are over may change."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.absences import service as absences
from server.absences.schemas import AbsenceCreate, AbsenceWithdraw, PastLines
from server.absences.tables import AbsenceReport, AbsenceWithdrawal
from server.attendance.person_lines import PersonLine, lines_of_person
from server.attendance.register import AttendanceStatus
from server.errors import ConflictError
from server.timetable.day import LessonRow
from server.timetable.local_time import day_bounds, local_date


@dataclass(frozen=True)
class PastLine:
    """A line of a lesson that is over, before and after."""

    lesson: LessonRow
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
    if past is PastLines.KEEP:
        return []
    before = _over(db, days, zone=zone, at=at)
    if not before:
        return []
    trial = db.begin_nested()
    try:
        apply()
        after = {one.lesson.id: one.status for one in _over(db, days, zone=zone, at=at)}
    finally:
        trial.rollback()
    lines = [
        PastLine(one.lesson, one.status, after[one.lesson.id])
        for one in before
        if after[one.lesson.id] != one.status
    ]
    _refuse_unasked(lines, past)
    return lines


def _over(db: Session, days: _Days, *, zone: ZoneInfo, at: datetime) -> list[PersonLine]:
    """Return the person's lines on these days in lessons that are over and count.

    Only this person's lines are derived: an absence of a year is over a thousand lessons, and
    nobody else can save anything meanwhile.
    """
    first, _ = day_bounds(days.first, zone)
    _, last = day_bounds(days.last, zone)
    if first >= at:
        return []
    found = lines_of_person(db, days.person_id, (first, min(last, at)), at=at)
    return [one for one in found if one.lesson.ends_at <= at and not one.lesson.is_cancelled]


def _refuse_unasked(lines: list[PastLine], past: PastLines | None) -> None:
    if lines and past is None:
        error = PastLinesError(count=len(lines), lessons=[str(one.lesson.id) for one in lines])
        error.lines = tuple(lines)
        raise error
