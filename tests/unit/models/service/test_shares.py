"""Intervals of shares: they hold, they contain the estimate, and more hits never look better."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.service.shares import pair_interval, person_interval


@pytest.mark.parametrize("people", [30, 31, 1000])
def test_without_a_near_pair_the_upper_end_is_the_exact_one_of_pairs_that_share_nobody(
    people: int,
) -> None:
    low, high = pair_interval(0.0, people)

    assert low == 0.0
    assert high == pytest.approx(1 - 0.025 ** (1 / (people // 2)))


def test_the_first_near_pair_raises_the_upper_end() -> None:
    for people in (30, 1000):
        pairs = people * (people - 1) / 2
        assert pair_interval(1 / pairs, people)[1] > pair_interval(0.0, people)[1]


@given(people=st.integers(2, 4000), hits=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_more_near_pairs_never_lower_an_end_and_the_share_lies_inside(
    people: int, hits: tuple[float, float]
) -> None:
    fewer, more = sorted(round(share * people * (people - 1) / 2) for share in hits)
    pairs = people * (people - 1) / 2
    before, after = pair_interval(fewer / pairs, people), pair_interval(more / pairs, people)

    assert before[0] <= after[0] + 1e-12
    assert before[1] <= after[1] + 1e-12
    for hit, (low, high) in ((fewer, before), (more, after)):
        assert 0 <= low <= hit / pairs <= high <= 1


def test_where_everybody_resembles_everybody_the_upper_end_is_one() -> None:
    low, high = pair_interval(1.0, 30)

    assert low == pytest.approx(0.025 ** (1 / 15))
    assert high == 1.0


def test_the_interval_holds_where_a_few_people_resemble_everybody() -> None:
    """The worst case: whether one of the few is in the school decides everything."""
    random, people, few = np.random.default_rng(5), 200, 0.01
    true = 1 - (1 - few) ** 2
    outside = 0
    for _ in range(400):
        others = people - int(random.binomial(people, few))
        share = 1 - others * (others - 1) / (people * (people - 1))
        low, high = pair_interval(share, people)
        outside += not low <= true <= high

    assert outside <= 400 * 0.05


@given(flags=st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_share_of_people_lies_inside_its_interval(flags: list[bool]) -> None:
    share, (low, high) = person_interval(np.array(flags))

    assert 0 <= low <= share <= high <= 1
