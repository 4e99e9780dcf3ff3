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
