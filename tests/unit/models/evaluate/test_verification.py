"""Pairs of made-up people are told apart as well as arithmetic says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.evaluate.dataset import Pair, Picture
from models.evaluate.rules import RULES
from models.evaluate.verification import (
    PairScores,
    balanced_errors,
    best_limit,
    score_pairs,
    verify,
)
from tests.unit.models.evaluate.people import made_up

if TYPE_CHECKING:
    from numpy.typing import NDArray


def scores(same: NDArray[np.floating[Any]], different: NDArray[np.floating[Any]]) -> PairScores:
    count = len(same) + len(different)
    return PairScores(
        people=2 * count,
        distance=np.concatenate([same, different]).astype(np.float32),
        is_same=np.repeat([True, False], [len(same), len(different)]),
        owners=np.arange(2 * count).reshape(count, 2),
    )


def test_pairs_are_compared_as_named() -> None:
    people = made_up([2, 2], spread=0.2)
    pairs = [
        Pair(Picture("person-0000", 1), Picture("person-0000", 1)),
        Pair(Picture("person-0000", 1), Picture("person-0000", 2)),
        Pair(Picture("person-0000", 1), Picture("person-0001", 1)),
    ]

    found = score_pairs(people, pairs, RULES["mirrored"])

    assert found.is_same.tolist() == [True, True, False]
    assert found.distance[0] == pytest.approx(0, abs=1e-3)
    assert 0 < found.distance[1] < found.distance[2]


def test_pairs_that_a_limit_separates_are_all_told_right() -> None:
    result = verify(scores(np.linspace(0, 0.4, 100), np.linspace(0.6, 1, 100)))

    assert result.balanced_accuracy.estimate == 1
    assert result.balanced_accuracy.low == pytest.approx(0.025 ** (1 / 100), abs=1e-6)
    assert result.limit == pytest.approx(0.5, abs=0.02)


def test_overlapping_uniform_distances_give_the_known_accuracy() -> None:
    # A limit t from 0.4 to 0.6 is right in t / 0.6 and in 1 - (t - 0.4) / 0.6: in 5/6 on average.
    result = verify(scores(np.linspace(0, 0.6, 3000), np.linspace(0.4, 1, 3000)))

    assert result.balanced_accuracy.estimate == pytest.approx(5 / 6, abs=0.015)
    assert result.balanced_accuracy.low < 5 / 6 < result.balanced_accuracy.high
    middle = int(np.argmin(np.abs(result.fmr - 0.1)))
    # An FMR of f puts the limit at 0.4 + 0.6 f.
    expected = 1 - (0.4 + 0.6 * float(result.fmr[middle])) / 0.6
    assert result.fnmr[middle].estimate == pytest.approx(expected, abs=0.01)


def test_no_fmr_is_stated_that_the_pairs_do_not_support() -> None:
    result = verify(scores(np.linspace(0, 0.6, 50), np.linspace(0.4, 1, 1000)))

    assert result.fmr[0] == pytest.approx(10 / 1000)


def test_kinds_count_alike_however_many_there_are() -> None:
    few, many = np.repeat([0.1, 0.9], [15, 5]), np.full(2000, 0.5)

    error, _ = balanced_errors(scores(few, many), np.ones((1, 2 * (20 + 2000))))

    assert error == pytest.approx((5 / 20 + 0) / 2)


def test_the_best_limit_is_in_the_middle_of_where_it_may_be() -> None:
    distance = np.array([0.1, 0.2, 0.6, 0.9], np.float32)

    assert best_limit(distance, np.array([True, True, False, False])) == pytest.approx(0.4)


def test_a_pair_without_a_face_is_never_the_same_person() -> None:
    same, different = np.linspace(0, 0.4, 100), np.linspace(0.6, 1, 100)
    same[:50] = np.inf

    assert verify(scores(same, different)).balanced_accuracy.estimate == pytest.approx(0.75)


def test_too_few_pairs_for_the_folds_are_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        verify(scores(np.zeros(9), np.ones(100)))
