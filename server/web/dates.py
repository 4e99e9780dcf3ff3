"""Dates and times in words: `Thursday 26 November`, `Thursday 26 November, 08:05`."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from server.web.translations import Translator


def day_words(day: date, t: Translator, *, this_year: int | None = None) -> str:
    """Return a date in words, with its year unless that is `this_year`."""
    values = {
        "weekday": t(f"dates.weekday.{day.weekday()}"),
        "day": day.day,
        "month": t(f"dates.month.{day.month}"),
        "year": day.year,
    }
    key = "dates.day" if day.year == this_year else "dates.day_and_year"
    return t.texts[key].format(**values)


def time_words(at: datetime, zone: ZoneInfo) -> str:
    """Return the time of day a moment has at the school: `08:05`."""
    return f"{_local(at, zone):%H:%M}"


def moment_words(
    at: datetime, t: Translator, zone: ZoneInfo, *, this_year: int | None = None
) -> str:
    """Return date and time of a moment in words, in the school's zone."""
    day = day_words(_local(at, zone).date(), t, this_year=this_year)
    return t.texts["dates.moment"].format(day=day, time=time_words(at, zone))


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """Return a moment in the school's zone; in UTC where the zone's calendar has no such day.

    A kiosk may state any time from the year 1 to the year 9999.
    """
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at
