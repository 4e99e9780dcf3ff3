"""Motion of a face and of what is around it: a room stands still, a sheet moves with the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.stages.images import FloatArray
    from models.stages.liveness.small import GreyImage, SmallView

Points = NDArray[np.float32]
"""(N, 2) x, y."""

_CELL_PX = 16  # and at most one corner followed in each square of this side
_MIN_EIGENVALUE = 3e-4  # of OpenCV's corner measure; noise and shades of a plain wall stay below
_NEAR, _FAR, _FACE = 24, 12, 16  # corners followed
_ON_FACE, _LEFT, _RIGHT, _FAR_OFF = range(4)
_LEAST = 4  # corners that must have been found again
_LEAST_A_SIDE = 3
_NEAR_WIDTHS = 3.5  # face widths from its centre; beyond is the rest of the room
_FEW, _BARE_WIDTHS = 8, 5.0  # before a wall with so few corners, as far as this
_FACE_PART = 0.42  # of the face's width and height, to each side of its centre
_MAX_ERROR = 15.0  # grey levels a pixel; a corner that looks so different is lost
_OVAL = (10, 152, 234, 454)  # forehead, chin, right and left cheek


@dataclass(frozen=True)
class Flow:
    """How far things moved since the frame it is measured from, in face widths.

    Each is the length of the middle vector of a group of corners, NaN where too few of it can be
    followed.

    Attributes:
        face: the face against what is nearest around it.
        near: what is nearest around the face; head and body left out.
        carried: the side of it, left or right of the face, that moved less; 0 where they moved
            against each other, as an arm does that is raised before a wall; NaN unless both are
            followed.
        far: the rest of the room.
    """

    face: float
    near: float
    carried: float
    far: float


class SurroundingsWatch:
    """Follows corners in and around one face, from one frame on. Keeps one small grey frame."""

    def __init__(self, view: SmallView, points_px: FloatArray) -> None:
        """Choose what to follow.

        Args:
            view: the frame made small. Kept.
            points_px: (468, 3) of the face in the frame.
        """
        self._grey = view.grey
        self._centre, size = face_place(view, points_px)
        self.width_px = size[0]
        near, far = _choose(view.grey, self._centre, size)
        face = _face_corners(view.grey, self._centre, size)
        self._start = np.concatenate([face, near, far]).reshape(-1, 1, 2)
        is_left = near[:, 0] < self._centre[0]
        groups = (
            np.full(len(face), _ON_FACE),
            np.where(is_left, _LEFT, _RIGHT),
            np.full(len(far), _FAR_OFF),
        )
        self._kinds = np.concatenate(groups).astype(np.int8)

    def moved(self, view: SmallView, points_px: FloatArray) -> float:
        """How far the face's centre has moved, in face widths."""
        centre, _ = face_place(view, points_px)
        return float(np.linalg.norm(centre - self._centre)) / self.width_px

    def look(self, view: SmallView) -> Flow:
        """Measure a later frame.

        Args:
            view: the frame made small.
        """
        if not len(self._start):
            return Flow(*(float("nan"),) * 4)
        ends, found, errors = cv2.calcOpticalFlowPyrLK(
            self._grey, view.grey, self._start, self._start.copy(), winSize=(11, 11), maxLevel=2
        )
        vectors = (ends - self._start)[:, 0] / self.width_px
        kept = (found[:, 0] == 1) & (errors[:, 0] < _MAX_ERROR)
        return _flow(vectors[kept], self._kinds[kept])


def face_place(view: SmallView, points_px: FloatArray) -> tuple[Points, tuple[float, float]]:
    """(2,) the face's centre, and its width and height, in pixels of the small frame."""
    oval = points_px[list(_OVAL), :2].astype(np.float32) * np.float32(view.scale)
    width, height = (max(float(np.ptp(oval[:, axis])), 1.0) for axis in (0, 1))
    return np.asarray(oval.mean(axis=0), np.float32), (width, height)


def _flow(vectors: Points, kinds: NDArray[np.int8]) -> Flow:
    left, right = vectors[kinds == _LEFT], vectors[kinds == _RIGHT]
    near = _middle(np.concatenate([left, right]), _LEAST)
    far = _middle(vectors[kinds == _FAR_OFF], _LEAST)
    face = _middle(vectors[kinds == _ON_FACE], _LEAST) - near
    lengths = (float(np.linalg.norm(middle)) for middle in (face, near, far))
    face_moved, near_moved, far_moved = lengths
    sides = _middle(left, _LEAST_A_SIDE), _middle(right, _LEAST_A_SIDE)
    return Flow(face_moved, near_moved, _together(*sides), far_moved)


def _together(one: Points, other: Points) -> float:
    """The shorter of two vectors that point the same way, 0 where they do not; NaN of NaN."""
    along = float(one @ other)
    if np.isnan(along):
        return along
    return float(min(np.linalg.norm(one), np.linalg.norm(other))) if along > 0 else 0.0


def _middle(vectors: Points, least: int) -> Points:
    """(2,) the medians, NaN of too few."""
    count = len(vectors)
    if count < least:
        return np.full(2, np.nan, np.float32)
    ordered = np.sort(vectors, axis=0)  # faster than np.median for so few
    return np.asarray((ordered[(count - 1) // 2] + ordered[count // 2]) / 2, np.float32)


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
    if np.count_nonzero(is_near) < _FEW:
        is_near = away[order] < _BARE_WIDTHS
    return corners[order[is_near][:_NEAR]], corners[order[~is_near][-_FAR:]]


def _face_corners(grey: GreyImage, centre: Points, size: tuple[float, float]) -> Points:
    """(N, 2) corners within the face."""
    half = np.array(size) * _FACE_PART
    left, top = (int(value) for value in np.maximum(centre - half, 0))
    right, bottom = (int(value) for value in np.maximum(centre + half, 0))
    part = grey[top:bottom, left:right]
    if min(part.shape) < 8:
        return np.zeros((0, 2), np.float32)
    found = cv2.goodFeaturesToTrack(part, _FACE, 0.02, 3, blockSize=3)
    if found is None:
        return np.zeros((0, 2), np.float32)
    return np.asarray(found[:, 0] + (left, top), np.float32)


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
