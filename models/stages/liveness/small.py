"""A frame made small and grey once, for all cues that need no more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.stages.images import BGRImage

GreyImage = NDArray[np.uint8]
"""(H, W) uint8."""
_WIDTH_PX = 320


@dataclass(frozen=True)
class SmallView:
    """A frame, 320 pixels wide.

    Attributes:
        grey: (H, 320) uint8.
        scale: of its lengths to the frame's.
    """

    grey: GreyImage
    scale: float


def small_view(frame_bgr: BGRImage) -> SmallView:
    """Make a frame small.

    Args:
        frame_bgr: (H, W, 3) uint8. Not modified.
    """
    scale = _WIDTH_PX / frame_bgr.shape[1]
    size = (_WIDTH_PX, max(1, round(frame_bgr.shape[0] * scale)))
    small = cv2.resize(frame_bgr, size, interpolation=cv2.INTER_AREA)
    return SmallView(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8), scale)
