"""Which way a head points, and how open eyes and mouth are, from 468 points of Face Mesh alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.stages.images import FloatArray

Floats = NDArray[np.float64]

_RIGHT_SIDE = [33, 127, 234, 21]  # outer eye corner, temple, cheek, brow's end; the person's right
_LEFT_SIDE = [263, 356, 454, 251]  # their mirror images
_FOREHEAD, _CHIN = 10, 152
_RIGHT_EYE = (33, 160, 158, 133, 153, 144)
_LEFT_EYE = (263, 387, 385, 362, 380, 373)
_EYES = np.array([_RIGHT_EYE, _LEFT_EYE])
# Outer corner, two of the upper lid, inner corner, two of the lower lid.
_UPPER_LIP, _LOWER_LIP = 13, 14  # the middle of their inner edges
_RIGHT_LIP_CORNER, _LEFT_LIP_CORNER = 78, 308  # of the inner edges too


@dataclass(frozen=True)
class HeadPose:
    """Angles of a head, degrees; 0 looks into the camera.

    Attributes:
        yaw_deg: above 0 turned to the right of the picture, that is to the person's left.
        pitch_deg: above 0 looks down.
        roll_deg: above 0 leans clockwise in the picture.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def head_pose(points_px: FloatArray) -> HeadPose:
    """Read the angles off the axes through temples and through forehead and chin.

    Args:
        points_px: (468, 3): x right, y down, z away, in one unit. Not modified.
    """
    points = np.asarray(points_px, np.float64)
    across = _unit(points[_LEFT_SIDE].mean(axis=0) - points[_RIGHT_SIDE].mean(axis=0))
    down = points[_CHIN] - points[_FOREHEAD]
    down = _unit(down - across * (across @ down))
    away = np.cross(across, down)
    # The axes are the columns of a turn by roll, then by pitch, then by yaw.
    yaw = np.degrees(np.arctan2(-away[0], away[2]))
    pitch = np.degrees(np.arcsin(np.clip(-away[1], -1.0, 1.0)))
    roll = np.degrees(np.arctan2(across[1], down[1]))
    return HeadPose(float(yaw), float(pitch), float(roll))


def eye_aspect_ratio(points_px: FloatArray) -> float:
    """Height over width of the eyes' openings, mean of both; about 0.3 open, below 0.15 shut.

    Args:
        points_px: (468, 3). Not modified.

    Source: Soukupova and Cech, Real-Time Eye Blink Detection using Facial Landmarks, 2016.
    """
    return float(eye_aspect_ratios(points_px[None])[0])


def eye_aspect_ratios(tracked_px: FloatArray) -> Floats:
    """As `eye_aspect_ratio`, of many frames at once.

    Args:
        tracked_px: (F, 468, 3). Not modified.

    Returns:
        (F,).
    """
    eyes = tracked_px[:, _EYES].astype(np.float64)  # (F, 2, 6, 3)
    width = np.linalg.norm(eyes[:, :, 0] - eyes[:, :, 3], axis=-1)
    height = np.linalg.norm(eyes[:, :, 1:3] - eyes[:, :, [5, 4]], axis=-1).mean(axis=-1)
    return np.asarray((height / np.maximum(width, 1e-9)).mean(axis=1), np.float64)


def mouth_aspect_ratio(points_px: FloatArray) -> float:
    """Return height over width of the mouth's opening between the inner edges of the lips.

    Near 0 closed, up to about 0.4 while talking, above 0.5 wide open. It does not depend on the
    distance from the camera, nor on where the head points, as depth is part of both lengths.

    Args:
        points_px: (468, 3). Not modified.
    """
    points = np.asarray(points_px, np.float64)
    height = np.linalg.norm(points[_UPPER_LIP] - points[_LOWER_LIP])
    width = np.linalg.norm(points[_RIGHT_LIP_CORNER] - points[_LEFT_LIP_CORNER])
    return float(height / max(float(width), 1e-9))


def eye_distance_px(points_px: FloatArray) -> float:
    """From outer eye corner to outer eye corner, in the points' unit, depth included."""
    return float(np.linalg.norm(points_px[_LEFT_EYE[0]] - points_px[_RIGHT_EYE[0]]))


def _unit(vector: Floats) -> Floats:
    length = np.linalg.norm(vector)
    return vector / length if length else vector
