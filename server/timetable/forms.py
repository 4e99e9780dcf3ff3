"""What the timetable's forms send: text, to be read and to be shown again where it is wrong."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, StringConstraints

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

    def times(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Start and end, UTC. An end before the start is on the next day.

        Raises:
            ValueError: a field is empty or no date or time.
        """
        day = date.fromisoformat(self.day)
        starts, ends = time.fromisoformat(self.starts), time.fromisoformat(self.ends)
        last_day = day if ends > starts else day + timedelta(days=1)
        starts_at = datetime.combine(day, starts, tzinfo=zone)
        ends_at = datetime.combine(last_day, ends, tzinfo=zone)
        return starts_at.astimezone(UTC), ends_at.astimezone(UTC)


class RosterForm(BaseModel):
    """A person for a roster."""

    person_id: Text = ""
    from_date: Text = ""
    until_date: Text = ""

    def values(self) -> tuple[uuid.UUID, date | None, date | None]:
        """The person and the two dates.

        Raises:
            ValueError: no person, or no date where something stands.
        """
        first = date.fromisoformat(self.from_date) if self.from_date else None
        last = date.fromisoformat(self.until_date) if self.until_date else None
        return uuid.UUID(self.person_id), first, last
