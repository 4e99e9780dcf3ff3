"""A gallery of a cosine network answers on its card's scale what a search by hand would."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.stages.match import Gallery
from models.store import Matching

if TYPE_CHECKING:
    from models.stages.images import FloatArray, FloatVector

VALUES = st.floats(-2, 2, width=32)
ROWS = npst.arrays(np.float32, st.tuples(st.integers(1, 30), st.just(5)), elements=VALUES)
PROBES = npst.arrays(np.float32, 5, elements=VALUES)
SCALE = Matching(
    metric="cosine",
    confident=0.50,
    uncertain=0.60,
    scale=((0.0, 0.0), (0.45, 0.50), (0.60, 0.60), (2.0, 1.4)),
)


def by_hand(row: FloatVector, probe: FloatVector) -> float:
    first, second = row.astype(np.float64), probe.astype(np.float64)
    cosine = float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))
    return SCALE.on_common_scale(1 - cosine)


@given(templates=ROWS, probe=PROBES, data=st.data())
def test_search_agrees_with_brute_force(
    templates: FloatArray, probe: FloatVector, data: st.DataObject
) -> None:
    assume(np.linalg.norm(templates, axis=1).min() > 1e-3 and np.linalg.norm(probe) > 1e-3)
    names = [f"p{number}" for number in range(6)]
    owners = data.draw(
        st.lists(st.sampled_from(names), min_size=len(templates), max_size=len(templates))
    )
    nearest = {
        name: min(
            by_hand(row, probe)
            for row, owner in zip(templates, owners, strict=True)
            if owner == name
        )
        for name in set(owners)
    }
    best, second = [*sorted(nearest.values()), math.inf][:2]

    gallery = Gallery.build(owners, templates, "m", metric="cosine", scale=SCALE.on_common_scale)
    found = gallery.search(probe)

    assert found.person_id in nearest
    assert found.distance == pytest.approx(best, abs=1e-5)
    assert found.second_distance == pytest.approx(second, abs=1e-5)
    assert found.second_person_id != found.person_id


@given(templates=ROWS, probe=PROBES)
def test_a_scale_changes_nobodys_place(templates: FloatArray, probe: FloatVector) -> None:
    owners = [str(number) for number in range(len(templates))]
    plain = Gallery.build(owners, templates, "m", metric="cosine").search(probe)
    scaled = Gallery.build(
        owners, templates, "m", metric="cosine", scale=SCALE.on_common_scale
    ).search(probe)

    assert scaled.person_id == plain.person_id
    assert scaled.second_person_id == plain.second_person_id
    assert scaled.distance == SCALE.on_common_scale(plain.distance)


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)), min_size=2, max_size=6),
    st.floats(-0.5, 8),
    st.floats(0.001, 1),
)
def test_a_scale_rises_everywhere(
    steps: list[tuple[float, float]], distance: float, more: float
) -> None:
    pairs = tuple(map(tuple, np.cumsum(steps, axis=0).tolist()))
    matching = Matching(metric="euclidean", confident=0.5, uncertain=0.6, scale=pairs)

    assert matching.on_common_scale(distance) < matching.on_common_scale(distance + more)


def test_a_scale_goes_through_its_pairs_and_straight_on() -> None:
    distances = [0.0, 0.45, 0.525, 0.60, 2.0]
    assert [SCALE.on_common_scale(d) for d in distances] == pytest.approx([0, 0.5, 0.55, 0.6, 1.4])
    assert SCALE.on_common_scale(2.7) == pytest.approx(1.8)
    assert SCALE.on_common_scale(math.inf) == math.inf


def test_without_a_scale_a_distance_stays() -> None:
    matching = Matching(metric="euclidean", confident=0.5, uncertain=0.6)

    assert matching.on_common_scale(0.371) == 0.371


@pytest.mark.parametrize(
    "pairs",
    [((0.0, 0.0),), ((0.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 1.0)), ((1.0, 0.0), (0.5, 1.0))],
)
def test_a_scale_that_does_not_rise_is_refused(pairs: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="scale"):
        Matching(metric="cosine", confident=0.5, uncertain=0.6, scale=pairs)
