"""Real faces on film through the real capture process, models and worker."""

import queue
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.domain.health import CameraHealth
from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import GallerySnapshot
from kiosk.domain.sightings import Sighting, SightingKind
from kiosk.vision import SourceOptions, open_source
from kiosk.vision.camera import CameraDeadlines
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.worker import RecognitionSettings, RecognitionWorker
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("assets")]

ENROLLED = {"ana": "again", "ben": "please", "eva": "book"}
FRAMES_BETWEEN = 12
ENROLLED_FRAMES = 3
RULES = MatchRules(adults=frozenset(ENROLLED))
"""The policy's defaults: one stranger in 10,000, by the calibration of the model's card. 0.50,
the limit for two single photos, takes ``night`` for ``please``."""
WAIT_S = 60.0


@pytest.fixture(scope="module", params=["dlib-resnet-v1", "sface-2021dec"])
def pipeline(request: pytest.FixtureRequest) -> FacePipeline:
    settings = PipelineSettings(embedder=request.param)
    if request.param == "dlib-resnet-v1":
        return FacePipeline.open(default_store(), settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLCALL_ASSETS", str(request.getfixturevalue("sface_assets")))
        return FacePipeline.open(default_store(), settings)


@pytest.fixture(scope="module")
def clips(shared_faces: Path) -> Path:
    return shared_faces / "clips"


def embeddings(pipeline: FacePipeline, clip: Path) -> list[NDArray[np.float32]]:
    video = cv2.VideoCapture(str(clip))
    frames = [picture for is_read, picture in iter(video.read, (False, None)) if is_read]
    chosen = frames[FRAMES_BETWEEN::FRAMES_BETWEEN][:ENROLLED_FRAMES]
    return [pipeline.analyse(np.asarray(frame, np.uint8))[0].embedding for frame in chosen]


class Enrolled:
    """The gallery and roster of the people enrolled from one clip each."""

    def __init__(self, pipeline: FacePipeline, clips: Path) -> None:
        rows = {
            person: embeddings(pipeline, clips / f"{clip}.mkv") for person, clip in ENROLLED.items()
        }
        self._ids = tuple(person for person, found in rows.items() for _ in found)
        self._rows = np.stack([row for found in rows.values() for row in found])

    def version(self) -> int:
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        return GallerySnapshot(1, model_id, self._ids, self._rows)

    def expected_now(self) -> frozenset[str]:
        return frozenset(self._ids)

    def match_rules(self) -> MatchRules:
        return RULES


@pytest.fixture(scope="module")
def enrolled(pipeline: FacePipeline, clips: Path) -> Enrolled:
    return Enrolled(pipeline, clips)


def watch(pipeline: FacePipeline, enrolled: Enrolled, clip: Path) -> list[Sighting]:
    """Replay a clip to its end and return what was seen."""
    sightings: list[Sighting] = []
    reports: queue.Queue[CameraHealth] = queue.Queue()
    patient = CameraDeadlines(report_s=WAIT_S, frame_s=WAIT_S, open_s=WAIT_S)
    camera = open_source(f"replay:{clip}", SourceOptions(), deadlines=patient)
    camera.subscribe(on_report=lambda report: reports.put(report.health))
    knowledge = Knowledge(enrolled, enrolled)
    worker = RecognitionWorker(
        camera, lambda: pipeline, knowledge, RecognitionSettings(), sightings.append
    )
    camera.start()
    worker.start()
    ended = [reports.get(timeout=WAIT_S), reports.get(timeout=WAIT_S)]
    worker.stop()
    camera.stop()
    assert ended == [CameraHealth.OK, CameraHealth.FINISHED]
    return sightings


@pytest.mark.parametrize(
    ("clip", "person"),
    [("student", "ana"), ("help", "ana"), ("milk", "ben"), ("sorry", "ben"), ("walk", "eva")],
)
def test_a_person_is_recognised_in_another_clip(
    pipeline: FacePipeline, enrolled: Enrolled, clips: Path, clip: str, person: str
) -> None:
    sightings = watch(pipeline, enrolled, clips / f"{clip}.mkv")
    found = {s.recognition.person_id for s in sightings if s.recognition is not None}
    assert found == {person}


@pytest.mark.parametrize("clip", ["night", "hungry"])
def test_a_stranger_is_nobody(
    pipeline: FacePipeline, enrolled: Enrolled, clips: Path, clip: str
) -> None:
    sightings = watch(pipeline, enrolled, clips / f"{clip}.mkv")
    assert [s for s in sightings if s.recognition is not None] == []
    assert SightingKind.UNKNOWN in {s.kind for s in sightings}
