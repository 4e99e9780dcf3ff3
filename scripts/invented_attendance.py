"""Gives one student of the invented school a past: a term of lessons with every status."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from scripts.invented_school import School
from server.absences import service as absences
from server.absences.schemas import AbsenceCreate, PastLines
from server.attendance.tables import Correction, RegisterConfirmation, StoredEvent
from server.db.engine import Database
from server.db.types import new_id
from server.kiosks.tables import Kiosk
from server.timetable.holidays.schemas import HolidayCreate
from server.timetable.holidays.service import create_holiday
from server.timetable.tables import Course, Lesson, RosterEntry, Term

#: Whose past it is, by number in the school.
STUDENT = 8
_WEEKS, _A_DAY = 11, 5
_COURSES = (
    ("BIO-7", "Biology, with a practical course in the laboratory"),
    ("ENG-7", "English"),
    ("GEO-7", "Geography"),
    ("HIS-7", "History"),
    ("MAT-7", "Mathematics"),
)
_PRESENT, _LATE, _NOT_SEEN = 0.9, 0.05, 0.03


@dataclass
class _Past:
    """What is being made."""

    db: Session
    school: School
    account: uuid.UUID
    kiosk: Kiosk
    courses: list[uuid.UUID] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(11))  # noqa: S311
    made: int = 0

    @property
    def person(self) -> uuid.UUID:
        return self.school.people[STUDENT]

    def add_courses(self) -> None:
        for code, title in _COURSES:
            course = Course(code=code, title=title)
            self.db.add(course)
            self.db.flush()
            self.courses.append(course.id)
            self.db.add(RosterEntry(course_id=course.id, person_id=self.person))

    def add_day(self, day: date) -> None:
        for turn in range(_A_DAY):
            if (day.weekday() + turn) % 3 == 0:
                continue
            at = datetime.combine(day, time(8 + turn), tzinfo=UTC)
            lesson = Lesson(
                course_id=self.courses[(day.weekday() + turn) % len(self.courses)],
                room_id=self.school.rooms[-1],
                starts_at=at,
                ends_at=at + timedelta(minutes=45),
                time_zone="UTC",
            )
            self.db.add(lesson)
            self.db.flush()
            self._decide(lesson)

    def _decide(self, lesson: Lesson) -> None:
        """See the student in time or late, or let the teacher decide that nobody did."""
        lot = self.chance.random()
        unseen = [] if lot < _PRESENT + _LATE else [str(self.person)]
        if not unseen:
            late = self.chance.randint(6, 19) if lot >= _PRESENT else -2
            self._see(lesson, lesson.starts_at + timedelta(minutes=late))
        elif lot > 1 - _NOT_SEEN / 2:
            self.db.add(
                Correction(
                    lesson_id=lesson.id,
                    person_id=self.person,
                    status="excused",
                    is_attended=False,
                    reason="Doctor",
                    made_by=self.account,
                    made_at=lesson.ends_at,
                )
            )
        self.db.add(
            RegisterConfirmation(
                lesson_id=lesson.id,
                unseen=unseen,
                states={},
                made_by=self.account,
                made_at=lesson.ends_at,
            )
        )

    def _see(self, lesson: Lesson, at: datetime) -> None:
        self.made += 1
        self.db.add(
            StoredEvent(
                kiosk_id=self.kiosk.id,
                id=new_id(),
                seq=1_000_000 + self.made,
                occurred_at=at,
                counted_at=at,
                received_at=at,
                lesson_id=lesson.id,
                person_id=self.person,
                kind="seen",
                method="face",
                clock_source="ntp",
                hash="0" * 64,
                body="{}",
            )
        )


def add_attendance(database: Database, school: School, *, account: str) -> None:
    """Add eleven weeks of lessons until yesterday, a week of holidays and two absences.

    Args:
        database: of a school that `invented_school.fill` made, with its history.
        school: what it made.
        account: id of who decided about the lines.
    """
    today = datetime.now(UTC).date()
    monday = today - timedelta(days=today.weekday() + 7 * _WEEKS)
    autumn = monday + timedelta(days=7 * 6)
    with database.transaction() as db:
        kiosk = db.exec(select(Kiosk)).first()
        term = db.exec(select(Term).where(Term.first_day <= today, Term.last_day >= today)).one()
        assert kiosk is not None
        past = _Past(db, school, uuid.UUID(account), kiosk)
        past.add_courses()
        days = [max(monday, term.first_day) + timedelta(days=n) for n in range(7 * (_WEEKS + 1))]
        for day in days:
            if day < today and day.weekday() < 5 and not 0 <= (day - autumn).days < 7:
                past.add_day(day)
        off = HolidayCreate(
            name="Autumn break", first_day=autumn, last_day=autumn + timedelta(days=4)
        )
        actor = f"account:{account}"
        create_holiday(db, off, zone=ZoneInfo("UTC"), at=datetime.now(UTC), actor=actor)
        _report(db, past.person, autumn - timedelta(days=12), actor=actor)
        _report(db, past.person, autumn + timedelta(days=22), actor=actor)


def _report(db: Session, person: uuid.UUID, first: date, *, actor: str) -> None:
    at = datetime.now(UTC)
    new = AbsenceCreate(
        person_id=person,
        first_day=first,
        last_day=first + timedelta(days=1),
        is_excused=True,
        reason_id=absences.reasons(db)[0].id,
        past_lines=PastLines.CHANGE,
    )
    absences.report(db, new, actor=actor, at=at, today=at.date())
