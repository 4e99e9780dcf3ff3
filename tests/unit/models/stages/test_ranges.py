"""Each detector is believed in its own range."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.stages.detect import Detection
from models.stages.ranges import TwoRangeDetector, is_same_face

if TYPE_CHECKING:
    from models.stages.images import BGRImage

FRAME = np.zeros((480, 640, 3), np.uint8)


@dataclass
class Finds:
    """A detector that finds what it is told to."""

    faces: list[Detection] = field(default_factory=list)

    def detect(self, _frame_bgr: BGRImage) -> list[Detection]:
        return self.faces


def face(left: float, side: float, score: float = 0.9) -> Detection:
    return Detection((left, 100.0, side, side), np.zeros((6, 2), np.float32), score)


def test_a_near_face_is_the_near_detectors() -> None:
    near, far = face(100, 200, 0.8), face(110, 190, 0.9)

    assert TwoRangeDetector(Finds([near]), Finds([far])).detect(FRAME) == [near]


def test_a_distant_face_is_the_far_detectors() -> None:
    near, far = face(100, 60), face(105, 55)

    assert TwoRangeDetector(Finds([near]), Finds([far])).detect(FRAME) == [far]


def test_all_faces_are_found_surest_first() -> None:
    near, far, lone = face(100, 200, 0.7), face(400, 60, 0.8), face(500, 300, 0.6)

    found = TwoRangeDetector(Finds([near]), Finds([far, lone])).detect(FRAME)

    assert found == [far, near, lone]


def test_boxes_on_each_other_are_one_face() -> None:
    assert is_same_face(face(100, 200), face(150, 90))
    assert not is_same_face(face(100, 100), face(170, 100))
    assert not is_same_face(face(100, 100), face(300, 100))


@dataclass
class Unasked:
    """A detector that must not be asked."""

    def detect(self, _frame_bgr: BGRImage) -> list[Detection]:
        raise AssertionError("the near detector was asked")


def test_near_faces_are_not_looked_for_where_all_are_surely_far() -> None:
    far = [face(100, 60), face(300, 95, 0.7)]

    assert TwoRangeDetector(Unasked(), Finds(far)).detect(FRAME) == far


@pytest.mark.parametrize(
    "far",
    [[], [face(100, 60, 0.69)], [face(100, 97)], [face(100, 60), face(300, 120)]],
    ids=["none", "unsure", "almost near", "one of two almost near"],
)
def test_near_faces_are_looked_for_where_the_far_detector_may_be_wrong(
    far: list[Detection],
) -> None:
    near = face(400, 200)

    assert near in TwoRangeDetector(Finds([near]), Finds(far)).detect(FRAME)
