"""Turns pictures upright: swaps left and right, rotates by quarter turns."""

from collections.abc import Callable

import cv2
import numpy as np

from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.ports import BGRImage, Frame, FrameSource

_ROTATIONS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


def turned(picture_bgr: BGRImage, clockwise_deg: int, *, is_mirrored: bool = False) -> BGRImage:
    """Undo a mirror, then turn a picture clockwise.

    A camera mirrors along its own sensor, so the mirror comes first.

    Args:
        picture_bgr: (H, W, 3) uint8. Not modified.
        clockwise_deg: 0, 90, 180 or 270.
        is_mirrored: left and right of the picture are swapped.

    Returns:
        (H, W, 3) uint8, or (W, H, 3) for 90 and 270; the same array where nothing is to be done.

    Raises:
        ValueError: another angle.
    """
    picture = np.asarray(cv2.flip(picture_bgr, 1), np.uint8) if is_mirrored else picture_bgr
    if clockwise_deg == 0:
        return picture
    if clockwise_deg not in _ROTATIONS:
        raise ValueError(f"pictures are turned by 0, 90, 180 or 270 degrees, not {clockwise_deg}")
    return np.asarray(cv2.rotate(picture, _ROTATIONS[clockwise_deg]), np.uint8)


class TurnedFrameSource:
    """A frame source whose pictures are turned as they are read.

    Args:
        source: of the pictures.
        wanted: asked for each picture how it is turned.
    """

    def __init__(self, source: FrameSource, wanted: Callable[[], CameraTurn]) -> None:
        self._source = source
        self._wanted = wanted

    @property
    def skipped_count(self) -> int:
        """See ``FrameSource.skipped_count``."""
        return self._source.skipped_count

    def read(self) -> Frame | None:
        """Read and turn the next frame; see ``FrameSource.read``."""
        frame = self._source.read()
        if frame is None:
            return None
        turn = self._wanted()
        picture = turned(frame.frame_bgr, turn.rotation_deg, is_mirrored=turn.is_mirrored)
        return Frame(picture, frame.captured_at_s, frame.index)

    def close(self) -> None:
        """Let go of the source."""
        self._source.close()
