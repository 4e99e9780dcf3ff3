"""Add lessons that are over and were never entered, where nothing speaks against them."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, or_, select

from server.timetable.lessons import FURTHEST
from server.timetable.local_time import day_bounds, local_date
from server.timetable.patterns.generation import weekly_of
from server.timetable.patterns.weekly import PlannedLesson, moments, monday
from server.timetable.service import LessonView, bump_version, lesson_views, touched_by
from server.timetable.tables import (
    LONGEST_LESSON,
    CourseTeacher,
    Holiday,
    ImportedLesson,
    Lesson,
    LessonPattern,
    LessonSubstitute,
    PatternLesson,
    Term,
)

_IN_ONE_QUERY = 500
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class PastPlan:
    """A lesson that is to be added although it is over; times are UTC.

    Attributes:
        pattern_id: the weekly pattern that had it; None: none.
    """

    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    pattern_id: uuid.UUID | None = None

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether it is at the same time as something else."""
        return self.starts_at < ends_at and starts_at < self.ends_at


@dataclass(frozen=True)
class Objection:
    """What speaks against adding a lesson.

    Attributes:
        problem: key of the words for it.
        name: what the words name, such as a holiday or the other course.
    """

    problem: str
    name: str = ""


class WeeklySlots:
    """When courses have lessons by the weekly timetable, holidays or not."""

    def __init__(
        self, db: Session, courses: Collection[uuid.UUID], span: tuple[date, date], zone: ZoneInfo
    ) -> None:
        self._zone = zone
        self._patterns: dict[uuid.UUID, list[tuple[LessonPattern, Term]]] = {}
        query = select(LessonPattern, Term).where(
            col(LessonPattern.term_id) == col(Term.id), col(LessonPattern.course_id).in_(courses)
        )
        for pattern, term in db.exec(query.order_by(col(LessonPattern.id))):
            self._patterns.setdefault(pattern.course_id, []).append((pattern, term))
        after, before = day_bounds(span[0], zone)[0], day_bounds(span[1], zone)[1]
        links = select(PatternLesson, Lesson.starts_at).where(
            or_(
                col(PatternLesson.week).between(monday(span[0]), monday(span[1])),
                col(Lesson.starts_at).between(after, before),  # moved here from another week
            ),
            col(Lesson.id) == col(PatternLesson.lesson_id),
            col(Lesson.course_id).in_(courses),
        )
        self._lessons: dict[tuple[uuid.UUID, date], tuple[uuid.UUID, datetime]] = {
            (link.pattern_id, link.week): (link.lesson_id, starts_at)
            for link, starts_at in db.exec(links)
        }

    def on(self, course_id: uuid.UUID, day: date) -> Iterator[PlannedLesson]:
        """Yield the lessons of a course on a date that were not planned as rows."""
        for one in self._weekly(course_id, day):
            if (one.pattern_id, one.week) not in self._lessons:
                yield one

    def moved(self, course_id: uuid.UUID, day: date) -> dict[datetime, datetime]:
        """Return which lessons of a date take place at another time: that time, by the weekly one.

        A second lesson at the weekly time would be one that never was.
        """
        found: dict[datetime, datetime] = {}
        for one in self._weekly(course_id, day):
            _lesson_id, starts_at = self._lessons.get((one.pattern_id, one.week), (None, None))
            if starts_at is not None and starts_at != one.starts_at:
                found[one.starts_at] = starts_at
        return found

    def planned(self) -> set[uuid.UUID]:
        """Return the lessons that are their pattern's lesson of a week."""
        return {lesson_id for lesson_id, _starts_at in self._lessons.values()}

    def _weekly(self, course_id: uuid.UUID, day: date) -> Iterator[PlannedLesson]:
        """Yield the lessons of a course on a date by the weekly timetable."""
        for pattern, term in self._patterns.get(course_id, ()):
            if any(weekly_of(pattern, term).days(since=day, until=day)):
                starts_at, ends_at = moments(day, pattern.starts, pattern.ends, self._zone)
                yield PlannedLesson(
                    pattern.id, monday(day), day, course_id, pattern.room_id, starts_at, ends_at
                )

    def usual_room(self, course_id: uuid.UUID) -> uuid.UUID | None:
        """Return the room that a course always has; None where there is none, or several."""
        rooms = {pattern.room_id for pattern, _term in self._patterns.get(course_id, ())}
        return rooms.pop() if len(rooms) == 1 else None

    def usual_length(self, course_id: uuid.UUID) -> timedelta | None:
        """Return how long the lessons of a course always are, in the same way."""
        any_day = date(2000, 1, 3)
        lengths = {
            datetime.combine(any_day, one.ends) - datetime.combine(any_day, one.starts)
            for one, _term in self._patterns.get(course_id, ())
        }
        return lengths.pop() if len(lengths) == 1 else None


