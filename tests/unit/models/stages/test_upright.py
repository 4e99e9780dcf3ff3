"""Faces say which way up a picture is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.pipeline import FacePipeline, PipelineSettings
from models.stages.detect import Detection
from models.stages.landmarks import Landmarks
from models.stages.upright import (
    Uprightness,
    faces_in,
    find_turn,
    is_clearly_upright,
    judge,
    turned,
)
from models.store import default_store

if TYPE_CHECKING:
    from pathlib import Path

    from models.stages.images import BGRImage

Photo = Callable[[str], "BGRImage"]
PICTURE = np.zeros((100, 100, 3), np.uint8)
SURE = Uprightness(1.8, is_sure=True)
UPRIGHT = Uprightness(0.9, is_sure=False)
NOT = Uprightness(0.0, is_sure=False)
PORTRAITS = ["person-1-a.jpg", "person-1-b.jpg", "person-2-a.jpg"]


@pytest.fixture(scope="module")
def pipeline(assets: Path) -> FacePipeline:
    del assets
    return FacePipeline.open(default_store(), PipelineSettings())


@pytest.mark.parametrize("name", PORTRAITS)
@pytest.mark.parametrize("quarters", range(4))
def test_a_portrait_is_turned_back(
    pipeline: FacePipeline, photo: Photo, name: str, quarters: int
) -> None:
    picture = turned(photo(name), quarters)

    assert find_turn(pipeline, picture) == -quarters % 4


@pytest.mark.parametrize("name", PORTRAITS)
def test_only_the_upright_portrait_is_clearly_upright(
    pipeline: FacePipeline, photo: Photo, name: str
) -> None:
    seen = [faces_in(pipeline, turned(photo(name), quarters)) for quarters in range(4)]

    assert [is_clearly_upright(faces) for faces in seen] == [True, False, False, False]


def test_a_picture_without_a_face_has_no_turn(pipeline: FacePipeline) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), dtype=np.uint8)

    assert find_turn(pipeline, noise) is None


@dataclass
class _Models:
    """The landmarks of a face are surer one way up than the other."""

    presence: dict[bool, float]
    runs: list[bool] = field(default_factory=list)

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        del frame_bgr
        return []

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks:
        del frame_bgr
        is_as_detected = bool(detection.keypoints_px[0, 1] < 50)
        self.runs.append(is_as_detected)
        return Landmarks(np.zeros((468, 3), np.float32), self.presence[is_as_detected])


def _face(score: float, roll_deg: float = 0.0) -> Detection:
    turn = np.radians(roll_deg)
    away = np.array([np.cos(turn), np.sin(turn)], np.float32) * 10
    eyes = np.array([50, 40], np.float32) + np.stack([-away, away])
    return Detection((20.0, 20.0, 60.0, 60.0), np.concatenate([eyes, np.full((4, 2), 60.0)]), score)


def _judged(detection: Detection, as_detected: float, other: float) -> Uprightness:
    models = _Models({True: as_detected, False: other})
    landmarks = Landmarks(np.zeros((468, 3), np.float32), as_detected)
    return judge(models, PICTURE, detection, landmarks)


def test_landmarks_that_are_surer_the_other_way_up_are_wrong() -> None:
    assert not _judged(_face(0.84), as_detected=0.999, other=0.99999).is_upright
    assert _judged(_face(0.84), as_detected=0.99999, other=0.999).is_upright


@pytest.mark.parametrize("roll_deg", [-180, -90, -51, 51, 90, 180])
def test_a_face_on_its_side_is_not_upright(roll_deg: float) -> None:
    assert not _judged(_face(0.95, roll_deg), as_detected=1.0, other=0.1).is_upright


def test_a_sure_face_costs_no_second_look() -> None:
    models = _Models({True: 1.0, False: 0.0})

    found = judge(models, PICTURE, _face(0.9), Landmarks(np.zeros((468, 3), np.float32), 1.0))

    assert found.is_sure
    assert models.runs == []


@given(st.floats(0.5, 1.0), st.floats(-180, 180), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_sure_face_is_upright(score: float, roll_deg: float, one: float, other: float) -> None:
    found = _judged(_face(score, roll_deg), one, other)

    assert found.is_upright or not found.is_sure
    assert found.evidence >= 0


@given(st.lists(st.sampled_from([SURE, UPRIGHT, NOT]), max_size=12))
def test_more_sure_faces_never_make_a_picture_less_clear(faces: list[Uprightness]) -> None:
    assert is_clearly_upright([*faces, SURE]) or not is_clearly_upright(faces)


@pytest.mark.parametrize(
    ("faces", "is_clear"),
    [
        ([], False),
        ([SURE], True),
        ([UPRIGHT], False),
        ([NOT], False),
        ([SURE, NOT], True),
        ([SURE, NOT, NOT], False),
        ([UPRIGHT] * 3, True),
        ([UPRIGHT] * 3 + [NOT] * 4, False),
    ],
)
def test_half_of_the_faces_must_be_sure(faces: list[Uprightness], is_clear: bool) -> None:
    assert is_clearly_upright(faces) is is_clear
