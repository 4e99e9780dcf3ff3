"""New lessons of a file that cannot be at the same time are found, however many there are."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.past_marks import survey
from server.timetable.past_lessons import PastPlan

BEGIN = datetime(2026, 9, 1, 7, tzinfo=UTC)
#: Start and length in minutes, course and room.
Drawn = tuple[int, int, int, int]
DRAWN = st.tuples(st.integers(0, 30), st.integers(1, 40), st.integers(0, 3), st.integers(4, 7))


def plan(drawn: Drawn) -> PastPlan:
    start, length, course, room = drawn
    starts_at = BEGIN + timedelta(minutes=start)
    ends_at = starts_at + timedelta(minutes=length)
    return PastPlan(uuid.UUID(int=course), uuid.UUID(int=room), starts_at, ends_at)


def needs(one: PastPlan) -> set[uuid.UUID]:
    return {one.course_id, one.room_id}


@given(drawn=st.lists(DRAWN, max_size=60, unique_by=lambda one: (one[0], one[2])))
def test_every_lesson_that_meets_another_is_found(drawn: list[Drawn]) -> None:
    plans = [plan(one) for one in drawn]
    found = list(survey._at_once(plans, needs))
    for one, other in found:
        assert one != other
        assert needs(one) & needs(other)
        assert one.overlaps(other.starts_at, other.ends_at)
    expected = {
        one
        for one in plans
        for other in plans
        if one != other
        and needs(one) & needs(other)
        and one.overlaps(other.starts_at, other.ends_at)
    }
    assert {one for pair in found for one in pair} == expected


def test_many_lessons_at_one_time_are_compared_with_some() -> None:
    plans = [plan((row, 2000, row % 50, 100)) for row in range(1000)]
    found = list(survey._at_once(plans, needs))
    assert len(found) <= 2 * survey._MOST_AT_ONCE * len(plans)
    assert {one for pair in found for one in pair} == set(plans)
