"""What one picture tells about whether a person or a picture of a person is in it: seldom much.

A person cannot be told from a good print by one picture, so it never shows that a face is live.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from models.stages.liveness.screen import moire

if TYPE_CHECKING:
    from models.stages.images import BGRImage
    from models.stages.landmarks import Landmarks

SCREEN_PATTERN_LIMIT = 16.0
"""Stricter than for many frames (12), since nothing else is asked.

Source: docs/measurements/one-picture.md: 2 of 5,289 live faces are above it.
"""


class OnePictureReason(StrEnum):
    """Why `is_live` is what it is."""

    ONE_PICTURE = "ONE_PICTURE"
    SCREEN_PATTERN = "SCREEN_PATTERN"


def liveness_of(
    picture_bgr: BGRImage, landmarks: Landmarks
) -> tuple[bool | None, OnePictureReason]:
    """Look for the pixels of a screen on a face.

    Args:
        picture_bgr: (H, W, 3) uint8. Not modified.
        landmarks: of the face.

    Returns:
        False and SCREEN_PATTERN where they are seen, else None and ONE_PICTURE.
    """
    points_px = landmarks.points_px[:, :2]
    x, y = (points_px.min(axis=0) + points_px.max(axis=0)) / 2
    if moire(picture_bgr[..., 1], (float(x), float(y))) > SCREEN_PATTERN_LIMIT:
        return False, OnePictureReason.SCREEN_PATTERN
    return None, OnePictureReason.ONE_PICTURE
