"""Tracks over real faces on film, frame by frame: how soon, and whether they last."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.domain.ports import BGRImage, Frame
from kiosk.domain.sightings import Sighting, SightingKind
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from tests.integration.kiosk.test_recognition_of_clips import Enrolled

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("assets")]

FPS = 30
EVERY = 2
"""Every second frame of a clip is looked at, as by a kiosk at 15 frames a second."""
ENOUGH_FRAMES = 10


@pytest.fixture(scope="module")
def pipeline(assets: Path) -> FacePipeline:
    return FacePipeline.open(default_store(), PipelineSettings())


@pytest.fixture(scope="module")
def enrolled(pipeline: FacePipeline, shared_faces: Path) -> Enrolled:
    return Enrolled(pipeline, shared_faces / "clips")


def frames_of(clip: Path) -> list[BGRImage]:
    video = cv2.VideoCapture(str(clip))
    return [
        np.asarray(picture, np.uint8)
        for is_read, picture in iter(video.read, (False, None))
        if is_read
    ]


def hide(frames: Sequence[BGRImage], first: int, count: int) -> list[BGRImage]:
    """Somebody's back before the camera, for some frames."""
    wall = np.full_like(frames[0], 90)
    return [wall if first <= n < first + count else frame for n, frame in enumerate(frames)]


def look(
    pipeline: FacePipeline, enrolled: Enrolled, pictures: Sequence[BGRImage]
) -> list[list[Sighting]]:
    recogniser = Recogniser(pipeline, Knowledge(enrolled, enrolled), RecognitionSettings())
    return [
        recogniser.look(Frame(picture, n / FPS, n))
        for n, picture in enumerate(pictures)
        if n % EVERY == 0
    ]


def flat(looked: list[list[Sighting]]) -> list[Sighting]:
    return [sighting for frame in looked for sighting in frame]


def side_by_side(left: Sequence[BGRImage], right: Sequence[BGRImage]) -> list[BGRImage]:
    return [np.hstack(pair) for pair in zip(left, right, strict=False)]


@pytest.mark.parametrize("clip", ["student", "help", "milk", "sorry", "walk"])
def test_a_still_good_face_is_known_within_ten_frames(
    pipeline: FacePipeline, enrolled: Enrolled, shared_faces: Path, clip: str
) -> None:
    looked = look(pipeline, enrolled, frames_of(shared_faces / "clips" / f"{clip}.mkv"))
    good = next(n for n, seen in enumerate(looked) if seen and seen[0].hint is None)
    known = next(n for n, seen in enumerate(looked) if any(s.recognition for s in seen))
    assert known - good < ENOUGH_FRAMES


@pytest.mark.parametrize("clip", ["student", "milk", "walk"])
def test_half_a_second_out_of_sight_makes_no_second_track(
    pipeline: FacePipeline, enrolled: Enrolled, shared_faces: Path, clip: str
) -> None:
    frames = frames_of(shared_faces / "clips" / f"{clip}.mkv")
    sightings = flat(look(pipeline, enrolled, hide(frames, first=30, count=FPS // 2)))
    assert len({s.track_id for s in sightings if s.kind is not SightingKind.EMPTY}) == 1
    assert len([s for s in sightings if s.recognition is not None]) == 1


def test_two_at_once_each_get_their_own_name(
    pipeline: FacePipeline, enrolled: Enrolled, shared_faces: Path
) -> None:
    clips = shared_faces / "clips"
    pair = side_by_side(frames_of(clips / "student.mkv"), frames_of(clips / "milk.mkv"))
    sightings = flat(look(pipeline, enrolled, pair))
    found = [s for s in sightings if s.recognition is not None]
    assert {s.recognition.person_id for s in found if s.recognition} == {"ana", "ben"}
    assert len({s.track_id for s in found}) == len(found) == 2
