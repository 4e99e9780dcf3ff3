"""Finds small faces too: a second look at overlapping parts of the picture.

A detector sees every picture at one size, so a face below about 8 % of the picture's longer side is
lost on it. In a tile of half that side the same face is twice as large. Pictures of a phone's size
hold faces that are small and yet sharp enough to embed: they are looked at in thirds as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.stages.detect import Detection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from models.stages.images import BGRImage

    DetectsEach = Callable[[Sequence[BGRImage]], Sequence[Sequence[Detection]]]

# Tiles of half, or a third, of the picture's sides, at every half of a tile: whatever lies on one's
# seam is in the middle of another.
_HALVES, _THIRDS = 2, 3
_THIRDS_FROM_PX = 2400  # longer side; below, a face that only a third shows has too few pixels
_MIN_TILE_PX = 64
MOST_SIGHTINGS = 9
"""How often one face may be found: in the whole picture, in four halves and in four thirds."""


def detect_thoroughly(detect: DetectsEach, picture_bgr: BGRImage) -> list[Detection]:
    """Look at the whole picture and at overlapping parts: nine, and 25 more of a large picture.

    Args:
        detect: finds the faces of each of several pictures.
        picture_bgr: (H, W, 3) uint8. Not modified.

    Returns:
        Boxes and keypoints in the picture's pixels; a face may be among them several times.
    """
    parts = [(0, 0, picture_bgr), *_tiles(picture_bgr)]
    seen = detect([part_bgr for _left, _top, part_bgr in parts])
    return [
        _moved(face, left, top)
        for (left, top, _part), faces in zip(parts, seen, strict=True)
        for face in faces
    ]


def _tiles(picture_bgr: BGRImage) -> Iterator[tuple[int, int, BGRImage]]:
    height, width = picture_bgr.shape[:2]
    if min(height, width) < 2 * _MIN_TILE_PX:
        return
    is_large = max(height, width) >= _THIRDS_FROM_PX
    for parts in (_HALVES, _THIRDS) if is_large else (_HALVES,):
        steps = [number / (2 * parts) for number in range(2 * parts - 1)]
        for top in (int(height * step) for step in steps):
            for left in (int(width * step) for step in steps):
                tile = picture_bgr[top : top + height // parts, left : left + width // parts]
                yield left, top, tile


def _moved(face: Detection, left: int, top: int) -> Detection:
    x, y, width, height = face.box_px
    keypoints = face.keypoints_px + np.array([left, top], np.float32)
    return Detection((x + left, y + top, width, height), keypoints, face.score)
