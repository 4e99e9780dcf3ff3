"""Face models whose faces are named by the test: a face is its place and its embedding."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import BGRImage, GallerySnapshot
from models.stages.detect import Detection
from models.stages.landmarks import Landmarks
from models.store import ModelCard, default_store

if TYPE_CHECKING:
    from collections.abc import Sequence

DIMENSION = 8


def vector(*values: float) -> NDArray[np.float32]:
    """An embedding that begins with these values, (8,) float32."""
    filled = np.zeros(DIMENSION, np.float32)
    filled[: len(values)] = values
    return filled


LENGTH = default_store().find("dlib-resnet-v1")[0].matching.length  # type: ignore[union-attr]
"""Of the card's fused templates."""


def beside(first: int, second: int, distance: float) -> NDArray[np.float32]:
    """A vector along an axis, turned towards another axis until it is so far from the first's.

    Args:
        first: number of the axis.
        second: number of the axis it is turned to.
        distance: between both at the card's length.
    """
    angle = 2 * np.arcsin(distance / (2 * LENGTH))
    filled = np.zeros(DIMENSION, np.float32)
    filled[first], filled[second] = LENGTH * np.cos(angle), LENGTH * np.sin(angle)
    return filled


@dataclass(frozen=True)
class Face:
    """A face at (left, top) with this width; ``is_real`` False has no landmarks."""

    embedding: NDArray[np.float32]
    left: float = 200.0
    top: float = 120.0
    width: float = 160.0
    turn: float = 0.0
    is_real: bool = True
    score: float = 0.9

    def detection(self) -> Detection:
        x, y, half = self.left + self.width / 2, self.top + self.width * 0.4, self.width * 0.2
        nose = (x + self.turn * 2 * half, y + half)
        mouth = (x, y + 2 * half)
        points = [(x - half, y), (x + half, y), nose, mouth, (x - 2 * half, y), (x + 2 * half, y)]
        box = (self.left, self.top, self.width, self.width)
        return Detection(box, np.array(points, np.float32), self.score)


class ScriptedModels:
    """Finds the faces that the test put in view."""

    def __init__(self) -> None:
        self.faces: Sequence[Face] = ()
        self.embedded_count = 0
        self.mirrored_count = 0
        self.is_closed = False
        self._aligned: list[Face] = []
        self._named: dict[tuple[float, float, float, float], Face] = {}

    @property
    def embedder_card(self) -> ModelCard:
        return default_store().find("dlib-resnet-v1")[0]

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        self._named = {face.detection().box_px: face for face in self.faces}
        return [face.detection() for face in self.faces]

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        face = self._named[detection.box_px]
        if not face.is_real:
            return None
        points = np.zeros((468, 3), np.float32)
        points[0, :2] = detection.box_px[:2]
        points[0, 2] = detection.box_px[2]
        return Landmarks(points, 0.99)

    def align(self, frame_bgr: BGRImage, landmarks: Landmarks) -> BGRImage:
        """Two pixels: the number of the face, and 255 on its right side."""
        left, top, width = (float(value) for value in landmarks.points_px[0])
        self._aligned = [*self._aligned[-200:], self._named[(left, top, width, width)]]
        return np.array([[[len(self._aligned) - 1] * 3, [255] * 3]], np.uint8)

    def embed_aligned(self, face_bgr: BGRImage) -> NDArray[np.float32]:
        is_mirrored = face_bgr[0, 0, 0] == 255
        self.mirrored_count += int(is_mirrored)
        self.embedded_count += int(not is_mirrored)
        return self._aligned[int(face_bgr[0, 1 if is_mirrored else 0, 0])].embedding

    def close(self) -> None:
        self.is_closed = True


class ListGallery:
    """A gallery and a roster that a test may change between frames."""

    def __init__(
        self,
        people: dict[str, NDArray[np.float32]],
        expected: frozenset[str] | None = None,
    ) -> None:
        self._version = 1
        self.people = people
        self.expected = frozenset(people) if expected is None else expected
        self.adults: frozenset[str] | None = None  # all of them

    def change(self, people: dict[str, NDArray[np.float32]]) -> None:
        self.people = people
        self._version += 1

    def match_rules(self) -> MatchRules:
        return MatchRules(
            roster_distance=0.5,
            wide_distance=0.45,
            min_frames=2,
            adults=frozenset(self.people) if self.adults is None else self.adults,
        )

    def version(self) -> int:
        return self._version

    def snapshot(self, model_id: str) -> GallerySnapshot:
        rows = np.array([*self.people.values()], np.float32).reshape(-1, DIMENSION)
        return GallerySnapshot(self._version, model_id, tuple(self.people), rows)

    def expected_now(self) -> frozenset[str]:
        return self.expected
