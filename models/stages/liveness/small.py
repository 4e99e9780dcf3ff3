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
_NEWEST = 0.25  # weight of the newest frame in a blend


@dataclass(frozen=True)
class SmallView:
    """A frame, 320 pixels wide.

    Attributes:
        grey: (H, 320) uint8.
        scale: of its lengths to the frame's.
    """

    grey: GreyImage
    scale: float


def small_view(frame_grey: GreyImage) -> SmallView:
    """Make a frame small.

    Args:
        frame_grey: (H, W) uint8. Not modified.
    """
    scale = _WIDTH_PX / frame_grey.shape[1]
    size = (_WIDTH_PX, max(1, round(frame_grey.shape[0] * scale)))
    small = cv2.resize(frame_grey, size, interpolation=cv2.INTER_AREA)
    return SmallView(np.asarray(small, np.uint8), scale)


def grey_of(frame_bgr: BGRImage) -> GreyImage:
    """(H, W) of (H, W, 3) uint8, which is not modified."""
    return np.asarray(cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY), np.uint8)


class Blend:
    """The frames of the last third of a second as one: what stands still has sharper edges."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float32] | None = None
        self._scale = 1.0

    def add(self, view: SmallView) -> None:
        """Take a frame in."""
        if self._sum is None or self._sum.shape != view.grey.shape:
            self._sum = view.grey.astype(np.float32)
        cv2.accumulateWeighted(view.grey, self._sum, _NEWEST)
        self._scale = view.scale

    def view(self) -> SmallView:
        """What was taken in; at least one frame was.

        Raises:
            ValueError: nothing was taken in.
        """
        if self._sum is None:
            raise ValueError("no frame was taken in")
        return SmallView(np.asarray(cv2.convertScaleAbs(self._sum), np.uint8), self._scale)
