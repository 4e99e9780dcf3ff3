"""Measures what only the mesh of a face shows: where it looks, its eyes, what covers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.stages.pose import HeadPose, eye_aspect_ratio, eye_distance_px, head_pose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.stages.images import BGRImage, FloatArray

_SKIN = (151, 50, 280, 205, 425, 4, 164, 199, 200)
"""Forehead, cheeks, tip of the nose, lip, chin: skin of one colour unless something covers it."""
_PATCH = 0.09  # half a patch's side, in eye distances
_OVAL = (10, 152, 234, 454)  # forehead, chin, right and left cheek


@dataclass(frozen=True)
class MeshQuality:
    """What the mesh of one face shows.

    Attributes:
        pose: where the head points, degrees.
        eyes_open: aspect ratio of the eyes' openings; about 0.3 open, below 0.15 shut.
        covered: how far the colour of a part of the face is from the face's usual one, in the
            units of a and b of CIE Lab; a hint only: a mask in the colour of skin is not seen.
        off_centre: from the middle of the face to the middle of the picture, over the picture's
            shorter side.
    """

    pose: HeadPose
    eyes_open: float
    covered: float
    off_centre: float


def measure_mesh(frame_bgr: BGRImage, points_px: FloatArray) -> MeshQuality:
    """Measure a face.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        points_px: (468, 3) in it. Not modified.
    """
    height_px, width_px = frame_bgr.shape[:2]
    centre = points_px[list(_OVAL), :2].mean(axis=0)
    away_px = np.hypot(centre[0] - width_px / 2, centre[1] - height_px / 2)
    return MeshQuality(
        head_pose(points_px),
        eye_aspect_ratio(points_px),
        covered(frame_bgr, points_px),
        float(away_px / min(height_px, width_px)),
    )


def covered(frame_bgr: BGRImage, points_px: FloatArray) -> float:
    """How far the strangest patch of skin is from the middle one, see `MeshQuality.covered`."""
    half_px = max(1, round(_PATCH * eye_distance_px(points_px)))
    patches = [_colour(frame_bgr, points_px[index], half_px) for index in _SKIN]
    seen = [patch for patch in patches if patch is not None]
    if len(seen) < 3:
        return 0.0
    colours = np.array(seen, np.float32).reshape(1, -1, 3) / np.float32(255.0)
    shades = np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2LAB))[0, :, 1:]
    return float(np.linalg.norm(shades - np.median(shades, axis=0), axis=1).max())


def _colour(frame_bgr: BGRImage, point: FloatArray, half_px: int) -> NDArray[np.float32] | None:
    x, y = round(float(point[0])), round(float(point[1]))
    patch = frame_bgr[max(y - half_px, 0) : y + half_px + 1, max(x - half_px, 0) : x + half_px + 1]
    return np.asarray(patch.mean(axis=(0, 1)), np.float32) if patch.size else None
