"""What the timetable's forms send: text, to be read and to be shown again where it is wrong."""

import uuid
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, StringConstraints

from server.timetable.lessons import LessonPlan
from server.timetable.local_time import parse_date, parse_time, to_utc
from server.timetable.roster import RosterDates

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class RoomForm(BaseModel):
    """A new room."""

    name: Text = ""


class CourseForm(BaseModel):
    """A new course."""

    code: Text = ""
    title: Text = ""


class LessonForm(BaseModel):
    """A new lesson, in the school's time."""

    course_id: Text = ""
    room_id: Text = ""
    day: Text = ""
    starts: Text = ""
    ends: Text = ""

    allow_double: Text = ""

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
        )


class RosterForm(BaseModel):
    """A person for a roster."""

    person_id: Text = ""
    from_date: Text = ""
    until_date: Text = ""

    def values(self) -> tuple[uuid.UUID, RosterDates]:
        """Return the person and the dates.

        Raises:
            BadLocalTimeError: no date where something stands.
            ValueError: no person.
        """
        first = parse_date(self.from_date) if self.from_date else None
        last = parse_date(self.until_date) if self.until_date else None
        return uuid.UUID(self.person_id), RosterDates(first, last)
