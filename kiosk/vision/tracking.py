"""Follows faces from frame to frame by the overlap of their boxes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

Box = tuple[float, float, float, float]
"""Left, top, width, height in frame pixels; width and height > 0."""


def overlap(first: Box, second: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (first[2] * first[3] + second[2] * second[3] - shared)


@dataclass(slots=True)
class Tracker:
    """Gives each face in view a number that stays with it.

    Attributes:
        min_overlap: less than this is another face, 0..1.
        forget_s: a face unseen for so long gets a new number when it comes back.
    """

    min_overlap: float = 0.3
    forget_s: float = 0.7
    _boxes: dict[int, tuple[Box, float]] = field(default_factory=dict)
    _last_id: int = 0

    def update(self, boxes: Sequence[Box], at_s: float) -> list[int]:
        """Number the boxes of a frame taken at ``at_s`` (monotonic), best overlaps first.

        Returns:
            One track id per box, all different.
        """
        self._boxes = {
            track: seen for track, seen in self._boxes.items() if at_s - seen[1] <= self.forget_s
        }
        ids: list[int | None] = [None] * len(boxes)
        for _, index, track in self._pairs(boxes):
            if ids[index] is None and track not in ids:
                ids[index] = track
        numbered = [self._new_id() if track is None else track for track in ids]
        for track, box in zip(numbered, boxes, strict=True):
            self._boxes[track] = (box, at_s)
        return numbered

    def renumber(self, track_id: int) -> int:
        """Somebody else stands where this track was: forget it and number the new face."""
        seen = self._boxes.pop(track_id)
        new_id = self._new_id()
        self._boxes[new_id] = seen
        return new_id

    @property
    def known(self) -> frozenset[int]:
        """Tracks that are in view or not yet forgotten."""
        return frozenset(self._boxes)

    def _pairs(self, boxes: Sequence[Box]) -> list[tuple[float, int, int]]:
        pairs = [
            (overlap(box, seen[0]), index, track)
            for index, box in enumerate(boxes)
            for track, seen in self._boxes.items()
        ]
        return sorted((pair for pair in pairs if pair[0] >= self.min_overlap), reverse=True)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id
