"""Whether the skin of a face moves as one plane, as a picture's does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from models.stages.liveness.planarity import plane_offsets

if TYPE_CHECKING:
    from models.stages.images import FloatArray
    from models.stages.liveness.small import GreyImage

Points = NDArray[np.float32]
_WIDTH_PX = 96.0  # a larger face is made so small
_MARGIN = 1.3  # face widths on a side of what is cut out
_CORNERS, _LEAST = 48, 16
_MAX_RETURN_PX = 0.5  # a corner followed there and back ends this near to where it began
_KEPT = 0.88  # of the points, twice; the worst are lost ones


class FaceTexture:
    """Follows fine corners on a face from one frame on. Keeps one small cut-out of it."""

    def __init__(self, frame_grey: GreyImage, points_px: FloatArray) -> None:
        """Choose corners.

        Args:
            frame_grey: of full size. Not modified, not kept.
            points_px: (468, 3) of the face in it.
        """
        self._width_px = max(float(np.ptp(points_px[:, 0])), 1.0)
        self._grey, shift = self._cut(frame_grey, points_px)
        mask = np.zeros_like(self._grey)
        outline = (points_px[:, :2] - shift) * self._scale
        cv2.fillConvexPoly(mask, cv2.convexHull(outline.astype(np.int32)), (255,))
        mask = np.asarray(cv2.erode(mask, np.ones((5, 5), np.uint8)), np.uint8)
        found: object = cv2.goodFeaturesToTrack(
            self._grey, _CORNERS, 0.01, 4, mask=mask, blockSize=3
        )
        found = () if found is None else found
        self._start: Points = np.asarray(found, np.float32).reshape(-1, 1, 2)

    @property
    def _scale(self) -> float:
        return min(1.0, _WIDTH_PX / self._width_px)

    def residual(self, frame_grey: GreyImage, points_px: FloatArray) -> float:
        """What the best homography to a later frame leaves over.

        Args:
            frame_grey: of full size. Not modified, not kept.
            points_px: (468, 3) of the face in it.

        Returns:
            rms in face widths, 0 for a plane without noise; NaN where too little can be followed.
        """
        if len(self._start) < _LEAST:
            return float("nan")
        grey, _ = self._cut(frame_grey, points_px)
        ends, found, _ = cv2.calcOpticalFlowPyrLK(
            self._grey, grey, self._start, self._start.copy(), winSize=(9, 9), maxLevel=2
        )
        back, returned, _ = cv2.calcOpticalFlowPyrLK(
            grey, self._grey, ends, ends.copy(), winSize=(9, 9), maxLevel=2
        )
        off_px = np.linalg.norm((back - self._start)[:, 0], axis=1)
        kept = (found[:, 0] == 1) & (returned[:, 0] == 1) & (off_px < _MAX_RETURN_PX)
        if np.count_nonzero(kept) < _LEAST:
            return float("nan")
        left_px = _trimmed(self._start[kept][:, 0], np.asarray(ends[kept][:, 0], np.float32))
        return left_px / (self._width_px * self._scale)

    def _cut(self, frame_grey: GreyImage, points_px: FloatArray) -> tuple[GreyImage, Points]:
        """The face, at this track's scale and size, and where its corner lies in the frame.

        What lies beyond the frame is black.
        """
        low, high = points_px[:, :2].min(axis=0), points_px[:, :2].max(axis=0)
        side = min(max(round(self._width_px * _MARGIN), 1), 2 * max(frame_grey.shape))
        left, top = (int(value) for value in np.round((low + high) / 2 - side / 2))
        whole = np.zeros((side, side), np.uint8)
        rows = slice(max(top, 0), min(max(top + side, 0), frame_grey.shape[0]))
        columns = slice(max(left, 0), min(max(left + side, 0), frame_grey.shape[1]))
        part = frame_grey[rows, columns]
        if part.size:
            down, right = rows.start - top, columns.start - left
            whole[down : down + part.shape[0], right : right + part.shape[1]] = part
        if self._scale < 1.0:
            small = max(round(side * self._scale), 1)
            whole = np.asarray(
                cv2.resize(whole, (small, small), interpolation=cv2.INTER_AREA), np.uint8
            )
        return whole, np.array([left, top], np.float32)


def _trimmed(start: Points, ends: Points) -> float:
    """Rms over the best points after two fits of a plane, the second without the worst."""
    middle, size = start.mean(axis=0), max(float(np.ptp(start)), 1.0)
    first = np.asarray((start - middle) / size, np.float64)
    last = np.asarray((ends - middle) / size, np.float64)
    for _ in range(2):
        off = plane_offsets(first, last[None])[0]
        best = np.sort(np.argsort(off, kind="stable")[: int(_KEPT * len(off))])
        first, last = first[best], last[best]
    off = plane_offsets(first, last[None])[0]
    return float(np.sqrt((off**2).mean())) * size
