"""One more photo or one more frame never loses a person of the clips."""

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.domain.matching import MatchRules
from kiosk.vision.decision import judge
from kiosk.vision.knowledge import Tiers
from kiosk.vision.limits import Calibrated
from models.pipeline import FacePipeline, PipelineSettings
from models.stages.fuse import Evidence, fuse_people
from models.stages.match import Gallery
from models.store import default_store

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("assets")]

PAIRS = [("again", "student"), ("please", "milk"), ("school", "walk"), ("night", "sister")]
"""Two clips of one person each: one is enrolled, the other is scanned."""
PHOTOS, FRAMES = 3, 8
Floats = NDArray[np.float32]


@pytest.fixture(scope="module", params=["dlib-resnet-v1", "sface-2021dec"])
def pipeline(request: pytest.FixtureRequest) -> FacePipeline:
    settings = PipelineSettings(embedder=request.param)
    if request.param == "dlib-resnet-v1":
        return FacePipeline.open(default_store(), settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLCALL_ASSETS", str(request.getfixturevalue("sface_assets")))
        return FacePipeline.open(default_store(), settings)


def embeddings(pipeline: FacePipeline, clip: Path, every: int, count: int) -> Floats:
    video = cv2.VideoCapture(str(clip))
    frames = [picture for is_read, picture in iter(video.read, (False, None)) if is_read]
    chosen = frames[every::every][:count]
    return np.stack([pipeline.analyse(np.asarray(one, np.uint8))[0].embedding for one in chosen])


def tiers(pipeline: FacePipeline, photos: Floats) -> Tiers:
    card = Calibrated.of(pipeline.embedder_card)
    people, rows = fuse_people(["ana"] * len(photos), photos, card.matching.length)
    known = Gallery.build(
        people,
        rows,
        card.model_id,
        metric=card.matching.metric,
        scale=card.matching.on_common_scale,
    )
    nobody = Gallery.build((), np.empty((0, 0), np.float32), card.model_id)
    rules = MatchRules(min_frames=2, adults=frozenset({"ana"}))
    return Tiers.of(card, rules, (known, nobody))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_who_is_found_with_fewer_photos_or_frames_is_found_with_more(
    pipeline: FacePipeline, shared_faces: Path, pair: tuple[str, str]
) -> None:
    enrolled, scanned = (shared_faces / "clips" / f"{name}.mkv" for name in pair)
    photos = embeddings(pipeline, enrolled, 25, PHOTOS)
    frames = embeddings(pipeline, scanned, 4, FRAMES)
    assert pipeline.embedder_card.matching is not None

    found = []
    for count in range(1, PHOTOS + 1):
        seen, answers = Evidence(pipeline.embedder_card.matching), []
        for frame in frames:
            seen.add(frame, 0.9)
            answers.append(judge(seen, tiers(pipeline, photos[:count])) is not None)
        found.append(answers)

    for fewer, more in pairwise(found):
        assert all(now >= before for before, now in zip(fewer, more, strict=True)), found
    for answers in found:
        assert all(after >= before for before, after in pairwise(answers))
    assert found[-1][-1]
