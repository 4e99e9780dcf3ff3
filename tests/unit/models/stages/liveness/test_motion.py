"""A room stands still behind a face; a sheet goes with it; a shaken camera says nothing."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.motion import Flow, SurroundingsWatch
from models.stages.liveness.small import grey_of, small_view
from tests.unit.models.stages.liveness.scenes import ROOM, Image, points_of, view

LIMITS = LivenessLimits()


def flow(first: Image, second: Image, aside: float = 8.0) -> Flow:
    watch = SurroundingsWatch(small_view(grey_of(first)), points_of(0.0))
    later = small_view(grey_of(second))
    assert watch.moved(later, points_of(aside)) == pytest.approx(aside / 80)
    return watch.look(later)


def test_a_face_before_a_room_leaves_the_room_alone() -> None:
    found = flow(view(), view(8.0))

    assert found.face > 2 * LIMITS.min_face_motion
    assert max(found.near, found.far, found.carried) < LIMITS.max_still / 2


def test_a_sheet_moves_with_the_face_and_the_room_does_not() -> None:
    found = flow(view(carried=0.0), view(8.0, carried=8.0))

    assert found.carried > 2 * LIMITS.min_carried
    assert found.face < LIMITS.min_face_motion
    assert found.far < LIMITS.max_still / 2


def test_where_the_camera_is_shaken_everything_moves() -> None:
    shaken = cv2.warpAffine(view(), np.array([[1, 0, 8.0], [0, 1, 0.0]]), (640, 480))
    found = flow(view(), np.asarray(shaken, np.uint8))

    assert found.near > LIMITS.max_still
    assert found.far > LIMITS.max_view_motion * found.near


def test_an_arm_that_is_raised_beside_the_face_carries_nothing() -> None:
    raised = view(8.0)
    raised[:, :230] = np.roll(ROOM, -8, axis=0)[:, :230]

    assert not flow(view(), raised).carried >= LIMITS.min_carried


def test_a_plain_wall_says_nothing_with_and_without_noise() -> None:
    random = np.random.default_rng(3)
    walls = [np.clip(random.normal(180, s, (480, 640, 3)), 0, 255) for s in (0.0, 0.0, 2.5, 2.5)]
    plain = [np.asarray(wall, np.uint8) for wall in walls]

    for first, second in (plain[:2], plain[2:]):
        found = flow(first, second)
        assert np.isnan([found.near, found.carried, found.far]).all()
