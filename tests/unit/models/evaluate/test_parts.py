"""Error rates within parts of a data set are of the people of that part alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.evaluate.comparisons import Comparisons
from models.evaluate.dataset import DataSetError
from models.evaluate.parts import LEAST_PEOPLE, named, rates_within, read_parts

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "id\tborn\tsex\tphotos\n"


def comparisons(apart: np.typing.NDArray[np.float64]) -> Comparisons:
    """Everybody has a template and a probe; everybody's own are compared."""
    people = np.arange(len(apart))
    return Comparisons(
        people, people, (apart.astype(np.float32),), np.eye(len(apart), dtype=bool), len(apart)
    )


def test_people_are_listed_by_sex_and_decade_where_these_are_known(tmp_path: Path) -> None:
    path = tmp_path / "people.tsv"
    path.write_text(f"{HEAD}A\t1938\t\t2\nB\t1931\tF\t1\nC\t\tM\t2\nD\t1940\tF\t1\n")

    assert read_parts(path) == {
        "born 1930-1939": {"A", "B"},
        "born 1940-1949": {"D"},
        "men": {"C"},
        "women": {"B", "D"},
    }


@pytest.mark.parametrize(
    ("text", "words"), [("", "columns"), ("id\tsex\n", "columns"), (f"{HEAD}A\tlate\tF", "line 2")]
)
def test_a_list_that_cannot_be_read_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "people.tsv"
    path.write_text(text)

    with pytest.raises(DataSetError, match=words):
        read_parts(path)


def test_rates_are_of_the_pairs_within_the_part() -> None:
    half = LEAST_PEOPLE
    apart = np.full((2 * half, 2 * half), 0.9)
    apart[:half, :half] = 0.1  # the first half look alike, and are far from themselves
    apart[np.arange(half), np.arange(half)] = 0.8
    found = comparisons(apart)

    alike = rates_within(found, np.arange(half), 0.5)
    others = rates_within(found, np.arange(half, 2 * half), 0.95)

    assert alike is not None
    assert others is not None
    assert alike.people == half
    assert alike.false_matches.estimate == alike.false_matches.high == 1.0
    assert alike.missed is not None
    assert alike.missed.estimate == 1.0
    assert others.false_matches.estimate == 1.0
    assert others.missed is not None
    assert others.missed.estimate == 0.0
    assert others.missed.high == pytest.approx(1 - 0.025 ** (1 / half))


def test_intervals_are_over_people_and_hold_the_estimate() -> None:
    random = np.random.default_rng(0)

    found = rates_within(comparisons(random.uniform(0, 1, (60, 60))), np.arange(60), 0.2)

    assert found is not None
    assert found.false_matches.low < found.false_matches.estimate < found.false_matches.high
    assert found.false_matches.estimate == pytest.approx(0.2, abs=0.03)


def test_a_small_part_has_no_rates() -> None:
    apart = np.ones((LEAST_PEOPLE, LEAST_PEOPLE))

    assert rates_within(comparisons(apart), np.arange(LEAST_PEOPLE - 1), 0.5) is None


def test_people_are_numbered_in_the_order_of_the_names() -> None:
    assert named(["a", "b", "c"], frozenset({"c", "a", "z"})).tolist() == [0, 2]
