"""Motion of what is around a face: a room stands still, a sheet or a screen moves with the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import FloatArray
    from models.stages.liveness.limits import LivenessLimits
    from models.stages.liveness.small import GreyImage, SmallView

Floats = NDArray[np.float64]
Points = NDArray[np.float32]

_CELL_PX = 16  # and at most one corner followed in each square of this side
_MIN_EIGENVALUE = 3e-4  # of OpenCV's corner measure; noise and shades of a plain wall stay below
_NEAR, _FAR = 16, 10  # corners followed
_LEAST = 4  # corners that must have been found again
_NEAR_WIDTHS = 3.5  # face widths from its centre; beyond is the rest of the room
_MAX_ERROR = 15.0  # grey levels a pixel; a corner that looks so different is lost
_ANCHOR_S = 0.5  # motion is measured from a frame this old at most
_ANCHOR_WIDTHS = 0.4  # or until the face has moved as far
_OVAL = (10, 152, 234, 454)  # forehead, chin, right and left cheek


@dataclass(frozen=True)
class Flow:
    """How far things moved since the frame it is measured from, in face widths.

    Attributes:
        face: the face's centre.
        near: the middle one of what is nearest around the face, head and body left out; NaN
            where too little can be followed.
        far: the middle one of the rest of the room; NaN likewise.
    """

    face: float
    near: float
    far: float


@dataclass(frozen=True)
class _Anchor:
    """The frame motion is measured from."""

    time_s: float
    grey: GreyImage
    centre: Points
    width: float
    near: Points
    far: Points


class SurroundingsWatch:
    """Follows corners around one face. Keeps one small grey frame, and no other."""

    def __init__(self) -> None:
        self._anchor: _Anchor | None = None

    def look(self, time_s: float, view: SmallView, points_px: FloatArray) -> Flow | None:
        """Measure a frame.

        Args:
            time_s: of the frame, rising.
            view: the frame made small. Kept for half a second.
            points_px: (468, 3) of the face in the frame.

        Returns:
            None for a frame that others will be measured from.
        """
        grey = view.grey
        oval = points_px[list(_OVAL), :2].astype(np.float32) * np.float32(view.scale)
        centre = oval.mean(axis=0)
        anchor = self._anchor
        if anchor is None or _is_spent(anchor, time_s, centre):
            size = (max(float(np.ptp(oval[:, 0])), 1.0), max(float(np.ptp(oval[:, 1])), 1.0))
            near, far = _choose(grey, centre, size)
            self._anchor = _Anchor(time_s, grey, centre, size[0], near, far)
            return None
        return _measure(anchor, grey, centre)


def surroundings_motion(
    flows: Sequence[Flow], limits: LivenessLimits
) -> tuple[float, float] | None:
    """How much what is around the face moves, and how much the far view does.

    Args:
        flows: of a track.
        limits: how many there must be.

    Returns:
        Two medians over time in face widths, of the near and of the far (NaN where it cannot be
        followed); None without enough of the near.
    """
    near = np.array([flow.near for flow in flows if np.isfinite(flow.near)], np.float64)
    far = np.array([flow.far for flow in flows if np.isfinite(flow.far)], np.float64)
    if len(near) < limits.min_surroundings_samples:
        return None
    return float(np.median(near)), float(np.median(far)) if len(far) else float("nan")


def _is_spent(anchor: _Anchor, time_s: float, centre: Points) -> bool:
    moved = float(np.linalg.norm(centre - anchor.centre)) / anchor.width
    return time_s - anchor.time_s > _ANCHOR_S or moved > _ANCHOR_WIDTHS


def _choose(grey: GreyImage, centre: Points, size: tuple[float, float]) -> tuple[Points, Points]:
    """Corners worth following: the nearest around head and body, and the furthest."""
    corners = _corners(grey)
    across, down = (
        np.abs(corners[:, 0] - centre[0]) / size[0],
        (corners[:, 1] - centre[1]) / size[1],
    )
    in_head = (across < 0.72) & (down > -0.9)
    in_body = (across < 2.0) & (down > 0.45)
    away = np.hypot(across, down * size[1] / size[0])
    order = np.argsort(away, kind="stable")
    order = order[~(in_head | in_body)[order]]
    is_near = away[order] < _NEAR_WIDTHS
    near, far = order[is_near][:_NEAR], order[~is_near][-_FAR:]
    return corners[near].reshape(-1, 1, 2), corners[far].reshape(-1, 1, 2)


def _corners(grey: GreyImage) -> Points:
    """(N, 2) x, y of the best corner of each cell that has one."""
    strength = cv2.cornerMinEigenVal(grey, 5)
    rows, columns = grey.shape[0] // _CELL_PX, grey.shape[1] // _CELL_PX
    cells = strength[: rows * _CELL_PX, : columns * _CELL_PX]
    cells = cells.reshape(rows, _CELL_PX, columns, _CELL_PX).transpose(0, 2, 1, 3)
    flat = cells.reshape(rows * columns, _CELL_PX * _CELL_PX)
    best = flat.argmax(axis=1)
    cell = np.arange(rows * columns)
    y = cell // columns * _CELL_PX + best // _CELL_PX
    x = cell % columns * _CELL_PX + best % _CELL_PX
    chosen = flat[cell, best] > _MIN_EIGENVALUE
    return np.asarray(np.stack([x[chosen], y[chosen]], axis=1), np.float32)


def _measure(anchor: _Anchor, grey: GreyImage, centre: Points) -> Flow:
    face = float(np.linalg.norm(centre - anchor.centre)) / anchor.width
    start = np.concatenate([anchor.near, anchor.far])
    if not len(start):
        return Flow(face, float("nan"), float("nan"))
    ends, found, errors = cv2.calcOpticalFlowPyrLK(
        anchor.grey, grey, start, start.copy(), winSize=(11, 11), maxLevel=2
    )
    lengths = np.asarray(np.linalg.norm((ends - start)[:, 0], axis=1), np.float32) / anchor.width
    kept, split = (found[:, 0] == 1) & (errors[:, 0] < _MAX_ERROR), len(anchor.near)
    return Flow(
        face, _middle(lengths[:split][kept[:split]]), _middle(lengths[split:][kept[split:]])
    )


def _middle(lengths: NDArray[np.float32]) -> float:
    """The median, NaN of too few."""
    return float(np.median(lengths)) if len(lengths) >= _LEAST else float("nan")
