"""What the timetable's forms send: text, to be read and to be shown again where it is wrong."""

import uuid
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import StringConstraints

from server.timetable.lessons import LessonPlan
from server.timetable.local_time import parse_date, parse_time, to_utc
from server.timetable.roster import RosterDates
from server.timetable.tables import Lesson
from server.web.strict import StrictInput

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class RoomForm(StrictInput):
    """A room."""

    name: Text = ""


class CourseForm(StrictInput):
    """A course."""

    code: Text = ""
    title: Text = ""


class TermForm(StrictInput):
    """A term."""

    name: Text = ""
    first_day: Text = ""
    last_day: Text = ""

    def days(self) -> tuple[date, date]:
        """Return the first and the last day.

        Raises:
            BadLocalTimeError: a field is no date.
        """
        return parse_date(self.first_day), parse_date(self.last_day)


class LessonForm(StrictInput):
    """A lesson, in the school's time."""

    course_id: Text = ""
    room_id: Text = ""
    day: Text = ""
    starts: Text = ""
    ends: Text = ""

    allow_double: Text = ""

    @classmethod
    def of(cls, lesson: Lesson, zone: ZoneInfo) -> "LessonForm":
        """Return the form with what a lesson is."""
        starts_at, ends_at = (one.astimezone(zone) for one in (lesson.starts_at, lesson.ends_at))
        return cls(
            course_id=str(lesson.course_id),
            room_id=str(lesson.room_id),
            day=starts_at.date().isoformat(),
            starts=f"{starts_at:%H:%M}",
            ends=f"{ends_at:%H:%M}",
        )

    def plan(self, zone: ZoneInfo) -> LessonPlan:
        """Return what is to be planned, in UTC.

        Raises:
            BadLocalTimeError: a field is no date or time, or names a moment that is not one.
            ValueError: no course or room was chosen.
        """
        day = parse_date(self.day)
        return LessonPlan(
            course_id=uuid.UUID(self.course_id),
            room_id=uuid.UUID(self.room_id),
            starts_at=to_utc(day, parse_time(self.starts), zone),
            ends_at=to_utc(day, parse_time(self.ends), zone),
            allow_double=bool(self.allow_double),
        )


class DatesForm(StrictInput):
    """The first and the last day of a person on a roster."""

    from_date: Text = ""
    until_date: Text = ""

    def dates(self) -> RosterDates:
        """Return the dates; open where nothing stands.

        Raises:
            BadLocalTimeError: no date where something stands.
            InvalidError: the last day is before the first.
        """
        first = parse_date(self.from_date) if self.from_date else None
        last = parse_date(self.until_date) if self.until_date else None
        return RosterDates(first, last)


class SearchForm(StrictInput):
    """The words that find people for a roster."""

    q: Annotated[str, StringConstraints(max_length=100)] = ""


class RosterForm(DatesForm):
    """A person for a roster; the words that found them, to find them again."""

    person_id: Text = ""
    q: Text = ""

    def values(self) -> tuple[uuid.UUID, RosterDates]:
        """Return the person and the dates.

        Raises:
            BadLocalTimeError: no date where something stands.
            ValueError: no person.
        """
        return uuid.UUID(self.person_id), self.dates()
