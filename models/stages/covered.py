"""Says how surely something covers the mouth of a face: a mask, a scarf, a veil, a hand.

Five numbers are measured; their weighted sum goes through the logistic function. The strongest is
how sure the landmark network is of the face, because it learned from bare faces. The others look
at a small upright picture of the face for what any covering changes: the colour of the lower half,
and the level lines that lips, nostrils and chin draw where a mouth must be. The fifth makes up for
a turned head, which the landmark network is less sure of.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.stages.align import shrink, similarity
from models.stages.images import cut_out
from models.stages.pose import head_pose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.stages.images import BGRImage, FloatArray
    from models.stages.landmarks import Landmarks

_SIDE_PX = 96
_ANCHORS = ((33, 133, 159, 145), (362, 263, 386, 374), (1,), (61,), (291,))
"""Mesh points of right eye, left eye, nose tip, right and left corner of the mouth."""
_PLACES = np.array([(33, 30), (63, 30), (48, 47), (36, 65), (60, 65)], np.float64)
"""Where their means come to lie, pixels."""
_UPPER = ((38, 58, 12, 22), (44, 52, 26, 36))
"""Left, right, top, bottom: forehead, between the brows."""
_LOWER = ((42, 54, 78, 86), (42, 54, 54, 59), (24, 34, 56, 66), (62, 72, 56, 66))
"""Chin, upper lip, right and left cheek."""
_EYES = ((24, 42, 24, 36), (54, 72, 24, 36))
_MOUTH_PART = (32, 64, 58, 74)
_MOUTH_LINES = (34, 62, 58, 74)


@dataclass(frozen=True, slots=True)
class CoverWeights:
    """Weights of the five measures of `cover_measures`, in its order.

    Source: python -m scripts.bench.covered_faces --fit; docs/measurements/covered-faces.md.
    """

    presence: float = -0.2486
    colour: float = 1.631
    contrast: float = -2.253
    direction: float = -3.983
    turn: float = -0.01496
    constant: float = -0.6319


WEIGHTS = CoverWeights()


def covered(frame_bgr: BGRImage, landmarks: Landmarks, weights: CoverWeights = WEIGHTS) -> float:
    """Return how surely the mouth is covered: 0 to 1, above 0.5 where it is.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        landmarks: of the face.
        weights: of the measures.
    """
    measured = cover_measures(frame_bgr, landmarks)
    if measured is None:
        return 0.0
    factors = (weights.presence, weights.colour, weights.contrast, weights.direction, weights.turn)
    logit = float(np.dot(measured, factors)) + weights.constant
    return 1.0 / (1.0 + exp(-min(max(logit, -30.0), 30.0)))


def cover_measures(frame_bgr: BGRImage, landmarks: Landmarks) -> FloatArray | None:
    """Measure what tells a covered mouth from a bare one.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        landmarks: of the face.

    Returns:
        (5,) float32: log odds of the landmark network, -30 to 30; logarithm of 1 and the distance,
        in a and b of CIE Lab, between the upper and the lower face; logarithm of the contrast of
        the mouth over that of the eyes; logarithm of the changes of brightness across level lines
        over those across upright ones, at the mouth; turn to either side, degrees. None where the
        points lie in one place.
    """
    view = _upright(frame_bgr, landmarks.points_px)
    if view is None:
        return None
    grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY).astype(np.float32)
    fine, coarse = (cv2.GaussianBlur(grey, (0, 0), spread) for spread in (1.0, 4.0))
    lines = np.asarray(fine - coarse, np.float32)
    eyes = np.concatenate([_part(lines, place).ravel() for place in _EYES]).std()
    mouth = _part(lines, _MOUTH_PART).std()
    down, across = (
        np.abs(_part(_slope(grey, *order), _MOUTH_LINES)).mean() for order in ((0, 1), (1, 0))
    )
    colour = np.log1p(_colour_step(view))
    contrast = np.log((mouth + 1.0) / (eyes + 1.0))
    direction = np.log((down + 2.0) / (across + 2.0))
    turn = abs(head_pose(landmarks.points_px).yaw_deg)
    return np.array([landmarks.log_odds, colour, contrast, direction, turn], np.float32)


def _upright(frame_bgr: BGRImage, points_px: FloatArray) -> BGRImage | None:
    """The face at a fixed size, eyes level: (96, 96, 3) uint8, BGR."""
    anchors = np.array([points_px[list(group), :2].mean(axis=0) for group in _ANCHORS])
    to_frame = similarity(_PLACES, anchors)
    if not np.hypot(to_frame[0, 0], to_frame[1, 0]) > 1e-3:
        return None
    frame, to_frame = shrink(frame_bgr, to_frame)
    return cut_out(frame, to_frame, (_SIDE_PX, _SIDE_PX), replicate=True)


def _slope(grey: NDArray[np.float32], across: int, down: int) -> NDArray[np.float32]:
    return np.asarray(cv2.Sobel(grey, cv2.CV_32F, across, down), np.float32)


def _colour_step(view_bgr: BGRImage) -> float:
    colours = view_bgr.astype(np.float32) / np.float32(255.0)
    lab = np.asarray(cv2.cvtColor(colours, cv2.COLOR_BGR2LAB), np.float32)
    upper, lower = (
        np.mean([_part(lab, place)[..., 1:].mean(axis=(0, 1)) for place in places], axis=0)
        for places in (_UPPER, _LOWER)
    )
    return float(np.linalg.norm(upper - lower))


def _part(picture: NDArray[np.float32], place: tuple[int, int, int, int]) -> NDArray[np.float32]:
    left, right, top, bottom = place
    return picture[top:bottom, left:right]
