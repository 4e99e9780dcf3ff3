"""Plan the lessons of a series: weekly patterns where dates are regular, else single lessons."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from server.db.types import new_id
from server.imports.calendars.entries import Slot
from server.imports.calendars.grouping import days_between
from server.imports.calendars.known import KnownLessons, WantedSeries
from server.imports.calendars.places import CalendarPlaces
from server.timetable.lessons import LessonPlan
from server.timetable.patterns.generation import planned_lessons, weekly_of
from server.timetable.patterns.service import PatternPlan
from server.timetable.patterns.weekly import PlannedLesson, monday, week_of
from server.timetable.tables import Term, Weeks

_WEEK = 7


@dataclass(frozen=True)
class PlanTime:
    """When lessons are planned.

    Attributes:
        zone: the school's.
        at: now; only lessons that start later are planned.
    """

    zone: ZoneInfo
    at: datetime


@dataclass
class SeriesPlan:
    """What is written of a series, and what is not.

    Attributes:
        lessons: all lessons to come of it, to find clashes with.
        outside: how many lessons to come lie outside the terms.
        closed: how many lie in holidays.
        is_over: whether all lessons have started.
    """

    patterns: list[PatternPlan] = field(default_factory=list)
    singles: list[LessonPlan] = field(default_factory=list)
    lessons: list[PlannedLesson] = field(default_factory=list)
    outside: int = 0
    closed: int = 0
    is_over: bool = False

    def __bool__(self) -> bool:
        return bool(self.patterns or self.singles)


def plan_series(
    wanted: WantedSeries, places: CalendarPlaces, known: KnownLessons, time: PlanTime
) -> SeriesPlan:
    """Return what has to be added so that the timetable has all lessons to come of a series."""
    series, plan = wanted.series, SeriesPlan()
    to_come = [day for day, slot in series.slots.items() if slot.starts_at > time.at]
    there = {day for day in series.slots if known.has(wanted, day)}
    terms = {day: places.term_of(day) for day in series.slots}
    lacking = [day for day in to_come if day not in there]
    plan.outside = sum(terms[day] is None for day in lacking)
    plan.closed = sum(day in places.closed for day in lacking)
    plan.is_over = not to_come and len(there) < len(series.slots)
    open_days = [
        day
        for day in series.slots
        if terms[day] is not None and day not in places.closed and day not in there
    ]
    planner = _Planner(wanted, places, time)
    for term, days in _runs(open_days, terms, wanted, places):
        if series.slots[days[-1]].starts_at > time.at:
            planner.add(plan, term, days)
    return plan


def _runs(
    days: Sequence[date],
    terms: dict[date, Term | None],
    wanted: WantedSeries,
    places: CalendarPlaces,
) -> Iterator[tuple[Term, list[date]]]:
    """Yield the dates that one pattern can have: nothing but holidays and changes between them."""
    step = wanted.series.step
    free = places.closed | wanted.series.bridged
    run = list(days[:1])
    for before, day in pairwise(days):
        is_next = (
            step
            and terms[before] is terms[day]
            and all(one in free for one in days_between(before, day, step))
        )
        if not is_next:
            yield from _run(run, terms)
            run = []
        run.append(day)
    yield from _run(run, terms)


def _run(days: list[date], terms: dict[date, Term | None]) -> Iterator[tuple[Term, list[date]]]:
    term = terms[days[0]] if days else None
    if term is not None:
        yield term, days


class _Planner:
    """Adds what has to be written to a plan."""

    def __init__(self, wanted: WantedSeries, places: CalendarPlaces, time: PlanTime) -> None:
        self._wanted, self._places, self._time = wanted, places, time

    def add(self, plan: SeriesPlan, term: Term, days: list[date]) -> None:
        """Add a pattern for several dates, and a single lesson for one."""
        if len(days) == 1:
            slot = self._wanted.series.slots[days[0]]
            plan.singles.append(self.single(slot))
            plan.lessons.append(self._planned(slot, days[0]))
            return
        pattern = self._pattern(term, days)
        plan.patterns.append(pattern)
        lessons = planned_lessons(
            pattern.as_row(new_id()),
            term,
            zone=self._time.zone,
            at=self._time.at,
            closed=self._places.closed,
        )
        plan.lessons += [one for one in lessons if one.starts_at > self._time.at]

    def single(self, slot: Slot) -> LessonPlan:
        """Return a single lesson."""
        wanted = self._wanted
        return LessonPlan(wanted.course.id, wanted.room.id, slot.starts_at, slot.ends_at)

    def _planned(self, slot: Slot, day: date) -> PlannedLesson:
        return planned(self._wanted.course.id, self._wanted.room.id, slot, day)

    def _pattern(self, term: Term, days: list[date]) -> PatternPlan:
        """Return a pattern for dates; without first and last date where the term says the same."""
        series = self._wanted.series
        is_weekly = series.step == _WEEK
        weeks = Weeks.EVERY if is_weekly else week_of(days[0], term.first_day)
        whole = PatternPlan(
            term_id=term.id,
            course_id=self._wanted.course.id,
            room_id=self._wanted.room.id,
            weekday=days[0].weekday(),
            starts=series.starts,
            ends=series.ends,
            weeks=weeks,
        )
        weekly = weekly_of(whole.as_row(new_id()), term)
        free = self._places.closed | series.bridged
        every = list(weekly.days(since=term.first_day, until=term.last_day))
        is_early = any(day < days[0] and day not in free for day in every)
        is_late = any(day > days[-1] and day not in free for day in every)
        return replace(
            whole,
            first_day=days[0] if is_early else None,
            last_day=days[-1] if is_late else None,
        )


def planned(course_id: uuid.UUID, room_id: uuid.UUID, slot: Slot, day: date) -> PlannedLesson:
    """Return a single lesson as clashes are found with."""
    return PlannedLesson(
        new_id(), monday(day), day, course_id, room_id, slot.starts_at, slot.ends_at
    )


def span_of(slots: Sequence[Slot]) -> tuple[datetime, datetime]:
    """Return the first start and the last end, with a day more on both sides."""
    first, last = min(one.starts_at for one in slots), max(one.ends_at for one in slots)
    return first - timedelta(days=1), last + timedelta(days=1)
