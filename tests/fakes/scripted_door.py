"""A recogniser in front of faces that the test puts there, one frame after another."""

from collections.abc import Sequence

import numpy as np

from kiosk.domain.ports import Frame
from kiosk.domain.sightings import Sighting, SightingKind
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from tests.fakes.face_models import Face, ScriptedModels

PICTURE = np.random.default_rng(3).integers(0, 255, (480, 640, 3), dtype=np.uint8)
STEP_S = 1 / 15


class ScriptedDoor:
    """Shows faces to a recogniser; each frame comes 1/15 s after the one before."""

    def __init__(self, knowledge: Knowledge, settings: RecognitionSettings | None = None) -> None:
        self.models = ScriptedModels()
        self.recogniser = Recogniser(self.models, knowledge, settings or RecognitionSettings())
        self.at_s = 0.0
        self._index = 0

    def sees(self, *faces: Face, frames: int = 1) -> list[Sighting]:
        self.models.faces = faces
        return [sighting for _ in range(frames) for sighting in self._next()]

    def _next(self) -> list[Sighting]:
        self.at_s += STEP_S
        self._index += 1
        return self.recogniser.look(Frame(PICTURE, self.at_s, self._index))


def kinds(sightings: Sequence[Sighting]) -> list[SightingKind]:
    return [sighting.kind for sighting in sightings]


def people(sightings: Sequence[Sighting]) -> list[str]:
    return [s.recognition.person_id for s in sightings if s.recognition is not None]
