"""A next network for tests: who a cut-out face shows is written into its pixels."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import GallerySnapshot
from kiosk.vision.handover import DecidedTrack, NextFace, ScanGrounds
from models.pipeline import OpenEmbedder
from models.stages.embed import FaceEmbedder
from models.store import default_store
from tests.fakes.face_models import DIMENSION, ListGallery, vector

CURRENT_ID, NEXT_ID = "dlib-resnet-v1", "sface-2021dec"
PIXELS = {"ana": 40, "ben": 80, "eva": 120, "stranger": 160}
LOOKS = {
    "ana": vector(1.0),
    "ben": vector(0.0, 1.0),
    "eva": vector(0.0, 0.0, 1.0),
    "stranger": vector(0.0, 0.0, 0.0, 1.0),
}


class PixelSession:
    """Reads the person out of the pixels; remembers how many faces it was shown."""

    def __init__(self) -> None:
        self.runs = 0

    def run(self, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        self.runs += 1
        pixel = float(batch.mean()) * 128.0 + 127.5
        person = min(PIXELS, key=lambda name: abs(PIXELS[name] - pixel))
        return [LOOKS[person][None]]


class PixelNetwork:
    """Opens the next network; raises the errors it was given first, the newest last."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.session = PixelSession()
        self.opened: list[str] = []

    def open(self, model_id: str) -> OpenEmbedder:
        self.opened.append(model_id)
        if self.errors:
            raise self.errors.pop(0)
        card = default_store().cards[model_id]
        return OpenEmbedder(card, FaceEmbedder(card, self.session))  # type: ignore[arg-type]


class TwoGalleries:
    """Templates of two networks, and a roster of everybody."""

    def __init__(self, people: Mapping[str, Sequence[str]]) -> None:
        self.people = people

    def version(self) -> int:
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        names = tuple(self.people.get(model_id, ()))
        rows = np.array([LOOKS[name] for name in names], np.float32).reshape(-1, DIMENSION)
        return GallerySnapshot(1, model_id, names, rows)

    def expected_now(self) -> frozenset[str]:
        return frozenset(name for names in self.people.values() for name in names)

    def match_rules(self) -> MatchRules:
        return ListGallery(dict(LOOKS)).match_rules()


def faces(shown: str, count: int = 3) -> tuple[NextFace, ...]:
    """Cut-out faces of a person, as the next network wants them."""
    picture = np.full((112, 112, 3), PIXELS[shown], np.uint8)
    return tuple(NextFace(NEXT_ID, picture, 0.8, 300.0) for _ in range(count))


def decided(
    person_id: str | None,
    shown: str,
    *,
    track_id: int = 1,
    is_counted: bool = True,
    grounds: ScanGrounds | None = None,
) -> DecidedTrack:
    """A track that the current network decided, and what the next one will see in it."""
    return DecidedTrack(track_id, CURRENT_ID, person_id, faces(shown), is_counted, grounds)
