"""Shows a photographed face as a camera at a door would: small, blurred, in little light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from models.stages.images import BGRImage, FloatArray

    Box = tuple[float, float, float, float]

SIZE_PX = (640, 480)
_GREY = 127
_SHOT_NOISE = 0.05
"""Variance over grey level: 2.4 levels of noise at a grey of 120, a webcam's in a lit room."""
_READ_NOISE = 1.0
"""Variance in the dark; the last bit of 8 comes on top."""


@dataclass(frozen=True, slots=True)
class CameraView:
    """How a face is seen.

    Attributes:
        side_px: shorter side of the face's box.
        blur_px: standard deviation of the blur of a lens out of focus.
        motion_px: length of a level streak, as a moving head draws it.
        light: share of the photo's grey levels, 0 to 1.
    """

    side_px: float = 110.0
    blur_px: float = 0.0
    motion_px: int = 0
    light: float = 1.0


def as_seen(photo_bgr: BGRImage, box_px: Box, view: CameraView, seed: int) -> BGRImage:
    """Put a photo into a frame with its face in the middle, as a noisy camera shows it.

    Args:
        photo_bgr: (H, W, 3) uint8, BGR. Not modified.
        box_px: of the face in it: left, top, width, height.
        view: how it is seen.
        seed: of the noise.

    Returns:
        (480, 640, 3) uint8, BGR.
    """
    frame = _centred(photo_bgr, box_px, view.side_px / min(box_px[2:]))
    if view.blur_px > 0:
        frame = np.asarray(cv2.GaussianBlur(frame, (0, 0), view.blur_px), np.float32)
    if view.motion_px > 1:
        frame = np.asarray(cv2.blur(frame, (view.motion_px, 1)), np.float32)
    frame *= view.light
    noise = np.empty_like(frame)
    cv2.setRNGSeed(seed)  # OpenCV's are drawn five times as fast as NumPy's
    cv2.randn(noise, np.zeros(1), np.ones(1))
    noise *= np.sqrt(_SHOT_NOISE * frame + _READ_NOISE)
    return np.asarray(np.clip(np.rint(frame + noise), 0, 255), np.uint8)


def _centred(photo_bgr: BGRImage, box_px: Box, scale: float) -> FloatArray:
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(photo_bgr, None, fx=scale, fy=scale, interpolation=how)
    left, top, width, height = (side * scale for side in box_px)
    shift = np.array(
        [
            [1, 0, SIZE_PX[0] / 2 - left - width / 2],
            [0, 1, SIZE_PX[1] / 2 - top - height / 2],
        ]
    )
    frame = cv2.warpAffine(scaled, shift, SIZE_PX, borderValue=(_GREY, _GREY, _GREY))
    return frame.astype(np.float32)
