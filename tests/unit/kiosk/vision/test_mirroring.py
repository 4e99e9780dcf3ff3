"""A picture and its mirror image count alike, as in the evaluation's rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kiosk.vision.mirroring import embed_both_ways
from models.evaluate.faces import Face
from models.evaluate.rules import RULES

WEIGHTS = np.random.default_rng(1).normal(0, 1, (4 * 4 * 3, 16)).astype(np.float32)


class Projection:
    """A network that sees left and right as different things."""

    def embed_aligned(self, face_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray((face_bgr.astype(np.float32) + 1).ravel() @ WEIGHTS, np.float32)


@given(st.integers(0, 10_000))
def test_it_is_the_rule_that_the_tables_use_and_knows_no_left_and_right(seed: int) -> None:
    picture = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    mirror = np.ascontiguousarray(picture[:, ::-1])
    before, network = picture.copy(), Projection()
    both = embed_both_ways(network, picture)

    plain, mirrored = network.embed_aligned(picture), network.embed_aligned(mirror)
    wanted = RULES["mirrored"].probe([Face(plain, mirrored, 0, 0, 0, 0)])
    np.testing.assert_allclose(both, wanted, atol=1e-6)
    np.testing.assert_allclose(both, embed_both_ways(network, mirror), atol=1e-6)
    assert float(np.linalg.norm(both)) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_array_equal(picture, before)
