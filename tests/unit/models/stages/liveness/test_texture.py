"""The skin of a head that turns moves as no plane does; that of a picture moves as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.small import grey_of
from models.stages.liveness.texture import FaceTexture
from tests.unit.models.stages.liveness.scenes import Image, points_of, view

if TYPE_CHECKING:
    from tests.unit.models.stages.head_mesh import Points

LIMIT = LivenessLimits().min_texture_depth


def residual(first: Image, second: Image, points: Points | None = None) -> float:
    texture = FaceTexture(grey_of(first), points_of(0.0))
    return texture.residual(grey_of(second), points_of(0.0) if points is None else points)


def test_a_head_that_turns_is_no_plane() -> None:
    assert residual(view(), view(deep=4.0)) > 1.4 * LIMIT


@pytest.mark.parametrize("aside", [-12.0, 3.5, 9.0])
def test_a_picture_that_is_moved_is_one(aside: float) -> None:
    assert residual(view(), view(aside), points_of(aside)) < LIMIT / 2


@pytest.mark.parametrize(("tilt", "roll_deg"), [(2e-4, 0.0), (-3e-4, 4.0), (1e-4, -8.0)])
def test_a_picture_that_is_tilted_and_leaned_is_one(tilt: float, roll_deg: float) -> None:
    lean = np.vstack([cv2.getRotationMatrix2D((320, 220), roll_deg, 1.02), [0, 0, 1]])
    seen = np.array([[1, 0, 0], [0, 1, 0], [tilt, tilt / 2, 1 - 320 * tilt - 110 * tilt]]) @ lean
    moved = np.asarray(cv2.warpPerspective(view(), seen, (640, 480)), np.uint8)

    assert residual(view(), moved) < LIMIT


def test_smooth_skin_says_nothing() -> None:
    smooth = np.full((480, 640, 3), 150, np.uint8)

    assert np.isnan(residual(smooth, smooth))


def test_a_large_face_is_made_small_and_says_the_same() -> None:
    first, second = (cv2.resize(view(deep=d), None, fx=3, fy=3) for d in (0.0, 4.0))
    texture = FaceTexture(grey_of(np.asarray(first, np.uint8)), points_of(0.0) * np.float32(3))
    large = texture.residual(grey_of(np.asarray(second, np.uint8)), points_of(0.0) * np.float32(3))

    assert large == pytest.approx(residual(view(), view(deep=4.0)), rel=0.4)
