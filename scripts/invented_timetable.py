"""Gives the invented school a weekly timetable, a holiday and a substitute."""

import uuid
from dataclasses import dataclass
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from scripts.invented_school import School
from server.accounts.service import create_account
from server.db.engine import Database
from server.db.types import now
from server.timetable.holidays.schemas import HolidayCreate
from server.timetable.holidays.service import create_holiday
from server.timetable.lessons import cancel_lesson
from server.timetable.patterns.service import PatternPlan, PlanOptions, plan_patterns
from server.timetable.substitutes.service import set_substitute
from server.timetable.tables import Lesson, PatternLesson, Term, Weeks
from server.web.principal import Role

_UTC = ZoneInfo("UTC")
#: In the school of the pictures every room has lessons today; these rows avoid their times.
_BELLS = ((time(18), time(18, 45)), (time(18, 50), time(19, 35)), (time(19, 45), time(20, 30)))


@dataclass(frozen=True)
class WeeklyLessons:
    """What was made.

    Attributes:
        week: the Monday of a week with lessons, and some days of holidays.
        lesson: one of them.
        pattern: its weekly lesson.
        term: the term of all of them.
    """

    week: date
    lesson: uuid.UUID
    pattern: uuid.UUID
    term: uuid.UUID


def add_timetable(database: Database, school: School, *, actor: str) -> WeeklyLessons:
    """Plan three lessons a day in the first room from today on.

    Args:
        database: of a school that `invented_school.fill` made, with its history.
        school: what it made.
        actor: who plans it.
    """
    at = now()
    week = at.date() + timedelta(days=7 - at.weekday())
    with database.transaction() as db:
        term = next(
            one for one in db.exec(select(Term)) if one.first_day <= at.date() <= one.last_day
        )
        rows = [
            PatternPlan(
                term_id=term.id,
                course_id=school.courses[(weekday + slot) % len(school.courses)],
                room_id=school.rooms[0],
                weekday=weekday,
                starts=starts,
                ends=ends,
                weeks=Weeks.A if (weekday, slot) == (3, 2) else Weeks.EVERY,
            )
            for weekday in range(5)
            for slot, (starts, ends) in enumerate(_BELLS)
            if (weekday + slot) % 4
        ]
        plan_patterns(db, rows, PlanOptions(_UTC, at, allow_clashes=True), actor=actor)
        links = db.exec(select(PatternLesson).where(PatternLesson.week == week)).all()
        lessons = sorted(links, key=lambda one: db.get_one(Lesson, one.lesson_id).starts_at)
        _exceptions(db, [one.lesson_id for one in lessons], actor)
        friday = week + timedelta(days=4)
        holiday = HolidayCreate(name="Staff training", first_day=friday, last_day=friday)
        create_holiday(db, holiday, zone=_UTC, at=at, actor=actor)
        return WeeklyLessons(week, lessons[2].lesson_id, lessons[2].pattern_id, term.id)


def _exceptions(db: Session, lessons: list[uuid.UUID], actor: str) -> None:
    """Cancel one lesson, and name a substitute for another."""
    cancel_lesson(db, lessons[0], reason="Sports day", actor=actor, at=now())
    account = create_account(
        db,
        username="m.vogel",
        display_name="Mira Vogel",
        role=Role.TEACHER,
        password="a password for pictures",  # noqa: S106 - of an invented school
        actor=actor,
    )
    db.flush()
    set_substitute(db, lessons[1], account.id, actor=actor, allow_double=True)
