"""Real faces before a camera that hangs upside down or on its side, with real models."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.domain.ports import BGRImage, Frame
from kiosk.vision import SourceOptions, open_source
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.mounting import TURNS_DEG, MountingWatch
from kiosk.vision.turning import turned
from kiosk.vision.worker import RecognitionSettings, RecognitionWorker
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from scripts.bench.frames import make_clip
from tests.fakes.face_models import ListGallery
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("assets")]

FRAMES = 60


@pytest.fixture(scope="module")
def pipeline(assets: Path) -> Iterator[FacePipeline]:
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    yield pipeline
    pipeline.close()


@pytest.fixture(scope="module")
def people(pipeline: FacePipeline) -> list[BGRImage]:
    """Sample photos of four people as a camera sees them, each face 120 pixels wide."""
    return make_clip(pipeline, FRAMES)


def watched(pipeline: FacePipeline, pictures: list[BGRImage], step_s: float) -> list[int]:
    """What is said after each picture; they come so many seconds apart."""
    watch, said = MountingWatch(pipeline), []
    for number, picture in enumerate(pictures):
        at_s = number * step_s
        watch.note(pipeline.detect(picture), at_s)
        if watch.is_due(at_s):
            watch.check(Frame(picture, at_s, number))
        said.append(watch.turn_deg)
    return said


@pytest.mark.parametrize("turn_deg", TURNS_DEG)
def test_faces_in_turned_pictures_say_how_the_camera_hangs(
    pipeline: FacePipeline, people: list[BGRImage], turn_deg: int
) -> None:
    hung = [turned(picture, 360 - turn_deg) for picture in people]

    assert watched(pipeline, hung, 2.0)[-1] == turn_deg


@pytest.mark.parametrize("step_s", [0.1, 2.0, 30.0])
def test_faces_in_upright_pictures_say_nothing(
    pipeline: FacePipeline, people: list[BGRImage], step_s: float
) -> None:
    assert set(watched(pipeline, people, step_s)) == {0}


def test_strangers_in_upright_pictures_say_nothing(
    pipeline: FacePipeline, shared_faces: Path
) -> None:
    photos = sorted((shared_faces / "lfw-dev").rglob("*.jpg"))[::30]
    pictures = [np.asarray(cv2.imread(str(photo)), np.uint8) for photo in photos]

    assert len(pictures) > 50
    assert set(watched(pipeline, pictures, 30.0)) == {0}


@pytest.mark.parametrize(("hung_deg", "rotation_deg"), [(180, 0), (180, 180), (0, 90), (0, 0)])
def test_a_clip_of_a_turned_camera_is_noticed_and_the_setting_makes_up_for_it(
    pipeline: FacePipeline,
    people: list[BGRImage],
    tmp_path: Path,
    hung_deg: int,
    rotation_deg: int,
) -> None:
    for number, picture in enumerate(people[:16]):
        cv2.imwrite(str(tmp_path / f"{number:02}.png"), turned(picture, -hung_deg % 360))
    options = SourceOptions(fps=10.0, is_looped=True, rotation_deg=rotation_deg)
    camera = open_source(f"replay:{tmp_path}", options)
    gallery = ListGallery({})
    worker = RecognitionWorker(
        camera,
        lambda: pipeline,
        Knowledge(gallery, gallery),
        RecognitionSettings(),
        lambda _sighting: None,
    )
    wanted = (hung_deg - rotation_deg) % 360
    camera.start()
    worker.start()
    try:
        wait_until(lambda: worker.stats().frame_count >= 30, what="frames", timeout_s=60)
        wait_until(lambda: worker.turn_deg() == wanted, what="what is said", timeout_s=60)
    finally:
        worker.stop()
        camera.stop()
    assert worker.turn_deg() == wanted
