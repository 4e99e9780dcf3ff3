"""Angles are those the head was turned by, and a mirror turns them round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.pose import (
    eye_aspect_ratio,
    eye_distance_px,
    head_pose,
    mouth_aspect_ratio,
)
from tests.unit.models.stages.head_mesh import PAIRS, Points, head, turned

ANGLES = st.floats(-50, 50)


def mirrored(points: Points) -> Points:
    swapped = points.copy()
    rights, lefts = np.array(PAIRS).T
    swapped[rights], swapped[lefts] = points[lefts], points[rights]
    return np.asarray(swapped * (-1, 1, 1), np.float32)


@given(yaw=ANGLES, pitch=ANGLES, roll=ANGLES)
def test_the_angles_are_those_the_head_was_turned_by(yaw: float, pitch: float, roll: float) -> None:
    pose = head_pose(turned(head(), yaw, pitch, roll))

    assert pose.yaw_deg == pytest.approx(yaw, abs=0.01)
    assert pose.pitch_deg == pytest.approx(pitch, abs=0.01)
    assert pose.roll_deg == pytest.approx(roll, abs=0.01)


@given(yaw=ANGLES, pitch=ANGLES, roll=ANGLES)
def test_in_a_mirror_yaw_and_roll_turn_round(yaw: float, pitch: float, roll: float) -> None:
    points = turned(head(), yaw, pitch, roll)
    pose, image = head_pose(points), head_pose(mirrored(points))

    assert image.yaw_deg == pytest.approx(-pose.yaw_deg, abs=0.01)
    assert image.pitch_deg == pytest.approx(pose.pitch_deg, abs=0.01)
    assert image.roll_deg == pytest.approx(-pose.roll_deg, abs=0.01)


@given(scale=st.floats(0.3, 5), x=st.floats(-500, 500), y=st.floats(-500, 500))
def test_size_and_place_change_no_angle(scale: float, x: float, y: float) -> None:
    points = turned(head(), 20, -10, 5)
    moved = (points * scale + (x, y, 0)).astype(np.float32)

    assert head_pose(moved).yaw_deg == pytest.approx(head_pose(points).yaw_deg, abs=0.01)


@given(eyes=st.floats(0.02, 0.5), yaw=ANGLES, roll=ANGLES)
def test_eyes_are_as_open_from_every_side(eyes: float, yaw: float, roll: float) -> None:
    assert eye_aspect_ratio(turned(head(eyes), yaw, 0, roll)) == pytest.approx(eyes, rel=1e-3)


@given(height=st.floats(0, 60), yaw=ANGLES, pitch=ANGLES, scale=st.floats(0.3, 5))
def test_a_mouth_is_as_open_from_every_side_and_distance(
    height: float, yaw: float, pitch: float, scale: float
) -> None:
    points = head()
    points[[13, 14]] = [(0, 30 - height / 2, 5), (0, 30 + height / 2, 5)]
    points[[78, 308]] = [(-20, 30, 12), (20, 30, 12)]

    found = mouth_aspect_ratio(turned(points, yaw, pitch) * np.float32(scale))
    assert found == pytest.approx(height / 40, abs=1e-3)


def test_a_mouth_without_a_width_has_no_ratio_but_a_number() -> None:
    assert mouth_aspect_ratio(np.zeros((468, 3), np.float32)) == 0.0


def test_eye_distance_is_from_outer_to_outer_corner() -> None:
    assert eye_distance_px(turned(head(), 40, 20, 10)) == pytest.approx(90, rel=1e-4)
