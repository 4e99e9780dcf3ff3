"""Measures what only the mesh of a face shows: where it looks, its eyes, what covers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.stages.covered import covered
from models.stages.pose import HeadPose, eye_aspect_ratio, head_pose

if TYPE_CHECKING:
    from models.stages.images import BGRImage
    from models.stages.landmarks import Landmarks

_OVAL = (10, 152, 234, 454)  # forehead, chin, right and left cheek


@dataclass(frozen=True)
class MeshQuality:
    """What the mesh of one face shows.

    Attributes:
        pose: where the head points, degrees.
        eyes_open: aspect ratio of the eyes' openings; about 0.3 open, below 0.15 shut.
        covered: 0 to 1, see `models.stages.covered.covered`.
        off_centre: from the middle of the face to the middle of the picture, over the picture's
            shorter side.
    """

    pose: HeadPose
    eyes_open: float
    covered: float
    off_centre: float


def measure_mesh(frame_bgr: BGRImage, landmarks: Landmarks) -> MeshQuality:
    """Measure a face.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        landmarks: of the face.
    """
    points_px = landmarks.points_px
    height_px, width_px = frame_bgr.shape[:2]
    centre = points_px[list(_OVAL), :2].mean(axis=0)
    away_px = np.hypot(centre[0] - width_px / 2, centre[1] - height_px / 2)
    return MeshQuality(
        head_pose(points_px),
        eye_aspect_ratio(points_px),
        covered(frame_bgr, landmarks),
        float(away_px / min(height_px, width_px)),
    )
