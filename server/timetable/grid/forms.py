"""What the forms of the grid send: text, to be read and to be shown again where it is wrong."""

import uuid
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from server.errors import InvalidError
from server.timetable.forms import Text
from server.timetable.lessons import LessonPlan
from server.timetable.local_time import parse_date, parse_time, to_utc
from server.timetable.patterns.service import PatternPlan
from server.timetable.tables import LessonPattern, Weeks
from server.web.strict import StrictInput

#: Beside the values of `Weeks`: a single lesson in the week that is shown.
ONCE = "once"


class SlotForm(StrictInput):
    """A lesson in the grid: of one week, or every week."""

    course_id: Text = ""
    room_id: Text = ""
    weekday: Text = "0"
    starts: Text = ""
    ends: Text = ""
    weeks: Text = Weeks.EVERY
    first_day: Text = ""
    last_day: Text = ""
    allow: Text = ""

    @classmethod
    def of(cls, pattern: LessonPattern) -> "SlotForm":
        """Return the form with what a weekly lesson is."""
        return cls(
            course_id=str(pattern.course_id),
            room_id=str(pattern.room_id),
            weekday=str(pattern.weekday),
            starts=f"{pattern.starts:%H:%M}",
            ends=f"{pattern.ends:%H:%M}",
            weeks=pattern.weeks,
            first_day=pattern.first_day.isoformat() if pattern.first_day else "",
            last_day=pattern.last_day.isoformat() if pattern.last_day else "",
        )

    def pattern(self, term_id: uuid.UUID | None) -> PatternPlan:
        """Return the weekly lesson that is to be planned.

        Raises:
            BadLocalTimeError: a field is no date or time.
            InvalidError: there is no term.
            ValueError: a field is empty or no choice of the form.
        """
        if term_id is None:
            raise InvalidError("There is no term in this week.", problem="no_term_here")
        return PatternPlan(
            term_id=term_id,
            course_id=uuid.UUID(self.course_id),
            room_id=uuid.UUID(self.room_id),
            weekday=self._weekday(),
            starts=parse_time(self.starts),
            ends=parse_time(self.ends),
            weeks=Weeks(self.weeks),
            first_day=parse_date(self.first_day) if self.first_day else None,
            last_day=parse_date(self.last_day) if self.last_day else None,
        )

    def lesson(self, monday: date, zone: ZoneInfo) -> LessonPlan:
        """Return the single lesson that is to be planned in a week.

        Raises:
            BadLocalTimeError, ValueError: as above.
        """
        day = monday + timedelta(days=self._weekday())
        plan = LessonPlan(
            course_id=uuid.UUID(self.course_id),
            room_id=uuid.UUID(self.room_id),
            starts_at=to_utc(day, parse_time(self.starts), zone),
            ends_at=to_utc(day, parse_time(self.ends), zone),
        )
        return replace(plan, allow_double=bool(self.allow))

    def _weekday(self) -> int:
        number = int(self.weekday)
        if not 0 <= number < 7:
            raise ValueError("no day of the week")
        return number
