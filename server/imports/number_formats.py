"""What the format of a cell makes of its number: a date, leading zeros, or text we cannot know."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

#: Excel keeps 15 digits of a number and writes zeros for the others.
#: Source: Microsoft, "Excel specifications and limits".
_EXACT_BELOW = 10**15
#: Formats that a workbook does not spell out. Source: ECMA-376-1, 18.8.30.
_DATES = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
#: Text of a format, colours and conditions; what is left are its signs.
_QUOTED = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_ELAPSED = re.compile(r"\[[hms]+\]", re.IGNORECASE)
_MOST_ZEROS = 40
#: Year 9999, the last of Excel.
_LAST_DAY = 2_958_466
#: Excel counts a 29 February 1900.
_LEAP_MISTAKE = 60
_LONGEST_CODE = 255


class Shows(Enum):
    """What a cell shows of its number."""

    NUMBER = auto()
    DATE = auto()
    PADDED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class NumberFormat:
    """How a cell shows its number.

    Attributes:
        digits: with leading zeros, for `PADDED`.
    """

    shows: Shows = Shows.NUMBER
    digits: int = 0


PLAIN = NumberFormat()


def number_format(number: int, code: str | None) -> NumberFormat:
    """Return what a format means.

    Args:
        number: of the format; the workbook spells out those from 164 on.
        code: how it is spelled; None: it is one that Excel knows.
    """
    if code is None:
        return NumberFormat(Shows.DATE) if number in _DATES else PLAIN
    first = code[:_LONGEST_CODE].partition(";")[0]
    signs = _QUOTED.sub("", first)
    if _ELAPSED.search(first) or set(signs.casefold()) & set("dmyhs"):
        return NumberFormat(Shows.DATE)
    zeros = signs.strip()
    if len(zeros) > 1 and set(zeros) == {"0"}:
        is_whole = re.sub(r"\[[^\]]*\]", "", first).strip() == zeros
        return NumberFormat(Shows.PADDED if is_whole else Shows.UNKNOWN, len(zeros[:_MOST_ZEROS]))
    # Digits in groups, as in 00-00, and text around a number are part of what a person sees.
    is_grouped = len(re.findall("0+", signs)) > 1 and "." not in signs and "," not in signs
    has_text = re.search(r'"[^"]*[0-9][^"]*"|\\[0-9]', first) is not None
    return NumberFormat(Shows.UNKNOWN) if is_grouped or has_text else PLAIN


def shown(text: str, kind: NumberFormat, *, since_1904: bool) -> tuple[str, bool]:
    """Return a number as a person reads it, and whether that may differ from what Excel shows."""
    try:
        value = float(text)
    except ValueError:
        return text.strip(), False
    if not math.isfinite(value):
        return text.strip(), False
    if kind.shows is Shows.DATE and 0 <= value < _LAST_DAY:
        return _moment(value, since_1904=since_1904), False
    plain = str(int(value)) if value.is_integer() else format(value, ".15g")
    is_lost = kind.shows is Shows.UNKNOWN or abs(value) >= _EXACT_BELOW
    if kind.shows is Shows.PADDED:
        is_lost = is_lost or not plain.isdecimal()
        plain = plain if is_lost else plain.zfill(kind.digits)
    return plain, is_lost


def _moment(value: float, *, since_1904: bool) -> str:
    """Return a date, with its time where it has one; a time alone where there is no date."""
    start = datetime(1904, 1, 1, tzinfo=UTC) if since_1904 else datetime(1899, 12, 30, tzinfo=UTC)
    if not since_1904 and 1 <= value < _LEAP_MISTAKE:
        start += timedelta(days=1)
    at = start + timedelta(seconds=round(value * 86_400))
    if value < 1 and not since_1904:
        return at.time().isoformat()
    if at.hour or at.minute:
        return at.replace(tzinfo=None).isoformat(" ", "minutes")
    return at.date().isoformat()
