"""Lessons of past days for tests of reports, with what people decided about them."""

import uuid
from datetime import date, datetime, timedelta

from server.db.types import now
from server.timetable.local_time import midnight
from server.timetable.tables import Lesson
from tests.support.office_desk import OfficeDesk, today
from tests.support.planning import BERLIN


class ReportSchool:
    """Both people of a desk on the roster of its first course, and lessons that are over."""

    def __init__(self, desk: OfficeDesk) -> None:
        self.desk = desk
        for person in (desk.ada, desk.ben):
            desk.always_on_roster(person)

    def held(self, starts_at: datetime, *, course: str = "", minutes: int = 45) -> str:
        """Add a lesson that began at this moment."""
        row = Lesson(
            course_id=uuid.UUID(course or self.desk.course),
            room_id=uuid.UUID(self.desk.room),
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=minutes),
            time_zone=BERLIN.key,
        )
        with self.desk.database.transaction() as db:
            db.add(row)
        return str(row.id)

    def days_ago(self, days: int, *, course: str = "") -> str:
        """Add a lesson of 9 o'clock some days ago."""
        return self.held(midnight(self.day(days), BERLIN) + timedelta(hours=9), course=course)

    def day(self, days: int) -> date:
        """Return the date some days ago."""
        return today() - timedelta(days=days)

    def decide(self, lesson: str, **statuses: str) -> None:
        """Correct lines of a lesson, by `ada` and `ben`."""
        for name, status in statuses.items():
            self.desk.post(
                f"/lessons/{lesson}/corrections",
                person_id=getattr(self.desk, name),
                status=status,
                reason="It was so",
            )

    def teach(self, account_id: str, course: str = "") -> None:
        """Let an account teach a course."""
        self.desk.post(f"/courses/{course or self.desk.course}/teachers", account_id=account_id)

    def span(self, days: int) -> dict[str, str]:
        """Return the days of a report until today."""
        return {
            "first": self.day(days).isoformat(),
            "last": now().astimezone(BERLIN).date().isoformat(),
        }
