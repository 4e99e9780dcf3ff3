"""The filters above the lists of lessons and courses: what was chosen, and its conditions."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query
from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, and_, col, select

from server.db.types import now
from server.timetable import service
from server.timetable.local_time import local_date, midnight
from server.timetable.substitutes.service import courses_of, teacher_options
from server.timetable.tables import Course, CourseTeacher, Lesson, LessonPattern, LessonSubstitute
from server.timetable.terms import terms
from server.web.filters import Chosen, Filter, FilterBar, choices
from server.web.register_state import RegisterState
from server.web.state import SettingsDep
from server.web.translations import Translator

_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True)
class SchoolDays:
    """Days at the school, both included."""

    first: date
    last: date
    zone: ZoneInfo

    def is_cut_by(self, row: CourseTeacher) -> bool:
        """Whether a teacher's time on a course begins or ends within the days."""
        begins = row.from_date is not None and row.from_date > self.first
        return begins or (row.until_date is not None and row.until_date < self.last)


@dataclass(frozen=True)
class LessonChoice:
    """Which lessons of a week are shown; None: all of them.

    Attributes:
        day: of the week; None: today.
        register: in which state the register is.
    """

    day: date | None
    course: uuid.UUID | None
    room: uuid.UUID | None
    teacher: uuid.UUID | None
    register: RegisterState | None = None

    def conditions(self, db: Session, days: SchoolDays) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions on `Lesson` in a week, but for the state of the register."""
        found: list[ColumnElement[bool]] = []
        if self.course is not None:
            found.append(col(Lesson.course_id) == self.course)
        if self.room is not None:
            found.append(col(Lesson.room_id) == self.room)
        if self.teacher is not None:
            found.append(_taught(db, self.teacher, days))
        return tuple(found)

    def bar(
        self, db: Session, t: Translator, week: date, own: set[uuid.UUID] | None, *, sees: bool
    ) -> FilterBar:
        """Return the filters of the list. Teachers choose among their own courses, and no teacher.

        Args:
            db: the caller's.
            t: the reader's translator.
            week: the day that the list's address names.
            own: the courses that the reader may see; None: all of them.
            sees: whether the reader sees registers.
        """
        filters = [
            course_filter(db, t, self.course, own=own),
            Filter("room", t("timetable.room"), service.room_labels(db), str(self.room or "")),
        ]
        if own is None:
            filters.append(_teacher_filter(db, t, self.teacher))
        if sees:
            states = choices(RegisterState, t, "timetable.register_state")
            filters.append(
                Filter("register", t("timetable.filter_register"), states, self.register or "")
            )
        return FilterBar("/lessons", tuple(filters), (("day", week.isoformat()),))


async def lesson_choice(
    day: Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY)] = None,
    course: Chosen[uuid.UUID] = None,
    room: Chosen[uuid.UUID] = None,
    teacher: Chosen[uuid.UUID] = None,
    register: Chosen[RegisterState] = None,
) -> LessonChoice:
    """Read week and filters of the list of lessons from its address."""
    return LessonChoice(day, course, room, teacher, register)


@dataclass(frozen=True)
class CourseChoice:
    """Which courses are shown; None: all of them.

    Attributes:
        term: that have weekly lessons in this term.
        teacher: that this account teaches today.
    """

    term: uuid.UUID | None
    teacher: uuid.UUID | None
    today: date

    def conditions(self, db: Session) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions on `Course`."""
        found: list[ColumnElement[bool]] = []
        if self.term is not None:
            weekly = select(LessonPattern.course_id).where(LessonPattern.term_id == self.term)
            found.append(col(Course.id).in_(weekly))
        if self.teacher is not None:
            found.append(col(Course.id).in_(courses_of(db, self.teacher, self.today)))
        return tuple(found)

    def bar(self, db: Session, t: Translator) -> FilterBar:
        """Return the filters of the list."""
        named = [(str(one.id), one.name) for one in terms(db)]
        term = Filter("term", t("timetable.term"), named, str(self.term or ""))
        return FilterBar("/courses", (term, _teacher_filter(db, t, self.teacher)))


async def course_choice(
    settings: SettingsDep, term: Chosen[uuid.UUID] = None, teacher: Chosen[uuid.UUID] = None
) -> CourseChoice:
    """Read the filters of the list of courses from its address."""
    return CourseChoice(term, teacher, local_date(now(), settings.zone))


def course_filter(
    db: Session, t: Translator, chosen: uuid.UUID | None, *, own: set[uuid.UUID] | None = None
) -> Filter:
    """Return the choice of a course, which says so where there are more than it offers.

    Args:
        db: the caller's.
        t: the reader's translator.
        chosen: the course that is chosen.
        own: the courses that the reader may see; None: all of them.
    """
    labels = service.course_labels(db, only=own, chosen=chosen)
    hint = t("timetable.filter_course_cut", most=labels.most) if labels.most else ""
    return Filter("course", t("timetable.course"), labels.options, str(chosen or ""), hint)


def _teacher_filter(db: Session, t: Translator, chosen: uuid.UUID | None) -> Filter:
    label = t("timetable.filter_teacher")
    return Filter("teacher", label, teacher_options(db), str(chosen or ""))


def _taught(db: Session, account: uuid.UUID, days: SchoolDays) -> ColumnElement[bool]:
    """Which lessons an account teaches: its courses' without a substitute, and as a substitute.

    A lesson counts by its own day: who teaches a course until Wednesday does not on Friday.
    """
    substitutes = select(LessonSubstitute.lesson_id)
    others = substitutes.where(LessonSubstitute.account_id != account)
    taken_over = substitutes.where(LessonSubstitute.account_id == account)
    is_own = and_(_in_time(db, account, days), col(Lesson.id).not_in(others))
    return or_(is_own, col(Lesson.id).in_(taken_over))


def _in_time(db: Session, account: uuid.UUID, days: SchoolDays) -> ColumnElement[bool]:
    begins, ends = col(CourseTeacher.from_date), col(CourseTeacher.until_date)
    rows = db.exec(
        select(CourseTeacher).where(
            CourseTeacher.account_id == account,
            or_(begins.is_(None), begins <= days.last),
            or_(ends.is_(None), ends >= days.first),
        )
    ).all()
    all_week = [one.course_id for one in rows if not days.is_cut_by(one)]
    parts = [_while_it_lasts(one, days) for one in rows if days.is_cut_by(one)]
    return or_(col(Lesson.course_id).in_(all_week), *parts)


def _while_it_lasts(row: CourseTeacher, days: SchoolDays) -> ColumnElement[bool]:
    first = max(row.from_date or days.first, days.first)
    last = min(row.until_date or days.last, days.last)
    return and_(
        col(Lesson.course_id) == row.course_id,
        col(Lesson.starts_at) >= midnight(first, days.zone),
        col(Lesson.starts_at) < midnight(last + timedelta(days=1), days.zone),
    )
