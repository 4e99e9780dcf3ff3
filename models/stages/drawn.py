"""Tells a drawn face from a photographed one, by the shading of its skin.

Light models a real face: brightness changes a little everywhere. A drawing has areas of one colour
and lines between them, even where noise, a pattern or soft edges were added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.stages.images import BGRImage, FloatArray
    from models.stages.landmarks import Landmarks

# The outline of the face, in order. Source: mediapipe's FACEMESH_FACE_OVAL.
_OUTLINE = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
_WIDTH_PX = 80  # all faces are looked at in this width, so that limits mean the same
_MAX_HEIGHT_PX = 240
_SOFT_PX = 1.5  # below it is grain, which a drawing may have as well
_EDGE_PX = 7
_WINDOW_PX = 5


@dataclass(frozen=True)
class Shading:
    """How brightness changes over a face, over its contrast.

    Attributes:
        slope: of the softened face, at the place where a quarter of the face is flatter.
        relief: spread within a few pixels, at the place where half of the face is flatter.
    """

    slope: float
    relief: float


@dataclass(frozen=True)
class ShadingLimits:
    """What tells drawings apart. Source: docs/measurements/pictures.md.

    Attributes:
        flat_slope: a face with a slope below is drawn.
        min_slope: so is one below this slope,
        min_relief: or below this relief, unless
        sure_log_odds: the landmark model is at least as sure as this that it is a face.
    """

    flat_slope: float = 0.12
    min_slope: float = 0.30
    min_relief: float = 0.15
    sure_log_odds: float = 18.0


def is_drawn(
    picture_bgr: BGRImage, landmarks: Landmarks, limits: ShadingLimits | None = None
) -> bool:
    """Whether a face is a drawing; see `measure_shading` for the arguments."""
    bounds = limits or ShadingLimits()
    shading = measure_shading(picture_bgr, landmarks)
    is_weak = shading.slope < bounds.min_slope or shading.relief < bounds.min_relief
    is_unsure = landmarks.log_odds < bounds.sure_log_odds
    return shading.slope < bounds.flat_slope or (is_weak and is_unsure)


def measure_shading(picture_bgr: BGRImage, landmarks: Landmarks) -> Shading:
    """Measure a face; one that lies outside the picture has none.

    Args:
        picture_bgr: (H, W, 3) uint8, BGR. Not modified.
        landmarks: of the face, in the picture's pixels.
    """
    grey, inside = _face(picture_bgr, landmarks.points_px[list(_OUTLINE), :2])
    if not inside.any():
        return Shading(0.0, 0.0)
    contrast = float(grey[inside].std()) + 1e-3
    soft = cv2.GaussianBlur(grey, (0, 0), _SOFT_PX)
    slope = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
    window = (_WINDOW_PX, _WINDOW_PX)
    variance = cv2.blur(grey * grey, window) - np.square(cv2.blur(grey, window))
    relief = np.sqrt(np.maximum(variance, 0.0))
    return Shading(
        float(np.percentile(slope[inside], 25)) / contrast,
        float(np.median(relief[inside])) / contrast,
    )


def _face(picture_bgr: BGRImage, outline_px: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """The grey face in one width, float32, and which of its pixels are well inside the outline."""
    height_px, width_px = picture_bgr.shape[:2]
    start = np.clip(np.floor(outline_px.min(axis=0)), 0, (width_px, height_px)).astype(int)
    end = np.clip(np.ceil(outline_px.max(axis=0)), 0, (width_px, height_px)).astype(int)
    part = picture_bgr[start[1] : end[1], start[0] : end[0]]
    if min(part.shape[:2]) < 2:
        return np.zeros((1, 1), np.float32), np.zeros((1, 1), bool)
    scale = min(_WIDTH_PX / part.shape[1], _MAX_HEIGHT_PX / part.shape[0])
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = cv2.cvtColor(cv2.resize(part, size, interpolation=how), cv2.COLOR_BGR2GRAY)
    mask = np.zeros(grey.shape, np.uint8)
    corners: NDArray[np.int32] = ((outline_px - start) * scale).round().astype(np.int32)
    cv2.fillConvexPoly(mask, corners, (1,))
    eroded = cv2.erode(mask, np.ones((_EDGE_PX, _EDGE_PX), np.uint8), borderValue=(0,))
    return grey.astype(np.float32), eroded.astype(bool)
