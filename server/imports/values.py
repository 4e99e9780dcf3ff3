"""Read dates, times and years as files have them. No database here."""

import re
from datetime import date, time

from server.imports.findings import RowError

_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T].*)?")
_DOTTED = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_SLASHED = re.compile(r"(\d{1,2})[/-](\d{1,2})[/-](\d{4})")
_YEAR = re.compile(r"\d{4}")
_TIME = re.compile(r"(\d{1,2})[:.hH](\d{2})(?::\d{2})?(?:\s*(am|pm))?", re.IGNORECASE)
_MONTHS = 12
_NOON = 12


def read_date(text: str, column: str) -> date | None:
    """Return a date; None where the cell is empty.

    Raises:
        RowError: it is no date, or it may be two different ones.
    """
    if not text:
        return None
    if found := _ISO.fullmatch(text):
        year, month, day = map(int, found.groups())
    elif found := _DOTTED.fullmatch(text):
        day, month, year = map(int, found.groups())
    elif found := _SLASHED.fullmatch(text):
        day, month, year = map(int, found.groups())
        if month > _MONTHS >= day:
            day, month = month, day
        elif day != month and day <= _MONTHS:
            raise RowError("date_ambiguous", column, value=text)
    else:
        raise RowError("date", column, value=text)
    try:
        return date(year, month, day)
    except ValueError as exc:
        raise RowError("date", column, value=text) from exc


def read_time(text: str, column: str) -> time:
    """Return a time of day, such as 8:00, 08.00, 8h00, 08:00:00 or 1:15 pm.

    Raises:
        RowError: it is none.
    """
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise RowError("time", column, value=text)
    hour, minute, half = int(found[1]), int(found[2]), (found[3] or "").casefold()
    if half:
        if not 1 <= hour <= _NOON:
            raise RowError("time", column, value=text)
        hour = hour % _NOON + (_NOON if half == "pm" else 0)
    try:
        return time(hour, minute)
    except ValueError as exc:
        raise RowError("time", column, value=text) from exc


def read_year(text: str, column: str) -> int | None:
    """Return the year of a year or of a date; None where the cell is empty.

    Raises:
        RowError: there is none.
    """
    if not text:
        return None
    if _YEAR.fullmatch(text):
        return int(text)
    found = _SLASHED.fullmatch(text)
    if found:
        return int(found[3])
    try:
        day = read_date(text, column)
    except RowError as exc:
        raise RowError("year", column) from exc
    return day.year if day else None


def refuse_backwards(first: date | None, last: date | None, column: str) -> None:
    """Refuse a span of dates that ends before it begins.

    Raises:
        RowError: it does.
    """
    if first and last and last < first:
        raise RowError("order", column)
