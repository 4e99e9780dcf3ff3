"""Brightens a dim face before it is judged, so that poor light alone turns few people away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from models.stages.detect import Detection
    from models.stages.images import BGRImage

_MARGIN = 0.5
"""On each side of the box so much of its larger side is brightened too: Face Mesh looks at 1.5
times the box, turned with the head, and embedders at less."""


@dataclass(frozen=True, slots=True)
class LightLimits:
    """When and how far a face is brightened.

    Source: docs/measurements/degraded-faces.md.

    Attributes:
        dim_below: mean grey level of a face that is brightened, 0 to 255.
        aim: mean grey level that it gets, where the gain suffices.
        max_gain: most that pixels are multiplied by; beyond it noise outweighs the face.
    """

    dim_below: float = 80.0
    aim: float = 110.0
    max_gain: float = 6.0


@dataclass(frozen=True, slots=True)
class LitFrame:
    """A frame in which one face can be judged.

    Attributes:
        frame_bgr: (H, W, 3) uint8, BGR: the frame itself, or a copy with a brighter face.
        gain: what the face's pixels were multiplied by; 1 for the frame itself.
    """

    frame_bgr: BGRImage
    gain: float = 1.0


def brighten(frame_bgr: BGRImage, face: Detection, limits: LightLimits = LightLimits()) -> LitFrame:
    """Return the frame with a dim face brightened.

    Less light multiplies the values of a camera by a constant, before and after its gamma curve,
    so one gain takes it back.

    Args:
        frame_bgr: (H, W, 3) uint8, BGR. Not modified.
        face: detected in it.
        limits: when and how far.
    """
    level = brightness(frame_bgr, face)
    if not 0.0 < level < limits.dim_below:
        return LitFrame(frame_bgr)
    gain = min(limits.aim / level, limits.max_gain)
    rows, columns = _around(frame_bgr, face, _MARGIN)
    lit = frame_bgr.copy()
    lit[rows, columns] = cv2.convertScaleAbs(frame_bgr[rows, columns], alpha=gain)
    return LitFrame(lit, gain)


def brightness(frame_bgr: BGRImage, face: Detection) -> float:
    """Mean grey level of the visible part of a face's box, 0 to 255; 0 where none is visible."""
    rows, columns = _around(frame_bgr, face, 0.0)
    region = frame_bgr[rows, columns]
    if not region.size:
        return 0.0
    blue, green, red, _ = cv2.mean(region)
    return float(np.dot((blue, green, red), (0.114, 0.587, 0.299)))


def _around(frame_bgr: BGRImage, face: Detection, margin: float) -> tuple[slice, slice]:
    """Rows and columns of the box with a margin, as far as they are in the frame."""
    left, top, width, height = face.box_px
    wider = margin * max(width, height)
    most_y, most_x = frame_bgr.shape[:2]
    ends_y = sorted(int(min(max(y, 0), most_y)) for y in (top - wider, top + height + wider))
    ends_x = sorted(int(min(max(x, 0), most_x)) for x in (left - wider, left + width + wider))
    return slice(*ends_y), slice(*ends_x)
