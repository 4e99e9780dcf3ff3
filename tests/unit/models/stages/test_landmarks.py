"""The face window and the way back from it are each other's inverse."""

from __future__ import annotations

import numpy as np
import pytest

from models.stages.detect import Detection
from models.stages.landmarks import FaceLandmarker, face_window
from models.store import default_store
from tests.fakes.sessions import FixedSession


def face(roll_rad: float = 0.0) -> Detection:
    """A 100 x 80 px box around (300, 200), eyes 40 px apart."""
    half = 20 * np.array([np.cos(roll_rad), np.sin(roll_rad)])
    middle = np.array([300, 190])
    eyes = [middle - half, middle + half]
    return Detection((250, 160, 100, 80), np.array([*eyes, *[[300, 200]] * 4], np.float32), 0.9)


@pytest.mark.parametrize("roll", [0.0, 0.5, -1.2, 3.0])
def test_the_window_turns_with_the_eyes(roll: float) -> None:
    detection = face(roll)

    to_frame = face_window(detection, 192, 1.5)

    np.testing.assert_allclose(to_frame @ [96, 96, 1], [300, 200], atol=1e-4)
    along = to_frame[:, :2] @ [192, 0]
    assert np.hypot(*along) == pytest.approx(150)
    assert np.arctan2(along[1], along[0]) == pytest.approx(roll, abs=1e-6)


def test_points_come_back_in_frame_pixels() -> None:
    raw = np.tile(np.array([96, 96, 10], np.float32), 468).reshape(1, 1, 1, 1404)
    raw[0, 0, 0, :3] = [192, 96, -10]
    session = FixedSession((raw, np.full((1, 1, 1, 1), 4, np.float32)))
    landmarker = FaceLandmarker(default_store().find("face-mesh")[0], session)

    found = landmarker.landmarks(np.zeros((480, 640, 3), np.uint8), face())

    assert found is not None
    np.testing.assert_allclose(found.points_px[0], [375, 200, -10 * 150 / 192], atol=1e-3)
    np.testing.assert_allclose(found.points_px[1], [300, 200, 10 * 150 / 192], atol=1e-3)
    assert found.presence == pytest.approx(1 / (1 + np.exp(-4)))


def test_no_presence_is_no_landmarks() -> None:
    outputs = (np.zeros((1, 1, 1, 1404), np.float32), np.full((1, 1, 1, 1), -1, np.float32))
    landmarker = FaceLandmarker(default_store().find("face-mesh")[0], FixedSession(outputs))

    assert landmarker.landmarks(np.zeros((480, 640, 3), np.uint8), face()) is None
