"""The kiosk's recognition before live clips, and before prints and screens that show them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from kiosk.domain.liveness import LivenessVerdict
from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import BGRImage, Frame, GallerySnapshot
from kiosk.domain.sightings import Sighting, SightingKind
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.evaluate.attacks import render
from models.evaluate.instruments import INSTRUMENTS
from models.evaluate.live_clips import Clip, read_source
from models.evaluate.surfaces import Source
from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from protocol.v1.messages import LivenessLevel

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("assets")]

ENROLLED, SHOWN = "again", "student"
PERSON = "ana"
ROUNDS = 2
"""The clips are short: each is shown there and back."""


@pytest.fixture(scope="module")
def pipeline(assets: Path) -> FacePipeline:
    return FacePipeline.open(default_store(), PipelineSettings())


@pytest.fixture(scope="module")
def shown(pipeline: FacePipeline, shared_faces: Path) -> Source:
    return read_source(Clip(shared_faces / "clips" / f"{SHOWN}.mkv", PERSON), pipeline)


class Enrolled:
    """One person, enrolled from another clip than is shown; everybody of a roster of one."""

    def __init__(self, pipeline: FacePipeline, shared_faces: Path, level: LivenessLevel) -> None:
        source = read_source(Clip(shared_faces / "clips" / f"{ENROLLED}.mkv", PERSON), pipeline)
        found = [pipeline.analyse(frame) for frame in source.frames[6:24:6]]
        self._rows = np.stack([faces[0].embedding for faces in found])
        self._rules = MatchRules(roster_fpir=1e-3, liveness=level, adults=frozenset({PERSON}))

    def version(self) -> int:
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        return GallerySnapshot(1, model_id, (PERSON,) * len(self._rows), self._rows)

    def expected_now(self) -> frozenset[str]:
        return frozenset({PERSON})

    def match_rules(self) -> MatchRules:
        return self._rules


def look(
    pipeline: FacePipeline, known: Enrolled, frames: Iterable[BGRImage], step_s: float
) -> list[Sighting]:
    there = list(frames)
    recogniser = Recogniser(pipeline, Knowledge(known, known), RecognitionSettings())
    sightings: list[Sighting] = []
    for index, picture in enumerate((there + there[::-1]) * ROUNDS):
        sightings += recogniser.look(Frame(picture, index * step_s, index))
    return sightings


def answers(sightings: Iterable[Sighting]) -> set[SightingKind]:
    quiet = {SightingKind.LOOKING, SightingKind.EMPTY}
    return {sighting.kind for sighting in sightings} - quiet


def test_a_person_is_recognised_and_not_taken_for_a_picture(
    pipeline: FacePipeline, shared_faces: Path, shown: Source
) -> None:
    known = Enrolled(pipeline, shared_faces, LivenessLevel.PASSIVE)

    sightings = look(pipeline, known, shown.frames, shown.times_s[1])

    assert answers(sightings) == {SightingKind.RECOGNISED}
    (found,) = [s.recognition for s in sightings if s.recognition is not None]
    assert found.liveness.verdict in (LivenessVerdict.LIVE, LivenessVerdict.UNDECIDED)


@pytest.mark.parametrize("name", ["flat print, held", "video on a tablet, held with both hands"])
def test_a_picture_of_a_person_marks_nobody(
    pipeline: FacePipeline, shared_faces: Path, shown: Source, name: str
) -> None:
    known = Enrolled(pipeline, shared_faces, LivenessLevel.PASSIVE)
    (instrument,) = [tool for tool in INSTRUMENTS if tool.name == name]

    sightings = look(pipeline, known, render(instrument, shown, seed=1), shown.times_s[1])

    assert SightingKind.RECOGNISED not in answers(sightings)
    assert SightingKind.REFUSED in answers(sightings)


def test_who_does_not_do_what_is_asked_is_not_marked_at_the_active_level(
    pipeline: FacePipeline, shared_faces: Path, shown: Source
) -> None:
    known = Enrolled(pipeline, shared_faces, LivenessLevel.ACTIVE)

    sightings = look(pipeline, known, shown.frames, shown.times_s[1])

    assert answers(sightings) == {SightingKind.PROVING, SightingKind.REFUSED}
