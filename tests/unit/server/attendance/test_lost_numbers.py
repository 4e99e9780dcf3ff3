"""The numbers of a lost span that no event has, against sets of numbers."""

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from server.attendance.sequence import numbers_without
from server.kiosks.runs import runs_of
from server.kiosks.tables import LostSpan

_AT = datetime(2026, 11, 27, tzinfo=UTC)


@given(
    first=st.integers(1, 30),
    width=st.integers(1, 20),
    held=st.sets(st.integers(1, 60), max_size=30),
)
def test_they_equal_set_arithmetic(first: int, width: int, held: set[int]) -> None:
    span = LostSpan(
        kiosk_id=UUID(int=1),
        first=first,
        last=first + width - 1,
        missing=width,
        from_at=_AT,
        through_at=_AT,
        reason="damaged",
    )

    found = numbers_without(span, runs_of(held))

    named = [number for run in found for number in range(run.first, run.last + 1)]
    assert named == sorted(set(range(first, first + width)) - held)
