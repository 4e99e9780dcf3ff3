"""The interval of a share of marks that were taken back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.attendance.false_matches import FalseMatches, wilson_interval


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        # Newcombe, Two-sided confidence intervals for the single proportion, Statistics in
        # Medicine 17, 1998, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (3, 1240, 0.0008, 0.0071),
    ],
)
def test_the_interval_is_wilsons(count: int, total: int, low: float, high: float) -> None:
    assert wilson_interval(count, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_share_lies_inside_its_interval(trials: tuple[int, int]) -> None:
    count, total = trials
    low, high = wilson_interval(count, total)
    assert 0.0 <= low <= count / total <= high <= 1.0


def test_without_marks_there_is_no_share() -> None:
    nothing = FalseMatches(0, 0)
    assert (nothing.share, nothing.interval) == (None, None)
