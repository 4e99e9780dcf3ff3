"""Fusing keeps to the middle of what it is given, and finds the picture of somebody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.errors import GalleryError
from models.stages.templates import fuse_enrolment, fuse_probes, set_aside_outliers

if TYPE_CHECKING:
    from models.stages.images import FloatArray


VALUES = st.floats(-4, 4, width=32).filter(lambda value: abs(value) > 1e-2)
ROWS = npst.arrays(np.float32, st.tuples(st.integers(1, 8), st.just(6)), elements=VALUES)


def person(seed: int, count: int, spread: float = 0.3) -> FloatArray:
    random = np.random.default_rng(seed)
    middle = random.normal(size=64)
    middle /= np.linalg.norm(middle)
    noise = random.normal(size=(count, 64)) * spread / 8
    return np.asarray(middle + noise, np.float32)


def has_direction(rows: FloatArray) -> bool:
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return bool(np.linalg.norm(units.sum(axis=0)) > 1e-2)


@given(rows=ROWS, length=st.floats(0.5, 2.0))
def test_the_result_has_the_length_asked_for(rows: FloatArray, length: float) -> None:
    assume(has_direction(rows))

    assert np.linalg.norm(fuse_probes(rows, length=length)) == pytest.approx(length, rel=1e-4)


@given(rows=ROWS, seed=st.integers(0, 99), data=st.data())
def test_neither_order_nor_lengths_matter(rows: FloatArray, seed: int, data: st.DataObject) -> None:
    assume(has_direction(rows))
    lengths = data.draw(npst.arrays(np.float32, len(rows), elements=st.floats(0.25, 4, width=32)))
    order = np.random.default_rng(seed).permutation(len(rows))

    other = fuse_probes((rows * lengths[:, None])[order])

    assert other == pytest.approx(fuse_probes(rows), abs=2e-3)


@given(rows=ROWS)
def test_a_picture_of_weight_zero_has_no_say(rows: FloatArray) -> None:
    assume(has_direction(rows))
    more = np.concatenate([rows, -3 * rows[:1]])
    weights = np.array([1.0] * len(rows) + [0.0], np.float32)

    assert fuse_probes(more, weights=weights) == pytest.approx(fuse_probes(rows), abs=1e-4)


@given(rows=ROWS)
def test_one_picture_many_times_is_that_picture(rows: FloatArray) -> None:
    again = np.repeat(rows[:1], 5, axis=0)

    assert fuse_probes(again) == pytest.approx(fuse_probes(rows[:1]), abs=1e-4)


def test_both_views_of_a_face_count_alike() -> None:
    plain, mirrored = np.array([[2, 0]], np.float32), np.array([[0, 5]], np.float32)

    fused = fuse_enrolment(plain, mirrored=mirrored).template

    assert fused == pytest.approx([np.sqrt(0.5), np.sqrt(0.5)])
    assert fuse_probes(plain, mirrored=mirrored) == pytest.approx(fused)


def test_fusing_brings_a_person_together_and_leaves_others_apart() -> None:
    mine, others = person(1, 40), person(2, 40)
    enrolled = fuse_enrolment(mine[:10]).template
    one, ten = fuse_probes(mine[10:11]), fuse_probes(mine[10:20])

    assert np.linalg.norm(enrolled - ten) < np.linalg.norm(enrolled - one)
    assert np.linalg.norm(enrolled - fuse_probes(others)) > 1.0


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@given(count=st.integers(3, 6), seed=st.integers(0, 50), place=st.integers(0, 5))
def test_somebody_elses_picture_is_set_aside(
    metric: str, count: int, seed: int, place: int
) -> None:
    rows = person(seed, count)
    intruder = place % count
    rows[intruder] = person(seed + 1000, 1)[0]

    kept, aside = set_aside_outliers(rows, 0.5, metric=metric)  # type: ignore[arg-type]

    assert [one.index for one in aside] == [intruder]
    assert aside[0].distance > 0.5
    assert kept == tuple(index for index in range(count) if index != intruder)


@given(rows=ROWS, limit=st.floats(0, 2))
def test_most_pictures_always_stay_and_none_is_lost(rows: FloatArray, limit: float) -> None:
    found = _set_aside_or_none(rows, limit)
    assume(found is not None)
    assert found is not None
    kept, aside = found

    assert sorted([*kept, *aside]) == list(range(len(rows)))
    assert 2 * len(kept) > len(rows)


def _set_aside_or_none(
    rows: FloatArray, limit: float
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Rows that cancel out have no direction; the property is about those that have one."""
    try:
        kept, aside = set_aside_outliers(rows, limit)
    except GalleryError:
        return None
    return kept, tuple(one.index for one in aside)


@given(rows=ROWS)
def test_a_wider_limit_keeps_no_fewer(rows: FloatArray) -> None:
    strict, wide = _set_aside_or_none(rows, 0.3), _set_aside_or_none(rows, 0.9)
    assume(strict is not None and wide is not None)
    assert strict is not None
    assert wide is not None

    assert set(strict[0]) <= set(wide[0])


def test_two_pictures_that_disagree_both_stay() -> None:
    rows = np.concatenate([person(1, 1), person(2, 1)])

    assert set_aside_outliers(rows, 0.1) == ((0, 1), ())


def test_the_length_stretches_the_distance_not_the_cosine() -> None:
    rows = np.concatenate([person(1, 3), person(2, 1)])

    (plain,) = set_aside_outliers(rows, 0.5)[1]
    (longer,) = set_aside_outliers(rows, 0.5, length=1.5)[1]
    (cosine,) = set_aside_outliers(rows, 0.5, length=1.5, metric="cosine")[1]

    assert longer.distance == pytest.approx(1.5 * plain.distance, rel=1e-4)
    assert cosine.distance == pytest.approx(plain.distance**2 / 2, rel=1e-4)


def test_an_outlier_is_not_in_the_template() -> None:
    rows = np.concatenate([person(1, 3), person(2, 1)])

    enrolment = fuse_enrolment(rows, outlier_limit=0.5)

    assert enrolment.kept == (0, 1, 2)
    assert enrolment.template == pytest.approx(fuse_enrolment(rows[:3]).template, abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "weights"),
    [
        (np.empty((0, 4), np.float32), None),
        (np.ones(4, np.float32), None),
        (np.zeros((1, 4), np.float32), None),
        (np.full((1, 4), np.nan, np.float32), None),
        (np.array([[1, 0], [-1, 0]], np.float32), None),
        (np.ones((2, 4), np.float32), np.array([1], np.float32)),
        (np.ones((2, 4), np.float32), np.array([1, -1], np.float32)),
        (np.ones((2, 4), np.float32), np.array([0, 0], np.float32)),
    ],
)
def test_what_has_no_direction_or_no_fitting_weights_is_refused(
    rows: FloatArray, weights: FloatArray | None
) -> None:
    with pytest.raises(GalleryError):
        fuse_probes(rows, weights=weights)


def test_mirrored_pictures_of_other_pictures_are_refused() -> None:
    with pytest.raises(GalleryError, match="do not belong"):
        fuse_probes(np.ones((2, 4), np.float32), mirrored=np.ones((1, 4), np.float32))


def test_nothing_given_is_changed() -> None:
    rows = person(3, 4)
    before = rows.copy()

    fuse_enrolment(rows, mirrored=rows, outlier_limit=0.1)

    assert (rows == before).all()
