"""Rows at one time in one room are found, however many there are."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.timetable.patterns import clashes
from server.timetable.patterns.clashes import Booking, ClashKind

BEGIN = datetime(2027, 1, 4, 7, tzinfo=UTC)
IDS = [uuid.UUID(int=number) for number in range(2000)]
#: Start and length in minutes, course and room.
Drawn = tuple[int, int, int, int]


def booking(row: int, drawn: Drawn) -> Booking:
    start, length, course, room = drawn
    starts_at = BEGIN + timedelta(minutes=start)
    ends_at = starts_at + timedelta(minutes=length)
    what = (IDS[course], IDS[room], IDS[row], course, room, row)
    return Booking(starts_at, ends_at, date(2027, 1, 4), *what)


class Counting(clashes._Shared):
    """Counts the pairs that are compared."""

    def __init__(self) -> None:
        super().__init__({}, {})
        self.pairs = 0

    def needs(self, one: Booking, other: Booking) -> Iterator[tuple[ClashKind, tuple[()]]]:
        self.pairs += 1
        yield from super().needs(one, other)  # type: ignore[misc]  # nobody is shared here


DRAWN = st.tuples(st.integers(0, 30), st.integers(1, 40), st.integers(0, 3), st.integers(0, 3))


@given(rows=st.lists(DRAWN, max_size=60))
def test_a_row_clashes_exactly_where_another_has_its_room_or_course(rows: list[Drawn]) -> None:
    bookings = [booking(row, drawn) for row, drawn in enumerate(rows)]
    found = clashes._clashes(list(bookings), [], clashes._Shared({}, {}))
    expected = {
        one.row
        for one in bookings
        for other in bookings
        if one.row != other.row
        and (one.room_no == other.room_no or one.course_no == other.course_no)
        and one.starts_at < other.ends_at
        and other.starts_at < one.ends_at
    }
    assert {one.row for one in found} == expected
    by_row = {row: booking(row, drawn) for row, drawn in enumerate(rows)}
    for clash in found:
        assert clash.other_row is not None
        mine, other = by_row[clash.row], by_row[clash.other_row]
        assert mine.starts_at < other.ends_at
        assert other.starts_at < mine.ends_at
        is_room = clash.kind is ClashKind.ROOM
        assert mine.room_no == other.room_no if is_room else mine.course_no == other.course_no


def test_rows_of_a_crowd_are_not_compared_with_each_other() -> None:
    rows = [booking(row, (row % 7, 45, row % 500, 0)) for row in range(1500)]
    shared = Counting()
    found = clashes._clashes(rows, [], shared)
    assert {one.row for one in found} == set(range(1500))
    assert shared.pairs == 0
    assert len(found) <= 1500 * clashes._MOST_NOTED * 2


def test_a_row_outside_a_crowd_is_compared_with_it() -> None:
    crowd = [(0, 10 if row < 8 else 60, row % 3, 0) for row in range(14)]
    rows = [
        *crowd,
        (30, 60, 50, 0),  # in the room of those that last longer, when they are no crowd
        (20, 30, 2, 60),  # of a course of the crowd
        (20, 30, 51, 61),  # of a course that shares a teacher with the crowd
        (20, 30, 52, 62),  # shares nothing
        (60, 30, 53, 0),  # after the crowd
    ]
    day = clashes._Span(IDS[1999], date(2027, 1, 1), date(2027, 1, 31))
    shared = clashes._Shared({IDS[51]: [day], IDS[1]: [day]}, {})
    found = clashes._clashes([booking(row, one) for row, one in enumerate(rows)], [], shared)
    kinds = {(one.row, one.kind) for one in found if one.row >= len(crowd)}
    assert kinds == {
        (14, ClashKind.ROOM),
        (18, ClashKind.ROOM),  # with row 14, which lasts longer
        (15, ClashKind.COURSE),
        (16, ClashKind.TEACHER),
    }
    assert {one.row for one in found} == set(range(len(rows))) - {17}


SPANS = st.lists(
    st.builds(
        clashes._Span,
        st.sampled_from(IDS[100:106]),
        st.sampled_from([date(2027, 1, 1), date(2027, 1, 5)]),
        st.sampled_from([date(2027, 1, 3), date(2027, 1, 31)]),
    ),
    max_size=3,
)
MEMBERS = st.dictionaries(st.sampled_from(IDS[:4]), SPANS, max_size=4)


@given(
    drawn=st.lists(st.tuples(DRAWN, st.booleans(), st.integers(99, 105)), max_size=9),
    teachers=MEMBERS,
    students=MEMBERS,
)
def test_each_pair_that_shares_anything_is_found(
    drawn: list[tuple[Drawn, bool, int]],
    teachers: dict[uuid.UUID, list[clashes._Span]],
    students: dict[uuid.UUID, list[clashes._Span]],
) -> None:
    every = [
        booking(number, one)._replace(
            row=number if is_new else None,
            substitute=None if is_new or who < 100 else IDS[who],
        )
        for number, (one, is_new, who) in enumerate(drawn)
    ]
    shared = clashes._Shared(teachers, students)
    wanted = [one for one in every if one.row is not None]
    found = clashes._clashes(wanted, [one for one in every if one.row is None], shared)
    in_order = sorted(every, key=lambda one: one.starts_at)
    met = (
        (one, other)
        for at, one in enumerate(in_order)
        for other in in_order[at + 1 :]
        if other.starts_at < one.ends_at
    )
    expected = {
        (mine.row, kind, *place(theirs))
        for one, other in met
        for kind, _who in shared.needs(one, other)
        for mine, theirs in ((one, other), (other, one))
        if mine.row is not None
    }
    assert {(one.row, one.kind, *place(one)) for one in found} == expected


def place(one: Booking | clashes.Clash) -> tuple[object, ...]:
    return one.course_id, one.room_id, one.starts_at, one.ends_at