class Teaching:
    """Who teaches which course on which date."""

    def __init__(self, db: Session) -> None:
        self._rows: dict[uuid.UUID, list[CourseTeacher]] = {}
        for row in db.exec(select(CourseTeacher)):
            self._rows.setdefault(row.course_id, []).append(row)

    def on(self, course_id: uuid.UUID, day: date) -> set[uuid.UUID]:
        """Return the accounts that teach a course on a date."""
        return {
            row.account_id
            for row in self._rows.get(course_id, ())
            if (row.from_date or date.min) <= day <= (row.until_date or date.max)
        }


class PastChecks:
    """What speaks against adding lessons of the past: dates, and other lessons at that time."""

    def __init__(
        self, db: Session, plans: Sequence[PastPlan], *, zone: ZoneInfo, at: datetime
    ) -> None:
        self._zone, self._at = zone, at
        self._terms = db.exec(select(Term)).all()
        self._holidays = db.exec(select(Holiday)).all()
        self._teaching = Teaching(db)
        self._others: dict[date, list[LessonView]] = {}
        for some in _by_week(plans):
            for view in _around(db, some):
                self._others.setdefault(view.lesson.day, []).append(view)
        ids = [view.lesson.id for views in self._others.values() for view in views]
        self._substitutes = dict[uuid.UUID, uuid.UUID]()
        for start in range(0, len(ids), _IN_ONE_QUERY):
            part = col(LessonSubstitute.lesson_id).in_(ids[start : start + _IN_ONE_QUERY])
            for row in db.exec(select(LessonSubstitute).where(part)):
                self._substitutes[row.lesson_id] = row.account_id

    def objection(self, plan: PastPlan) -> Objection | None:
        """Return what speaks against a lesson; None where nothing does."""
        day = local_date(plan.starts_at, self._zone)
        return self._of_times(plan) or self._of_date(plan, day) or self._of_others(plan, day)

    def _of_times(self, plan: PastPlan) -> Objection | None:
        lasts = plan.ends_at - plan.starts_at
        if lasts <= timedelta(0):
            return Objection("ends_before_start")
        if lasts > LONGEST_LESSON:
            return Objection("lesson_too_long")
        return Objection("not_over") if plan.ends_at > self._at else None

    def _of_date(self, plan: PastPlan, day: date) -> Objection | None:
        if self._terms and not any(one.first_day <= day <= one.last_day for one in self._terms):
            return Objection("outside_terms")
        if not self._terms and self._at - plan.starts_at > FURTHEST:
            return Objection("far_away")
        closed = [one.name for one in self._holidays if one.first_day <= day <= one.last_day]
        return Objection("holiday", min(closed)) if closed else None

    def _of_others(self, plan: PastPlan, day: date) -> Objection | None:
        met = [
            view
            for near in (day - _DAY, day, day + _DAY)
            for view in self._others.get(near, ())
            if plan.overlaps(view.lesson.starts_at, view.lesson.ends_at)
        ]
        for view in met:
            if view.room.id == plan.room_id:
                return Objection("clash_room", view.course.code)
        for view in met:
            if view.course.id == plan.course_id:
                return Objection("clash_course", view.course.code)
        mine = self._teaching.on(plan.course_id, day)
        for view in met:
            substitute = self._substitutes.get(view.lesson.id)
            theirs = {substitute} if substitute else self._teaching.on(view.course.id, day)
            if mine & theirs:
                return Objection("clash_teacher", view.course.code)
        return None


def add_past_lessons(db: Session, lessons: Iterable[tuple[LessonView, PastPlan]]) -> None:
    """Add lessons that were checked; the caller has locked the timetable, and records it.

    Args:
        db: the caller's.
        lessons: each one that no session holds yet, and what it follows from.
    """
    added = list(lessons)
    db.add_all(view.lesson for view, _plan in added)
    db.flush()
    for view, plan in added:
        db.add(ImportedLesson(lesson_id=view.lesson.id))
        if plan.pattern_id is not None:
            week = monday(view.lesson.day)
            link = PatternLesson(lesson_id=view.lesson.id, pattern_id=plan.pattern_id, week=week)
            db.add(link)
    if added:
        bump_version(db, touched_by(*(view.lesson for view, _plan in added)))
        db.flush()


def _by_week(plans: Iterable[PastPlan]) -> Iterator[list[PastPlan]]:
    """Yield plans that are near each other together: the lessons around them are few."""
    weeks: dict[date, list[PastPlan]] = {}
    for one in plans:
        weeks.setdefault(monday(one.starts_at.date()), []).append(one)
    yield from weeks.values()


def _around(db: Session, plans: Sequence[PastPlan]) -> list[LessonView]:
    """Return the lessons that count at the time of any of these."""
    first, last = min(one.starts_at for one in plans), max(one.ends_at for one in plans)
    views = lesson_views(db, after=first, before=last)
    return [one for one in views if not one.is_cancelled]
