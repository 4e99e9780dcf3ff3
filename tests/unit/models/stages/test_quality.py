"""What is wrong with a face is named, and nothing is where nothing is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.stages.detect import Detection
from models.stages.quality import QualityLimits, QualityReason, assess


def face(left: float = 200, top: float = 150, side: float = 120) -> Detection:
    return Detection((left, top, side, side), np.zeros((6, 2), np.float32), 0.9)


def noise(low: int = 60, high: int = 200) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(5).integers(low, high, (480, 640, 3), dtype=np.uint8)


def test_a_good_face_has_no_reasons() -> None:
    quality = assess(noise(), [face()])

    assert quality.is_good
    assert quality.side_px == 120
    assert quality.area_ratio == pytest.approx(120 * 120 / (480 * 640))
    assert quality.outside == 0


@pytest.mark.parametrize(
    ("frame", "faces", "reason"),
    [
        (noise(), [], QualityReason.NO_FACE_FOUND),
        (noise(), [face(), face(400, 150, 90)], QualityReason.SEVERAL_FACES),
        (noise(), [face(side=59)], QualityReason.FACE_TOO_SMALL),
        (noise(), [face(left=-30)], QualityReason.FACE_CUT_OFF),
        (noise(), [face(top=400)], QualityReason.FACE_CUT_OFF),
        (cv2.GaussianBlur(noise(), (0, 0), 15), [face()], QualityReason.TOO_BLURRED),
        (noise(0, 60), [face()], QualityReason.TOO_DARK),
        (noise(215, 256), [face()], QualityReason.TOO_BRIGHT),
    ],
)
def test_the_reason_is_named(
    frame: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    faces: list[Detection],
    reason: QualityReason,
) -> None:
    assert assess(frame, faces).reasons == (reason,)


def test_a_small_face_behind_does_not_make_several() -> None:
    assert assess(noise(), [face(400, 150, 50), face()]).is_good


def test_a_face_outside_the_picture_is_cut_off_and_not_an_error() -> None:
    quality = assess(noise(), [face(left=-500)])

    assert quality.outside == 1.0
    assert QualityReason.FACE_CUT_OFF in quality.reasons


def test_limits_can_be_set() -> None:
    limits = QualityLimits(min_side_px=200, min_area_ratio=0.5)

    assert assess(noise(), [face()], limits).reasons == (QualityReason.FACE_TOO_SMALL,)
