"""The school's holidays: add, change and delete them, and what follows for planned lessons."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.audit.service import record
from server.errors import InvalidError
from server.timetable.holidays.schemas import HolidayCreate
from server.timetable.patterns.generation import closed_days, left_out, refresh_lessons
from server.timetable.service import bump_version, found_or_404, lock_timetable
from server.timetable.tables import Holiday

#: A longer one is a typing error.
LONGEST = timedelta(days=366)


def holidays(db: Session, *, since: date | None = None) -> Sequence[Holiday]:
    """Return every holiday, by its first day; only those that are not over on a date."""
    query = select(Holiday).order_by(col(Holiday.first_day), col(Holiday.id))
    if since is not None:
        query = query.where(col(Holiday.last_day) >= since)
    return db.exec(query).all()


def holiday_on(db: Session, day: date) -> Holiday | None:
    """Return a holiday that a date lies in; None on a day of school."""
    query = select(Holiday).where(col(Holiday.first_day) <= day, col(Holiday.last_day) >= day)
    return db.exec(query.order_by(col(Holiday.first_day), col(Holiday.id)).limit(1)).first()


def create_holiday(
    db: Session, body: HolidayCreate, *, zone: ZoneInfo, at: datetime, actor: str
) -> Holiday:
    """Add a holiday. Lessons of weekly patterns that lie in it and have not started go.

    Raises:
        InvalidError: it ends before it begins, or is longer than a year.
    """
    _refuse_odd_days(body)
    lock_timetable(db)
    row = Holiday(name=body.name, first_day=body.first_day, last_day=body.last_day)
    db.add(row)
    bump_version(db)
    refresh_lessons(db, zone=zone, at=at, actor=actor)
    _record(db, "holiday.create", row.id, actor)
    return row


def create_holidays(
    db: Session, bodies: Sequence[HolidayCreate], *, zone: ZoneInfo, at: datetime, actor: str
) -> None:
    """Add several holidays at once; planned lessons are looked at once for all of them.

    Raises:
        InvalidError: as for one holiday; nothing is added then.
    """
    for body in bodies:
        _refuse_odd_days(body)
    lock_timetable(db)
    rows = [
        Holiday(name=one.name, first_day=one.first_day, last_day=one.last_day) for one in bodies
    ]
    db.add_all(rows)
    bump_version(db)
    refresh_lessons(db, zone=zone, at=at, actor=actor)
    for row in rows:
        _record(db, "holiday.create", row.id, actor)


def change_holiday(
    db: Session,
    holiday_id: uuid.UUID,
    body: HolidayCreate,
    *,
    zone: ZoneInfo,
    at: datetime,
    actor: str,
) -> Holiday:
    """Change a holiday; lessons of weekly patterns come and go with its dates.

    Raises:
        NotFoundError: there is no such holiday.
        InvalidError: as for a new one.
        ConflictError: rooms of lessons that come back are taken.
    """
    lock_timetable(db)
    row, known = holiday_of(db, holiday_id), left_out(db, zone=zone, at=at)
    _refuse_odd_days(body)
    row.name, row.first_day, row.last_day = body.name, body.first_day, body.last_day
    db.add(row)
    bump_version(db)
    refresh_lessons(db, zone=zone, at=at, actor=actor, known=known)
    _record(db, "holiday.change", row.id, actor)
    return row


def delete_holiday(
    db: Session, holiday_id: uuid.UUID, *, zone: ZoneInfo, at: datetime, actor: str
) -> None:
    """Delete a holiday: weekly patterns have lessons on its dates again, if they are to come.

    Raises:
        NotFoundError: there is no such holiday.
        ConflictError: rooms of lessons that come back are taken.
    """
    lock_timetable(db)
    row, known = holiday_of(db, holiday_id), left_out(db, zone=zone, at=at)
    db.delete(row)
    bump_version(db)
    refresh_lessons(db, zone=zone, at=at, actor=actor, known=known)
    _record(db, "holiday.delete", holiday_id, actor)


def holiday_of(db: Session, holiday_id: uuid.UUID) -> Holiday:
    """Return one holiday.

    Raises:
        NotFoundError: there is none of that id.
    """
    return found_or_404(db.get(Holiday, holiday_id), "holiday")


def closed_dates(db: Session, first: date, *, days: int) -> list[date]:
    """Return the dates in holidays among some days from a date on."""
    return sorted(closed_days(db, first, first + timedelta(days=days - 1)))


def _refuse_odd_days(body: HolidayCreate) -> None:
    if body.last_day < body.first_day:
        raise InvalidError("The last day of the holiday is before the first.", problem="order")
    if body.last_day - body.first_day >= LONGEST:
        raise InvalidError("A holiday lasts at most a year.", problem="holiday_too_long")


def _record(db: Session, action: str, holiday_id: uuid.UUID, actor: str) -> None:
    record(db, actor=actor, action=action, subject=f"holiday:{holiday_id}")
