"""A made-up head: 468 points, mirror-symmetric, with depth, whose true angles are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]

PAIRS = (
    *((33, 263), (160, 387), (158, 385), (133, 362), (153, 380), (144, 373)),
    *((127, 356), (234, 454), (21, 251), (93, 323), (98, 327), (70, 300), (46, 276)),
    *((105, 334), (50, 280), (205, 425), (109, 338), (54, 284), (103, 332), (67, 297)),
    *((132, 361), (162, 389)),
)
"""Points of the person's right half and their mirror images."""
MIDLINE = (10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 164, 199, 200, 152)


def head(eyes_open: float = 0.3) -> Points:
    """A head 100 wide about the origin that looks into the camera."""
    random = np.random.default_rng(7)
    points = random.uniform(-40, 40, (468, 3))
    points[:, 2] = _depth(points)
    for right, left in PAIRS:
        points[right, 0] = -abs(points[right, 0]) - 8
        points[right, 2] = _depth(points[right])
        points[left] = points[right] * (-1, 1, 1)
    points[list(MIDLINE), 0] = 0
    points[list(MIDLINE), 1] = np.linspace(-60, 60, len(MIDLINE))
    points[list(MIDLINE), 2] = _depth(points[list(MIDLINE)])
    points[[1, 4, 5, 195], 2] -= 18  # the nose
    _place_eyes(points, eyes_open)
    points[[13, 14, 78, 308]] = [(0, 29.5, 12), (0, 30.5, 12), (-20, 30, 16), (20, 30, 16)]  # shut
    return np.asarray(points, np.float32)


def turned(points: Points, yaw_deg: float = 0, pitch_deg: float = 0, roll_deg: float = 0) -> Points:
    """The head turned to the right of the picture, looking down, leaning clockwise."""
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    cos, sin = np.cos, np.sin
    by_yaw = [[cos(yaw), 0, -sin(yaw)], [0, 1, 0], [sin(yaw), 0, cos(yaw)]]
    by_pitch = [[1, 0, 0], [0, cos(pitch), -sin(pitch)], [0, sin(pitch), cos(pitch)]]
    by_roll = [[cos(roll), -sin(roll), 0], [sin(roll), cos(roll), 0], [0, 0, 1]]
    turn = np.array(by_yaw) @ np.array(by_pitch) @ np.array(by_roll)
    return np.asarray(points @ turn.T, np.float32)


def at(points: Points, x: float, y: float) -> Points:
    """The head in another place."""
    return np.asarray(points + np.array((x, y, 0)), np.float32)


def flat(points: Points) -> Points:
    """A picture of the head: no depth."""
    return np.asarray(points * (1, 1, 0), np.float32)


def seen(points: Points, distance: float = 500, focal_px: float = 600) -> Points:
    """As a camera sees it that far away: x and y in perspective, z as it is."""
    depth = points[:, 2:] + distance
    place = points[:, :2] / depth * focal_px + (320, 240)
    nearer = points[:, 2:] * focal_px / distance
    return np.asarray(np.concatenate([place, nearer], axis=1), np.float32)


def _depth(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((points[..., 0] ** 2 + points[..., 1] ** 2) / 80.0, np.float64)


def _place_eyes(points: NDArray[np.float64], eyes_open: float) -> None:
    outer, inner, lift = -45.0, -15.0, eyes_open * 15.0
    eye = {
        33: (outer, 0.0), 160: (-37, -lift), 158: (-23, -lift),
        133: (inner, 0.0), 153: (-23, lift), 144: (-37, lift),
    }  # fmt: skip
    for (right, left), (x, y) in zip(PAIRS[:6], eye.values(), strict=True):
        points[right] = (x, y - 20, 10)
        points[left] = (-x, y - 20, 10)
