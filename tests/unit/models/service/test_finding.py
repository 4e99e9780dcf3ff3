"""Sightings become faces, each once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import numpy as np

from models.service.config import Settings
from models.service.finding import FaceFinder
from models.stages.detect import Detection
from models.stages.landmarks import Landmarks

if TYPE_CHECKING:
    from models.pipeline import FacePipeline
    from models.stages.images import BGRImage

PICTURE = np.zeros((100, 200, 3), np.uint8)
SETTINGS = Settings(api_key="a key for tests")


def _seen(left: float, score: float, width: float = 40.0) -> Detection:
    return Detection((left, 10.0, width, 40.0), np.zeros((6, 2), np.float32), score)


@dataclass
class _Models:
    """Sees what it is told, and denies the faces of some scores."""

    sightings: list[Detection]
    denied: frozenset[float] = frozenset()
    asked: list[float] = field(default_factory=list)

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        del frame_bgr
        return self.sightings

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        del frame_bgr
        self.asked.append(detection.score)
        if detection.score in self.denied:
            return None
        return Landmarks(np.zeros((468, 3), np.float32), 1.0)


def _scores(models: _Models) -> list[float]:
    finder = FaceFinder(cast("FacePipeline", models), models, SETTINGS)
    return [face.detection.score for face in finder.find(PICTURE)]


def test_a_face_seen_several_times_is_one_by_its_surest_sighting() -> None:
    models = _Models([_seen(10, 0.6), _seen(12, 0.9), _seen(14, 0.8)])

    assert _scores(models) == [0.9]
    assert models.asked == [0.9]


def test_a_sighting_without_landmarks_does_not_hide_another_of_the_same_face() -> None:
    models = _Models([_seen(10, 0.9), _seen(12, 0.6)], denied=frozenset({0.9}))

    assert _scores(models) == [0.6]


def test_the_largest_face_comes_first_however_sure() -> None:
    models = _Models([_seen(10, 0.9), _seen(100, 0.6, width=60.0)])

    assert _scores(models) == [0.6, 0.9]
