"""Finds small faces too: a second look at overlapping parts of the picture.

A detector sees every picture at one size, so a face below about 8 % of the picture's longer side is
lost on it. In a tile of half that side the same face is twice as large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from models.stages.detect import Detection
from models.stages.ranges import is_same_face

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models.stages.images import BGRImage

Face = TypeVar("Face")
# Tiles of half the picture's sides, at every quarter: whatever lies on one's seam is in the middle
# of another.
_STEPS = (0.0, 0.25, 0.5)
_MIN_TILE_PX = 64


def detect_thoroughly(
    detect: Callable[[BGRImage], Sequence[Detection]], picture_bgr: BGRImage
) -> list[Detection]:
    """Look at the whole picture and at nine overlapping quarters of it.

    Args:
        detect: finds faces in one picture.
        picture_bgr: (H, W, 3) uint8. Not modified.

    Returns:
        Boxes and keypoints in the picture's pixels; a face may be among them several times.
    """
    found = list(detect(picture_bgr))
    for left, top, tile_bgr in _tiles(picture_bgr):
        found += [_moved(face, left, top) for face in detect(tile_bgr)]
    return found


def each_once(faces: Sequence[Face], detection_of: Callable[[Face], Detection]) -> list[Face]:
    """Keep the surest of the detections that are one face.

    Args:
        faces: in any order.
        detection_of: gives a face's detection.
    """
    kept: list[Face] = []
    for face in sorted(faces, key=lambda each: -detection_of(each).score):
        box = detection_of(face)
        if not any(is_same_face(box, detection_of(other)) for other in kept):
            kept.append(face)
    return kept


def _tiles(picture_bgr: BGRImage) -> Iterator[tuple[int, int, BGRImage]]:
    height, width = picture_bgr.shape[:2]
    if min(height, width) < 2 * _MIN_TILE_PX:
        return
    for top in (int(height * step) for step in _STEPS):
        for left in (int(width * step) for step in _STEPS):
            tile = picture_bgr[top : top + height // 2, left : left + width // 2]
            yield left, top, np.ascontiguousarray(tile)


def _moved(face: Detection, left: int, top: int) -> Detection:
    x, y, width, height = face.box_px
    keypoints = face.keypoints_px + np.array([left, top], np.float32)
    return Detection((x + left, y + top, width, height), keypoints, face.score)
