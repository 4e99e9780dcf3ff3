"""Joins a detector for near faces with one for all distances, each where it is the better one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from models.stages.detect import Detection
    from models.stages.images import BGRImage

# Source: scripts/bench/verification.py on LFW, as it is and at half size in a 640x480 frame; below,
# the short-range network's boxes are too loose for the landmarks, above, the full-range one's are.
_NEAR_SHARE = 0.2
_SAME_FACE_SHARE = 0.5
# Source: docs/accelerators.md, every sixth LFW photo at four sizes in a 640x480 frame: where all
# faces of the full-range network are this sure and this small, the other one never found another.
_SURE_SCORE = 0.7
_CLEARLY_FAR = 0.75 * _NEAR_SHARE


class Detector(Protocol):
    """Finds faces."""

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """Find the faces of a frame, surest first; see `FaceDetector.detect`."""


class TwoRangeDetector:
    """Takes near faces from one detector and all other faces from the other.

    Where the other one has found faces, is sure of all of them and they are clearly far away, the
    detector for near faces is not asked.
    """

    def __init__(self, near: Detector, far: Detector) -> None:
        """Join two detectors.

        Args:
            near: believed for faces larger than a fifth of the frame.
            far: believed for the rest.
        """
        self._near = near
        self._far = far

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """Find the faces of a frame, surest first; see `FaceDetector.detect`."""
        longer_px = max(frame_bgr.shape[:2])
        least_px = longer_px * _NEAR_SHARE
        far = self._far.detect(frame_bgr)
        if far and all(_is_surely_far(face, longer_px) for face in far):
            return far
        near = [face for face in self._near.detect(frame_bgr) if max(face.box_px[2:]) >= least_px]
        rest = [face for face in far if not any(is_same_face(face, other) for other in near)]
        return sorted(near + rest, key=lambda face: face.score, reverse=True)


def _is_surely_far(face: Detection, longer_px: int) -> bool:
    return face.score >= _SURE_SCORE and max(face.box_px[2:]) < longer_px * _CLEARLY_FAR


def is_same_face(one: Detection, other: Detection) -> bool:
    """Whether two boxes lie on each other: they share half of the smaller one."""
    (left, top, width, height), (left2, top2, width2, height2) = one.box_px, other.box_px
    shared_width = min(left + width, left2 + width2) - max(left, left2)
    shared_height = min(top + height, top2 + height2) - max(top, top2)
    if shared_width <= 0 or shared_height <= 0:
        return False
    smaller = min(one.area_px, other.area_px)
    return shared_width * shared_height >= smaller * _SAME_FACE_SHARE
