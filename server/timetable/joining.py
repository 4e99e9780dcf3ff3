"""From which day a roster entry counts, and when its dates alone decide that."""

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.db.zone import zone_of
from server.timetable.local_time import local_date
from server.timetable.tables import ImportedLesson, Lesson, RosterEntry, day_at_school

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

#: A day at the school begins and ends at most so long before or after the same day in UTC.
_ZONES_DIFFER = timedelta(days=1)


def school_zone(db: Session) -> ZoneInfo:
    """Return the school's zone.

    A command that opens the database without it takes the zone of the last planned lesson, or UTC
    where there is none.
    """
    if (zone := zone_of(db)) is not None:
        return zone
    query = select(Lesson.time_zone).order_by(col(Lesson.starts_at).desc()).limit(1)
    return ZoneInfo(db.exec(query).first() or "UTC")


def first_day(entry: RosterEntry, zone: ZoneInfo) -> date | None:
    """Return the first day on which an entry counts; None: it always did."""
    if entry.from_date is None and entry.counts_after is not None:
        day = local_date(entry.counts_after, zone)
        return min(day, entry.until_date) if entry.until_date else day
    return entry.from_date


def let_dates_decide(db: Session, entry: RosterEntry, zone: ZoneInfo) -> None:
    """List a person from a first day in the past where no register of its time would change.

    Lessons that are entered later for those days list the person then, and so do those that an
    import of past attendance added before: a school that moves to Rollcall in the middle of a term
    brings rosters and attendance afterwards, in any order. Other lessons keep the roster they had.
    """
    after, first = entry.counts_after, entry.from_date
    if after is None or first is None or first >= local_date(after, zone):
        return
    over = col(Lesson.ends_at) <= after
    own = col(Lesson.id).not_in(select(ImportedLesson.lesson_id))
    query = select(Lesson.starts_at, Lesson.time_zone).where(
        col(Lesson.course_id) == entry.course_id, over, own, *_near(first, entry.until_date)
    )
    last = entry.until_date or date.max
    if not any(first <= day_at_school(*one) <= last for one in db.exec(query).all()):
        entry.counts_after = None


def _near(first: date, last: date | None) -> "list[ColumnElement[bool]]":
    """Which lessons may be on these days, whatever their zone is."""
    found = [col(Lesson.starts_at) > _midnight(first) - _ZONES_DIFFER]
    if last is not None and last < date.max - 2 * _ZONES_DIFFER:
        found.append(col(Lesson.starts_at) < _midnight(last) + 2 * _ZONES_DIFFER)
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(max(day, date.min + 2 * _ZONES_DIFFER), time(), tzinfo=UTC)
