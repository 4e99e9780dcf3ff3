"""The picture and number types of the stages, and how a picture becomes a network's input."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import FrameError

if TYPE_CHECKING:
    from models.store import InputSpec

BGRImage = NDArray[np.uint8]
"""(H, W, 3) uint8, blue first, as OpenCV has it."""

FloatArray = NDArray[np.float32]
FloatVector = NDArray[np.float32]
"""(D,) float32."""

Affine = NDArray[np.float64]
"""(2, 3): maps (x, y, 1) to (x, y); coordinates name pixel centres, the first being (0, 0)."""


def check_frame(frame_bgr: BGRImage) -> None:
    """Refuse what is not a picture.

    Raises:
        FrameError: not (H, W, 3) uint8, or empty.
    """
    if frame_bgr.dtype != np.uint8 or frame_bgr.ndim != 3 or frame_bgr.shape[2] != 3:
        raise FrameError(f"not a (H, W, 3) uint8 picture: {frame_bgr.dtype} {frame_bgr.shape}")
    if frame_bgr.size == 0:
        raise FrameError("the picture has no pixels")


def cut_out(
    frame_bgr: BGRImage, to_frame: Affine, size_px: tuple[int, int], *, replicate: bool
) -> BGRImage:
    """Sample a rotated and scaled window of a frame.

    Args:
        frame_bgr: (H, W, 3) uint8. Not modified.
        to_frame: maps the window's pixels to the frame's.
        size_px: width, height of the window.
        replicate: outside the frame, repeat its edge; otherwise black.

    Returns:
        (height, width, 3) uint8, BGR.
    """
    border = cv2.BORDER_REPLICATE if replicate else cv2.BORDER_CONSTANT
    window = cv2.warpAffine(
        frame_bgr,
        to_frame,
        size_px,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    return cast("BGRImage", window)


def shrunk(picture_bgr: BGRImage, part: int) -> BGRImage:
    """Make a picture smaller, every pixel the mean of those it stands for.

    Args:
        picture_bgr: (H, W, 3) uint8. Not modified.
        part: by how much its sides are divided, rounded up; 1 returns the picture itself.
    """
    if part == 1:
        return picture_bgr
    height_px, width_px = (-(-side // part) for side in picture_bgr.shape[:2])
    small = cv2.resize(picture_bgr, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return cast("BGRImage", small)


class Normaliser:
    """Turns a BGR picture into a network's input through one table of 256 values a channel."""

    def __init__(self, spec: InputSpec) -> None:
        """Make the table.

        Args:
            spec: the card's [input].
        """
        self._swap = spec.channels == "RGB"
        self._shape = (1, spec.height_px, spec.width_px, 3)
        levels = np.arange(256, dtype=np.float64)[:, None, None]
        self._table = ((levels - spec.mean) / spec.scale).astype(np.float32)

    def __call__(self, picture_bgr: BGRImage) -> FloatArray:
        """Normalise a picture of the network's size.

        Returns:
            (1, height, width, 3) float32, in the card's channel order.
        """
        picture = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2RGB) if self._swap else picture_bgr
        return cast("FloatArray", cv2.LUT(picture, self._table)).reshape(self._shape)
