"""When the lessons of a weekly pattern take place: dates, weeks A and B, and summer time."""

import uuid
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.timetable.tables import LONGEST_LESSON, Weeks

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class PlannedLesson:
    """A lesson as a pattern plans it.

    Attributes:
        week: the Monday. A pattern has one lesson a week, so both name the lesson for good.
        day: the date at the school.
        starts_at: UTC.
        ends_at: UTC.
    """

    pattern_id: uuid.UUID
    week: date
    day: date
    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Weekly:
    """When a pattern takes place; times are the school's.

    Attributes:
        weekday: 0 is Monday.
        first_day: of the pattern, within its term.
        last_day: likewise.
        term_begins: the first day of the term; its week is a week A.
    """

    weekday: int
    starts: time
    ends: time
    weeks: Weeks
    first_day: date
    last_day: date
    term_begins: date

    def takes_place_on(self, day: date) -> bool:
        """Return whether it has a lesson on a date, closed or not."""
        is_day = self.first_day <= day <= self.last_day and day.weekday() == self.weekday
        return is_day and self.weeks in {Weeks.EVERY, week_of(day, self.term_begins)}

    def days(self, *, since: date, until: date, closed: Container[date] = ()) -> Iterator[date]:
        """Return the dates of its lessons in a span (both included), without closed ones."""
        first, last = max(self.first_day, since), min(self.last_day, until)
        step = WEEK if self.weeks is Weeks.EVERY else 2 * WEEK
        day = first + timedelta(days=(self.weekday - first.weekday()) % 7)
        if self.weeks is not Weeks.EVERY and week_of(day, self.term_begins) is not self.weeks:
            day += WEEK
        while day <= last:
            if day not in closed:
                yield day
            day += step


def monday(day: date) -> date:
    """Return the Monday of a date's week."""
    return day - timedelta(days=day.weekday())


def week_of(day: date, term_begins: date) -> Weeks:
    """Return whether a date lies in a week A or B of its term; holidays count as weeks."""
    weeks = (monday(day) - monday(term_begins)) // WEEK
    return Weeks.B if weeks % 2 else Weeks.A


def moments(day: date, starts: time, ends: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return when a lesson starts and ends on a date, UTC.

    A time that the clocks skip is read with the offset of before the change: 02:30 is the moment
    that they show as 03:30. Of a time that comes twice, the first one is meant. Where that leaves
    nothing of a lesson, it lasts as long as on other days.

    Source: RFC 5545, section 3.3.5, on times that do not occur or occur twice.
    """
    begin, end = (datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for at in (starts, ends))
    if end <= begin:
        end = begin + (datetime.combine(day, ends) - datetime.combine(day, starts))
    return begin, min(end, begin + LONGEST_LESSON)
