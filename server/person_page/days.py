"""A person's lessons by day and month: what each day comes to. Pure rules, no database."""

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from server.attendance.person_lines import PersonLine
from server.attendance.register import AttendanceStatus
from server.reports.standing import Standing, standing_of

_WEEK, _LAST_MONTH = 7, 12
#: What a day shows of its lessons: the first of these that any line has.
_ORDER = {
    Standing.ABSENT: 0,
    Standing.OPEN: 1,
    Standing.LATE: 2,
    Standing.EXCUSED: 3,
    Standing.IN_TIME: 5,
}
_LEFT_EARLY, _TO_COME, _CANCELLED = 4, 6, 7


def gravity(line: PersonLine) -> int:
    """Return where a line stands in the order of what a day shows; 0 is the gravest."""
    if line.lesson.is_cancelled:
        return _CANCELLED
    if line.status is AttendanceStatus.EXPECTED:
        return _TO_COME
    standing = standing_of(line.status, line.is_counted)
    if standing is Standing.IN_TIME and line.status is AttendanceStatus.LEFT_EARLY:
        return _LEFT_EARLY
    return _ORDER[standing]


@dataclass(frozen=True)
class CalendarDay:
    """A date with the person's lessons.

    Attributes:
        lines: by start of the lesson.
        shown: the gravest of them, the first of several; None on a day without lessons.
        like_it: how many have the same status and code as the one that is shown.
        holiday: its name; empty on a day of school.
        is_inside: whether the date is among those that were asked for.
    """

    date: date
    lines: Sequence[PersonLine] = ()
    shown: PersonLine | None = None
    like_it: int = 0
    holiday: str = ""
    is_inside: bool = True

    @property
    def share(self) -> str:
        """How many of its lessons are like the one that is shown; empty where all of them are."""
        return "" if self.like_it == len(self.lines) else f"{self.like_it}/{len(self.lines)}"


@dataclass(frozen=True)
class CalendarMonth:
    """A month in weeks from Monday to Sunday; None stands for dates of other months."""

    year: int
    month: int
    weeks: Sequence[Sequence[CalendarDay | None]]


def days_of(lines: Iterable[PersonLine]) -> dict[date, CalendarDay]:
    """Return the days that have lessons, by date.

    Args:
        lines: by start.
    """
    found: dict[date, list[PersonLine]] = {}
    for day, group in groupby(lines, key=lambda line: line.day):
        found.setdefault(day, []).extend(group)
    return {day: _day(day, of_day) for day, of_day in sorted(found.items())}


def months_of(
    days: Mapping[date, CalendarDay], first: date, last: date, holidays: Mapping[date, str]
) -> list[CalendarMonth]:
    """Return the months of a span, each with all its dates.

    Args:
        days: those that have lessons.
        first: the first day that was asked for.
        last: the last one, included.
        holidays: name by date.
    """
    first, last = min([first, *days]), max([last, *days])
    found = []
    year, month = first.year, first.month
    while (year, month) <= (last.year, last.month):
        found.append(_month(year, month, days, (first, last), holidays))
        year, month = (year + 1, 1) if month == _LAST_MONTH else (year, month + 1)
    return found


def _day(day: date, lines: Sequence[PersonLine]) -> CalendarDay:
    shown = min(lines, key=gravity)
    like_it = sum(_look(line) == _look(shown) for line in lines)
    return CalendarDay(day, lines, shown, like_it)


def _look(line: PersonLine) -> object:
    return line.lesson.is_cancelled or (line.status, line.code_id)


def _month(
    year: int,
    month: int,
    days: Mapping[date, CalendarDay],
    span: tuple[date, date],
    holidays: Mapping[date, str],
) -> CalendarMonth:
    weekday, length = calendar.monthrange(year, month)
    cells: list[CalendarDay | None] = [None] * weekday
    start = date(year, month, 1)
    for number in range(length):
        day = start + timedelta(days=number)
        known = days.get(day)
        if known is None:
            is_inside = span[0] <= day <= span[1]
            known = CalendarDay(day, holiday=holidays.get(day, ""), is_inside=is_inside)
        cells.append(known)
    cells += [None] * (-len(cells) % _WEEK)
    weeks = [cells[at : at + _WEEK] for at in range(0, len(cells), _WEEK)]
    return CalendarMonth(year, month, weeks)
