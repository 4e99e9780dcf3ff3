"""Photographed faces, bare, covered and dim, through the real models and the kiosk's recogniser."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import BGRImage, Frame, GallerySnapshot
from kiosk.domain.sightings import Hint, Sighting, SightingKind
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from scripts.bench.camera_views import CameraView, as_seen
from scripts.bench.covered_views import face_near
from scripts.bench.drawn_covers import COVERS, draw_cover, draw_photographed
from tests.fakes.scripted_door import kinds, people

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("assets")]

PERSON, ENROLLED, SCANNED = "Adam_Sandler", (1, 2, 3), 4
FRAMES = RecognitionSettings().other_way_after_frames + 4
STEP_S = 1 / 15
WELL_SEEN = CameraView()


class Enrolled:
    """A kiosk's knowledge of one person, at limits that any photo of the person keeps."""

    def __init__(self, rows: list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> None:
        self._rows = np.stack(rows)

    def version(self) -> int:
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        return GallerySnapshot(1, model_id, (PERSON,) * len(self._rows), self._rows)

    def expected_now(self) -> frozenset[str]:
        return frozenset({PERSON})

    def match_rules(self) -> MatchRules:
        adults = frozenset({PERSON})
        return MatchRules(roster_distance=0.5, wide_distance=0.5, adults=adults)


class Booth:
    """Shows one photo, as a camera sees it, to a recogniser that knows its person."""

    def __init__(self, pipeline: FacePipeline, lfw: Path) -> None:
        self._pipeline = pipeline
        paths = [lfw / PERSON / f"{PERSON}_{n:04d}.jpg" for n in (*ENROLLED, SCANNED)]
        photos = [np.asarray(cv2.imread(str(path)), np.uint8) for path in paths]
        self._enrolled = Enrolled([pipeline.analyse(one)[0].embedding for one in photos[:-1]])
        self.photo = photos[-1]
        face = face_near(pipeline, self.photo, (125, 125))
        assert face is not None
        points = pipeline.landmarks(self.photo, face)
        assert points is not None
        self._box_px, self.points_px = face.box_px, points.points_px

    def shows(self, photo: BGRImage, view: CameraView = WELL_SEEN) -> list[Sighting]:
        knowledge = Knowledge(self._enrolled, self._enrolled)
        recogniser = Recogniser(self._pipeline, knowledge, RecognitionSettings())
        frames = [as_seen(photo, self._box_px, view, n) for n in range(FRAMES)]
        looked = [recogniser.look(Frame(one, n * STEP_S, n)) for n, one in enumerate(frames)]
        return [sighting for frame in looked for sighting in frame]


@pytest.fixture(scope="module")
def booth(shared_faces: Path) -> Booth:
    settings = PipelineSettings(embedder="dlib-resnet-v1-int8")
    return Booth(FacePipeline.open(default_store(), settings), shared_faces / "lfw-dev")


def test_a_bare_face_is_recognised(booth: Booth) -> None:
    seen = booth.shows(booth.photo)

    assert people(seen) == [PERSON]
    assert SightingKind.OTHER_WAY not in kinds(seen)


@pytest.mark.parametrize("kind", sorted(set(COVERS) - {"niqab"}))
def test_a_covered_face_is_neither_recognised_nor_unknown(booth: Booth, kind: str) -> None:
    seen = booth.shows(draw_cover(booth.photo, booth.points_px, kind, seed=2))

    assert set(kinds(seen)) <= {SightingKind.LOOKING, SightingKind.OTHER_WAY}
    assert SightingKind.OTHER_WAY in kinds(seen)
    assert all(sighting.hint is None for sighting in seen)


def test_a_veiled_face_gets_no_hint_and_no_answer_but_another_way(booth: Booth) -> None:
    seen = booth.shows(draw_cover(booth.photo, booth.points_px, "niqab", seed=2))

    assert set(kinds(seen)) <= {SightingKind.OTHER_WAY}


def test_a_photographed_mask_is_noticed_too(booth: Booth, shared_faces: Path) -> None:
    mask = np.asarray(cv2.imread(str(shared_faces / "photos" / "mask_blue.jpg")), np.uint8)

    seen = booth.shows(draw_photographed(booth.photo, booth.points_px, mask, seed=1))

    assert SightingKind.OTHER_WAY in kinds(seen)
    assert not people(seen)


@pytest.mark.parametrize("light", [0.5, 0.25])
def test_a_face_in_little_light_is_recognised(booth: Booth, light: float) -> None:
    assert people(booth.shows(booth.photo, CameraView(light=light))) == [PERSON]


def test_a_face_in_almost_no_light_is_asked_for_more(booth: Booth) -> None:
    seen = booth.shows(booth.photo, CameraView(light=0.03))

    assert not people(seen)
    assert {sighting.hint for sighting in seen if sighting.kind is SightingKind.LOOKING} <= {
        Hint.TOO_DARK
    }
