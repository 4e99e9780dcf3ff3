"""The gallery finds exactly whom a search by hand would find."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.errors import GalleryError
from models.stages.match import Gallery, Metric

if TYPE_CHECKING:
    from models.stages.images import FloatArray

VALUES = st.floats(-2, 2, width=32)
ROWS = npst.arrays(np.float32, st.tuples(st.integers(1, 30), st.just(5)), elements=VALUES)
PROBES = npst.arrays(np.float32, 5, elements=VALUES)


@given(templates=ROWS, probe=PROBES, data=st.data())
def test_search_agrees_with_brute_force(
    templates: FloatArray, probe: FloatArray, data: st.DataObject
) -> None:
    names = [f"p{number}" for number in range(6)]
    owners = data.draw(
        st.lists(st.sampled_from(names), min_size=len(templates), max_size=len(templates))
    )
    nearest = {
        name: min(
            math.dist(row, probe)
            for row, owner in zip(templates, owners, strict=True)
            if owner == name
        )
        for name in set(owners)
    }
    best, second = [*sorted(nearest.values()), math.inf][:2]

    found = Gallery.build(owners, templates, "some-model").search(probe)

    assert found.person_id in nearest
    assert found.distance == pytest.approx(nearest[found.person_id], abs=1e-5)
    assert found.distance == pytest.approx(best, abs=2e-3)
    assert found.second_distance == pytest.approx(second, abs=2e-3)
    assert found.second_person_id != found.person_id
    assert (found.second_person_id is None) is (len(nearest) == 1)


@given(templates=ROWS, scale=st.floats(0.5, 100))
def test_cosine_ignores_length(templates: FloatArray, scale: float) -> None:
    owners = [str(number) for number in range(len(templates))]
    probe = np.array([1, 2, 3, 4, 5], np.float32)
    gallery = Gallery.build(owners, templates, "some-model", metric="cosine")

    near, far = gallery.search(probe), gallery.search(probe * np.float32(scale))

    assert near.distance == pytest.approx(far.distance, abs=1e-5)
    assert 0 <= near.distance <= 2 + 1e-6


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_finds_a_template_again_at_distance_zero(metric: Metric) -> None:
    templates = np.random.default_rng(3).normal(size=(1000, 128)).astype(np.float32)
    owners = [f"person-{number // 2}" for number in range(1000)]
    gallery = Gallery.build(owners, templates, "some-model", metric=metric)

    found = gallery.search(templates[700])

    assert found.person_id == "person-350"
    assert found.distance == pytest.approx(0, abs=1e-6)
    assert found.second_person_id != "person-350"
    assert found.margin == pytest.approx(found.second_distance - found.distance)


def test_an_empty_gallery_knows_nobody() -> None:
    found = Gallery.build([], np.empty((0, 128), np.float32), "m").search(np.zeros(128, np.float32))

    assert (found.person_id, found.distance, found.margin) == (None, math.inf, math.inf)


def test_one_person_has_no_second() -> None:
    templates = np.eye(3, 4, dtype=np.float32)

    found = Gallery.build(["a", "a", "a"], templates, "m").search(templates[1])

    assert (found.person_id, found.second_person_id, found.margin) == ("a", None, math.inf)


def test_a_gallery_does_not_follow_later_changes() -> None:
    templates = np.eye(2, 4, dtype=np.float32)
    gallery = Gallery.build(["a", "b"], templates, "m")
    templates[:] = 9

    assert gallery.search(np.array([1, 0, 0, 0], np.float32)).distance == 0


@pytest.mark.parametrize(
    ("owners", "templates"),
    [
        (["a"], np.zeros((2, 4), np.float32)),
        (["a"], np.zeros(4, np.float32)),
        (["a"], np.full((1, 4), np.nan, np.float32)),
        (["a"], np.full((1, 4), np.inf, np.float32)),
    ],
)
def test_templates_that_do_not_fit_are_refused(owners: list[str], templates: FloatArray) -> None:
    with pytest.raises(GalleryError):
        Gallery.build(owners, templates, "m")


def test_a_probe_of_another_network_is_refused() -> None:
    gallery = Gallery.build(["a"], np.zeros((1, 4), np.float32), "m")

    with pytest.raises(GalleryError, match="does not fit 4"):
        gallery.search(np.zeros(5, np.float32))
