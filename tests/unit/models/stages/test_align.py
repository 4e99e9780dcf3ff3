"""The similarity is the least-squares one, and the cut-out face lies where the card says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.stages.align import FaceAligner, similarity
from models.store import Alignment, InputSpec

if TYPE_CHECKING:
    from models.stages.images import Affine

POINTS = npst.arrays(np.float64, (5, 2), elements=st.floats(-100, 100))
ANGLES = st.floats(-3.1, 3.1)
SCALES = st.floats(0.05, 20)
SHIFTS = st.floats(-500, 500)


def transform(angle: float, scale: float, dx: float, dy: float) -> Affine:
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    return np.array([[cos, -sin, dx], [sin, cos, dy]])


@given(POINTS, ANGLES, SCALES, SHIFTS, SHIFTS)
def test_recovers_a_known_similarity(
    points: Affine, angle: float, scale: float, dx: float, dy: float
) -> None:
    assume(np.ptp(points, axis=0).max() > 1)
    known = transform(angle, scale, dx, dy)

    found = similarity(points, points @ known[:, :2].T + known[:, 2])

    np.testing.assert_allclose(found, known, atol=1e-4)


@given(POINTS, POINTS)
def test_agrees_with_umeyama(source: Affine, target: Affine) -> None:
    assume(np.ptp(source, axis=0).max() > 1)
    expected = umeyama(source, target)

    np.testing.assert_allclose(
        error_of(similarity(source, target), source, target),
        error_of(expected, source, target),
        rtol=1e-6,
        atol=1e-6,
    )


@given(POINTS, POINTS, ANGLES, st.floats(-0.1, 0.1), st.floats(-5, 5))
def test_no_nearby_similarity_fits_better(
    source: Affine, target: Affine, angle: float, step: float, shift: float
) -> None:
    assume(np.ptp(source, axis=0).max() > 1)
    best = similarity(source, target)
    other = best + transform(angle, step, shift, -shift)

    assert error_of(best, source, target) <= error_of(other, source, target) + 1e-6


def umeyama(source: Affine, target: Affine) -> Affine:
    """Umeyama's method as published: singular values of the covariance, no reflection."""
    centred, aimed = source - source.mean(axis=0), target - target.mean(axis=0)
    left, stretch, right = np.linalg.svd(aimed.T @ centred / len(source))
    sign = np.diag([1.0, np.sign(np.linalg.det(left) * np.linalg.det(right)) or 1.0])
    scale = np.trace(np.diag(stretch) @ sign) / centred.var(axis=0).sum()
    turn = scale * left @ sign @ right
    return np.column_stack([turn, target.mean(axis=0) - turn @ source.mean(axis=0)])


def error_of(found: Affine, source: Affine, target: Affine) -> float:
    return float(np.square(source @ found[:, :2].T + found[:, 2] - target).sum())


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0, 9.0])
@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0])
def test_landmarks_land_on_their_targets(scale: float, angle: float) -> None:
    targets = ((20.0, 20.0), (60.0, 20.0), (40.0, 60.0))
    alignment = Alignment(mesh_points=((0, 1), (2,), (3,)), targets_px=targets)
    spec = InputSpec(width_px=80, height_px=80, channels="RGB", mean=(0, 0, 0), scale=(1, 1, 1))
    turn = transform(angle, scale, 0, 0)[:, :2]
    known = np.column_stack([turn, [1000, 1000] - turn @ [40, 40]])
    placed = np.array(targets) @ known[:, :2].T + known[:, 2]
    points = np.array([placed[0] - [3, 0], placed[0] + [3, 0], placed[1], placed[2]], np.float32)
    frame = np.zeros((2000, 2000, 3), np.uint8)
    for index, (x, y) in enumerate(placed):
        colour = [0, 0, 0]
        colour[index] = 255
        cv2.circle(frame, (round(x), round(y)), max(2, round(4 * scale)), colour, -1)

    face = FaceAligner(alignment, spec).align(frame, points)

    for index, target in enumerate(targets):
        rows, columns = np.nonzero(face[..., index] > 128)
        assert (columns.mean(), rows.mean()) == pytest.approx(target, abs=1.2 / scale + 0.1)
