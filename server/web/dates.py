"""Dates and times in words: `Thursday 26 November`, `Thursday 26 November, 08:05`.

In a language that is written from right to left they are isolated: numbers of the sentence around
them would otherwise change places with theirs.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from server.web.translations import Translator

_FIRST_STRONG_ISOLATE, _POP_ISOLATE = "\u2068", "\u2069"
"""Source: Unicode Standard Annex 9, explicit directional isolates."""


def day_words(day: date, t: Translator, *, this_year: int | None = None) -> str:
    """Return a date in words, with its year unless that is `this_year`."""
    return isolated(_plain_day(day, t, this_year), t)


def _plain_day(day: date, t: Translator, this_year: int | None) -> str:
    values = {
        "weekday": t(f"dates.weekday.{day.weekday()}"),
        "day": day.day,
        "month": t(f"dates.month.{day.month}"),
        "year": day.year,
    }
    key = "dates.day" if day.year == this_year else "dates.day_and_year"
    return t.texts[key].format(**values)


def time_words(at: datetime, t: Translator, zone: ZoneInfo) -> str:
    """Return the time of day a moment has at the school: `08:05`."""
    return isolated(f"{_local(at, zone):%H:%M}", t)


def moment_words(
    at: datetime, t: Translator, zone: ZoneInfo, *, this_year: int | None = None
) -> str:
    """Return date and time of a moment in words, in the school's zone."""
    local = _local(at, zone)
    day = _plain_day(local.date(), t, this_year)
    return isolated(t.texts["dates.moment"].format(day=day, time=f"{local:%H:%M}"), t)


def isolated(words: str, t: Translator) -> str:
    """Return words that keep their own order in a sentence from right to left.

    What holds no letter, such as `2026-11-26 08:05`, is ordered from left to right.
    """
    return f"{_FIRST_STRONG_ISOLATE}{words}{_POP_ISOLATE}" if t.direction == "rtl" else words


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """Return a moment in the school's zone; in UTC where the zone's calendar has no such day.

    A kiosk may state any time from the year 1 to the year 9999.
    """
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at
