"""What only the mesh shows is measured, and each shortfall has its name."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.detect import Detection
from models.stages.landmarks import Landmarks
from models.stages.mesh_quality import measure_mesh
from models.stages.quality import FaceQuality, QualityReason, assess
from tests.unit.models.stages.head_mesh import Points, at, head, turned

SURE = 1.0 - 1e-11
FACE = Detection((260, 170, 120, 140), np.zeros((6, 2), np.float32), 0.9)
Image = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


def skin() -> Image:
    noise = np.random.default_rng(5).integers(-60, 60, (480, 640, 1))
    return np.asarray(np.clip(np.array((110, 140, 190)) + noise, 0, 255), np.uint8)


def judged(points: Points, frame: Image | None = None) -> FaceQuality:
    placed = at(points, 320, 240)
    frame = skin() if frame is None else frame
    return assess(frame, [FACE], landmarks=Landmarks(placed, SURE))


def test_a_head_that_looks_into_the_camera_has_no_reasons() -> None:
    assert judged(head()).is_good


def test_without_landmarks_nothing_is_said_about_the_mesh() -> None:
    assert assess(skin(), [FACE]).mesh is None


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (turned(head(), yaw_deg=32), QualityReason.TURNED_AWAY),
        (turned(head(), yaw_deg=-32), QualityReason.TURNED_AWAY),
        (turned(head(), pitch_deg=27), QualityReason.LOOKS_UP_OR_DOWN),
        (turned(head(), pitch_deg=-27), QualityReason.LOOKS_UP_OR_DOWN),
        (turned(head(), roll_deg=27), QualityReason.LEANS),
        (head(eyes_open=0.1), QualityReason.EYES_SHUT),
        (at(head(), 190, 0), QualityReason.OFF_CENTRE),
    ],
)
def test_each_shortfall_has_its_name(points: Points, reason: QualityReason) -> None:
    assert judged(points).reasons == (reason,)


def test_a_mouth_that_nothing_shows_of_is_covered() -> None:
    frame = skin()
    frame[250:] = (200, 120, 40)
    face = Landmarks(at(head(), 320, 240), 0.99)

    assert assess(frame, [FACE], landmarks=face).reasons == (QualityReason.PARTLY_COVERED,)


@given(x=st.floats(-3000, 3000), y=st.floats(-3000, 3000))
def test_a_face_outside_the_picture_is_measured_without_an_error(x: float, y: float) -> None:
    measured = measure_mesh(skin(), Landmarks(at(head(), x, y), SURE))

    assert measured.off_centre >= 0
    assert np.isfinite(measured.covered)
