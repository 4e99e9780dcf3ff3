"""Dates and times as people write them, in the school's zone."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.errors import InvalidError

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_TIME = re.compile(r"\d{2}:\d{2}(:00)?\Z", re.ASCII)


class BadLocalTimeError(InvalidError):
    """A date or time that people cannot mean; `problem` names the sentence to show."""

    code = "bad_local_time"


def parse_date(text: str) -> date:
    """Read a date such as 2026-11-26.

    Raises:
        BadLocalTimeError: it is none.
    """
    try:
        if _DATE.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BadLocalTimeError("Write the date as 2026-11-26.", problem="date")


def parse_time(text: str) -> time:
    """Read a time of day such as 08:05, without a zone.

    Raises:
        BadLocalTimeError: it is none.
    """
    try:
        if _TIME.match(text):
            return time.fromisoformat(text)
    except ValueError:
        pass
    raise BadLocalTimeError("Write the time as 08:05.", problem="time")


def to_utc(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the moment of a local date and time, UTC.

    Raises:
        BadLocalTimeError: the clocks skip that time on that day, or show it twice.
    """
    try:
        early = datetime.combine(day, at, tzinfo=zone)
        moment = early.astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) != early.replace(tzinfo=None):
            raise BadLocalTimeError(
                f"{at:%H:%M} does not exist on {day.isoformat()}: the clocks go forward.",
                problem="gap",
            )
        if early.replace(fold=1).utcoffset() != early.utcoffset():
            raise BadLocalTimeError(
                f"{at:%H:%M} comes twice on {day.isoformat()}: the clocks go back."
                " Choose a time outside that hour.",
                problem="twice",
            )
    except OverflowError as exc:
        raise BadLocalTimeError("This date is out of range.", problem="date") from exc
    return moment


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """Return the date a moment has at the school."""
    return moment.astimezone(zone).date()


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return the moment a date begins at the school, UTC."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a date begins and when the next one does, UTC."""
    return midnight(day, zone), midnight(day + timedelta(days=1), zone)
