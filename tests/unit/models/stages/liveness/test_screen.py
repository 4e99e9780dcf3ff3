"""Regular patterns and frames are seen, and a plain room is not taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray  # noqa: TC002

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.screen import enclosing_sides, moire, screen_signs
from models.stages.liveness.small import grey_of, small_view
from tests.unit.models.stages.head_mesh import at, head

LIMITS = LivenessLimits()
CENTRE = (320.0, 240.0)


def room() -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).normal(150, 2.5, (480, 640, 3))
    return np.asarray(np.clip(noise, 0, 255), np.uint8)


@pytest.mark.parametrize("period_px", [2.5, 3.3, 5.0])
@pytest.mark.parametrize("slant", [0.0, 0.3, 1.0])
def test_a_fine_regular_pattern_stands_out(period_px: float, slant: float) -> None:
    y, x = np.mgrid[0:480, 0:640]
    along = (x + slant * y) / np.hypot(1, slant)
    woven = room() + 4 * np.cos(2 * np.pi * along / period_px)[..., None]
    woven = np.asarray(np.clip(woven, 0, 255), np.uint8)

    assert moire(woven[..., 1], CENTRE) > LIMITS.max_moire > moire(room()[..., 1], CENTRE)


def test_a_frame_all_round_has_four_sides() -> None:
    picture = room()
    cv2.rectangle(picture, (200, 110), (440, 390), (10, 10, 10), 12)

    assert enclosing_sides(small_view(grey_of(picture)), CENTRE, 70) == 4


def test_a_door_is_open_below() -> None:
    picture = room()
    cv2.rectangle(picture, (200, 110), (440, 700), (10, 10, 10), 12)

    assert enclosing_sides(small_view(grey_of(picture)), CENTRE, 70) < LIMITS.min_frame_sides


def test_a_plain_room_has_no_sides() -> None:
    assert enclosing_sides(small_view(grey_of(room())), CENTRE, 70) == 0


@pytest.mark.parametrize("place", [(-300, 0), (0, -300), (5000, 5000)])
def test_a_face_at_the_edge_is_no_error(place: tuple[int, int]) -> None:
    face = at(head() * np.float32(0.7), 320 + place[0], 240 + place[1])

    assert screen_signs(room()[..., 1], small_view(grey_of(room())), face).moire == 0.0
