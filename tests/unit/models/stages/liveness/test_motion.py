"""A room stands still behind a face; a sheet goes with it; a shaken camera says nothing."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.motion import Flow, SurroundingsWatch, surroundings_motion
from models.stages.liveness.small import small_view
from tests.unit.models.stages.head_mesh import at, head

LIMITS = LivenessLimits()
Image = NDArray[np.uint8]
FACE = at(head() * np.float32(0.7), 320, 240)  # about 70 px wide


def textured(seed: int) -> Image:
    small = np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def shifted(picture: Image, by_px: float) -> Image:
    moved = cv2.warpAffine(picture, np.array([[1, 0, by_px], [0, 1, 0.0]]), (640, 480))
    return np.asarray(moved, np.uint8)


def sway(step: int) -> float:
    return float(8 * np.sin(step / 2.5))


def flows(frames: list[Image], moves: bool = True) -> list[Flow]:
    watch = SurroundingsWatch()
    found = [
        watch.look(step / 15, small_view(frame), at(FACE, sway(step) if moves else 0, 0))
        for step, frame in enumerate(frames)
    ]
    return [flow for flow in found if flow is not None]


def test_a_face_before_a_room_leaves_the_room_alone() -> None:
    around, view = surroundings_motion(flows([textured(1)] * 30), LIMITS) or (9.0, 9.0)

    assert around < 0.1 * LIMITS.max_surroundings_motion
    assert view < 0.1 * LIMITS.max_surroundings_motion


def test_a_sheet_moves_with_the_face_and_the_room_does_not() -> None:
    frames = []
    for step in range(30):
        frame, sheet = textured(1), shifted(textured(2), sway(step))
        left = 140 + round(sway(step))
        frame[60:400, left : left + 360] = sheet[60:400, left : left + 360]
        frames.append(frame)
    around, view = surroundings_motion(flows(frames), LIMITS) or (0.0, 9.0)

    assert around > 2 * LIMITS.max_surroundings_motion
    assert view < LIMITS.max_view_motion * around


def test_where_the_camera_is_shaken_the_far_view_moves_as_well() -> None:
    frames = [shifted(textured(1), sway(step)) for step in range(30)]
    around, view = surroundings_motion(flows(frames, moves=False), LIMITS) or (0.0, 0.0)

    assert around > LIMITS.max_surroundings_motion
    assert view > LIMITS.max_view_motion * around


def test_a_plain_wall_says_nothing() -> None:
    wall = np.full((480, 640, 3), 180, np.uint8)

    assert surroundings_motion(flows([wall] * 30), LIMITS) is None


def test_noise_on_a_plain_wall_says_nothing() -> None:
    random = np.random.default_rng(3)
    walls = [
        np.asarray(np.clip(random.normal(180, 2.5, (480, 640, 3)), 0, 255), np.uint8)
        for _ in range(30)
    ]

    assert surroundings_motion(flows(walls), LIMITS) is None


def test_few_measurements_say_nothing() -> None:
    assert surroundings_motion([Flow(0.1, 0.0, 0.0)] * 5, LIMITS) is None
