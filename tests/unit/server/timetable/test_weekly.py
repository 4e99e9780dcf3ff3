"""Lessons of weekly patterns: dates, weeks A and B, summer time, and what a change leaves alone."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.timetable.patterns.changes import ExistingLesson, compare
from server.timetable.patterns.weekly import (
    WEEK,
    PlannedLesson,
    Weekly,
    moments,
    monday,
    week_of,
)
from server.timetable.tables import LONGEST_LESSON, Weeks
from tests.support.examples import examples
from tests.support.planning import BERLIN

TERM_BEGINS, TERM_ENDS = date(2026, 9, 2), date(2027, 6, 30)
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")]
ROOMS = [uuid.UUID(int=number) for number in range(3)]
PATTERNS = [uuid.UUID(int=number + 10) for number in range(3)]
DAYS = st.dates(TERM_BEGINS - timedelta(days=20), TERM_ENDS + timedelta(days=20))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@st.composite
def weeklies(draw: st.DrawFn) -> Weekly:
    """A pattern within the term, at any time of day."""
    starts, ends = sorted(draw(st.lists(TIMES, min_size=2, max_size=2, unique=True)))
    first, last = sorted(draw(st.lists(DAYS, min_size=2, max_size=2)))
    return Weekly(
        weekday=draw(st.integers(0, 6)),
        starts=starts,
        ends=ends,
        weeks=draw(st.sampled_from(Weeks)),
        first_day=max(first, TERM_BEGINS),
        last_day=min(last, TERM_ENDS),
        term_begins=TERM_BEGINS,
    )


Plan = dict[uuid.UUID, tuple[Weekly, uuid.UUID]]
PLANS = st.dictionaries(st.sampled_from(PATTERNS), st.tuples(weeklies(), st.sampled_from(ROOMS)))


def planned(plan: Plan, closed: set[date], zone: ZoneInfo) -> list[PlannedLesson]:
    """Plan as the server does, for the whole term."""
    return [
        PlannedLesson(
            pattern, monday(day), day, pattern, room, *moments(day, one.starts, one.ends, zone)
        )
        for pattern, (one, room) in plan.items()
        for day in one.days(since=TERM_BEGINS, until=TERM_ENDS, closed=closed)
    ]


class Book:
    """The lessons of a school, as the database holds them."""

    def __init__(self) -> None:
        self.lessons: dict[uuid.UUID, ExistingLesson] = {}
        self._number = 100

    def refresh(self, plan: Plan, closed: set[date], zone: ZoneInfo, at: datetime) -> bool:
        """Carry out what a plan asks for; returns whether anything changed."""
        changes = compare(planned(plan, closed, zone), self.lessons.values(), at)
        for one in changes.removed:
            del self.lessons[one]
        for lesson_id, new in changes.moved:
            self._put(lesson_id, new)
        for new in changes.added:
            self._number += 1
            self._put(uuid.UUID(int=self._number), new)
        return bool(changes)

    def change_by_hand(self, lesson_id: uuid.UUID) -> None:
        one = self.lessons[lesson_id]
        later = one.starts_at + timedelta(hours=1)
        self.lessons[lesson_id] = one._replace(starts_at=later, is_changed=True)

    def _put(self, lesson_id: uuid.UUID, new: PlannedLesson) -> None:
        self.lessons[lesson_id] = ExistingLesson(
            lesson_id,
            new.pattern_id,
            new.week,
            new.course_id,
            new.room_id,
            new.starts_at,
            new.ends_at,
            is_changed=False,
        )


@given(weekly=weeklies(), day=DAYS)
def test_a_single_date_is_one_of_all_dates(weekly: Weekly, day: date) -> None:
    assert weekly.takes_place_on(day) is any(weekly.days(since=day, until=day))


@given(st.data(), st.sampled_from(ZONES))
@examples(60)
def test_lessons_survive_changes_of_patterns_holidays_and_clocks(
    data: st.DataObject, zone: ZoneInfo
) -> None:
    """Any number of changes: started and hand-changed lessons stay; the others are as planned."""
    book, at = Book(), datetime(2026, 8, 20, 6, tzinfo=UTC)
    for _ in range(data.draw(st.integers(1, 5))):
        plan, closed = data.draw(PLANS), data.draw(st.sets(DAYS, max_size=30))
        before = dict(book.lessons)
        book.refresh(plan, closed, zone, at)
        after = dict(book.lessons)
        assert not book.refresh(plan, closed, zone, at), "planning twice changes nothing"
        fixed = {key for key, one in before.items() if one.starts_at <= at or one.is_changed}
        assert all(after[key] == before[key] for key in fixed)
        _check_identity(before, after, plan, closed, zone)
        _check_as_planned(after, planned(plan, closed, zone), at)
        free = sorted(key for key, one in after.items() if one.starts_at > at)
        for one in data.draw(st.sets(st.sampled_from(free), max_size=1)) if free else ():
            book.change_by_hand(one)
        at += timedelta(days=data.draw(st.integers(0, 120)), hours=data.draw(st.integers(0, 23)))


def _check_identity(
    before: dict[uuid.UUID, ExistingLesson],
    after: dict[uuid.UUID, ExistingLesson],
    plan: Plan,
    closed: set[date],
    zone: ZoneInfo,
) -> None:
    """A lesson whose pattern still meets in its week keeps its id."""
    meets = {(one.pattern_id, one.week) for one in planned(plan, closed, zone)}
    kept = {key for key, one in before.items() if (one.pattern_id, one.week) in meets}
    assert kept <= after.keys()


def _check_as_planned(
    after: dict[uuid.UUID, ExistingLesson], plans: list[PlannedLesson], at: datetime
) -> None:
    keys = [(one.pattern_id, one.week) for one in after.values()]
    assert len(keys) == len(set(keys)), "a pattern has one lesson in a week"
    is_now = {(one.pattern_id, one.week): one for one in after.values()}
    for plan in plans:
        lesson = is_now.get((plan.pattern_id, plan.week))
        if plan.starts_at > at:
            assert lesson is not None
            is_free = lesson.starts_at > at and not lesson.is_changed
            assert not is_free or (lesson.starts_at, lesson.room_id) == (
                plan.starts_at,
                plan.room_id,
            )
    wanted = {(one.pattern_id, one.week) for one in plans}
    assert all(
        key in wanted or one.starts_at <= at or one.is_changed for key, one in is_now.items()
    )


@given(weeklies(), st.sets(DAYS), st.sampled_from(ZONES))
def test_lessons_are_on_their_weekday_at_their_time_in_whatever_season(
    weekly: Weekly, closed: set[date], zone: ZoneInfo
) -> None:
    days = list(weekly.days(since=TERM_BEGINS, until=TERM_ENDS, closed=closed))
    expected = [
        day
        for day in (TERM_BEGINS + timedelta(days=n) for n in range(400))
        if day.weekday() == weekly.weekday
        and weekly.first_day <= day <= weekly.last_day
        and weekly.weeks in (Weeks.EVERY, week_of(day, TERM_BEGINS))
        and day not in closed
    ]
    assert days == expected
    for day in days:
        starts_at, ends_at = moments(day, weekly.starts, weekly.ends, zone)
        assert timedelta(0) < ends_at - starts_at <= LONGEST_LESSON
        local = starts_at.astimezone(zone)
        wanted = datetime.combine(day, weekly.starts)
        is_skipped = local.replace(tzinfo=None) != wanted
        assert not is_skipped or local.replace(tzinfo=None) - wanted <= timedelta(hours=1)
        assert is_skipped <= (monday(day) + 6 * timedelta(days=1) == day)  # clocks go on Sundays


@pytest.mark.parametrize(
    ("day", "starts", "ends", "utc"),
    [
        (date(2027, 3, 26), time(8), time(8, 45), ("07:00", "07:45")),
        (date(2027, 4, 2), time(8), time(8, 45), ("06:00", "06:45")),
        (date(2027, 3, 28), time(2, 30), time(3, 15), ("01:30", "02:15")),
        (date(2027, 3, 28), time(1), time(4), ("00:00", "02:00")),
        (date(2026, 10, 25), time(2, 30), time(3, 15), ("00:30", "02:15")),
    ],
)
def test_times_around_the_change_of_the_clocks(
    day: date, starts: time, ends: time, utc: tuple[str, str]
) -> None:
    """08:00 stays 08:00; 02:30, which the clocks skip, is the moment they show as 03:30."""
    begin, end = moments(day, starts, ends, BERLIN)
    assert (f"{begin:%H:%M}", f"{end:%H:%M}") == utc


def test_the_term_begins_in_a_week_a_and_weeks_alternate_through_holidays() -> None:
    weekly = Weekly(4, time(8), time(9), Weeks.B, TERM_BEGINS, TERM_ENDS, TERM_BEGINS)
    until = TERM_BEGINS + 5 * WEEK
    first = date(2026, 9, 11)
    assert week_of(TERM_BEGINS, TERM_BEGINS) is Weeks.A
    assert list(weekly.days(since=TERM_BEGINS, until=until, closed={first})) == [
        first + 2 * WEEK,
    ]
    other = replace(weekly, weeks=Weeks.A)
    assert next(other.days(since=TERM_BEGINS, until=until)) == date(2026, 9, 4)
