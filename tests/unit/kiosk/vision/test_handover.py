"""What the recogniser hands to the next network, and that its own answers stay the same."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.domain.liveness import LivenessReading, LivenessVerdict
from kiosk.domain.matching import MatchRules
from kiosk.domain.sightings import Sighting, SightingKind
from kiosk.vision import handover
from kiosk.vision.handover import (
    DecidedTrack,
    FaceView,
    Handover,
    NextFace,
    NextNetwork,
    ScanGrounds,
    TrackAnswer,
    scan_grounds,
)
from kiosk.vision.knowledge import Knowledge, TierIndex, Tiers
from kiosk.vision.limits import Calibrated
from kiosk.vision.liveness import LivenessGate
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.stages.fuse import Evidence
from models.stages.landmarks import Landmarks
from protocol.v1.messages import LivenessLevel
from tests.fakes.face_models import Face, ListGallery, beside, vector
from tests.fakes.scripted_door import ScriptedDoor, people

ANA, BEN, STRANGER = vector(1.0), vector(0.0, 1.0), vector(0.0, 0.0, 5.0)
SETTINGS = RecognitionSettings(unknown_after_frames=4)
PEOPLE = {"ana": ANA, "ben": BEN}
RULES = replace(
    ListGallery(PEOPLE).match_rules(), wide_distance=0.3, liveness=LivenessLevel.PASSIVE
)
LIVE = LivenessReading(LivenessVerdict.LIVE, 0.9, LivenessLevel.PASSIVE)


@dataclass
class Listener:
    """Takes everything; `NextNetwork`."""

    collects_scans: bool = True
    is_open: bool = True
    taken: list[DecidedTrack] = field(default_factory=list)

    def cut_out(self, view: FaceView) -> NextFace | None:
        picture = np.zeros((2, 2, 3), np.uint8)
        return NextFace("next", picture, view.quality, view.sharpness) if self.is_open else None

    def take(self, decided: DecidedTrack) -> None:
        self.taken.append(decided)


class StrictGallery(ListGallery):
    """A gallery with other rules."""

    rules = RULES

    def match_rules(self) -> MatchRules:
        return self.rules


class Door(ScriptedDoor):
    """A door with a next network behind it."""

    def __init__(self, listener: NextNetwork | None, rules: MatchRules = RULES) -> None:
        self.gallery = StrictGallery(PEOPLE)
        self.gallery.rules = rules
        knowledge = Knowledge(self.gallery, self.gallery)
        super().__init__(knowledge, SETTINGS)
        self.recogniser = Recogniser(self.models, knowledge, SETTINGS, next_network=listener)


@pytest.fixture(autouse=True)
def verdict(monkeypatch: pytest.MonkeyPatch) -> dict[str, LivenessReading]:
    """What the liveness check says; the faces here are no pictures that it could judge."""
    said = {"now": LIVE}
    monkeypatch.setattr(LivenessGate, "observe", lambda *_args: None)
    monkeypatch.setattr(LivenessGate, "reading", lambda *_args: said["now"])
    return said


def shown(*faces: Face, frames: int = 40, rules: MatchRules = RULES) -> list[DecidedTrack]:
    listener = Listener()
    Door(listener, rules).sees(*faces, frames=frames)
    return listener.taken


def test_a_track_is_counted_once_and_makes_one_template() -> None:
    taken = shown(Face(ANA))

    assert [one.person_id for one in taken] == ["ana", "ana"]
    assert [one.is_counted for one in taken] == [True, False]
    assert [one.grounds is not None for one in taken] == [False, True]
    assert [len(one.faces) for one in taken] == [2, 3]
    assert {one.decided_by for one in taken} == {"dlib-resnet-v1"}


def test_a_template_needs_three_frames_within_the_stricter_limit() -> None:
    (_, second) = shown(Face(beside(0, 2, 0.25)))
    assert second.grounds is not None
    assert second.grounds.strict_limit == pytest.approx(0.3)
    assert second.grounds.distance == pytest.approx(0.25, abs=1e-3)

    (only,) = shown(Face(beside(0, 2, 0.35)))
    assert (only.person_id, only.grounds) == ("ana", None)


def test_a_track_is_judged_again_only_with_new_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[int] = []

    def counted(answer: TrackAnswer, tiers: Tiers) -> ScanGrounds | None:
        judged.append(answer.evidence.judged_count)
        return scan_grounds(answer, tiers)

    monkeypatch.setattr(handover, "scan_grounds", counted)
    shown(Face(beside(0, 2, 0.35)), frames=40)

    assert judged
    assert len(judged) == len(set(judged))


@pytest.mark.parametrize("liveness", [LivenessVerdict.OFF, LivenessVerdict.UNDECIDED])
def test_no_template_is_made_of_a_face_that_was_not_shown_to_be_alive(
    verdict: dict[str, LivenessReading], liveness: LivenessVerdict
) -> None:
    verdict["now"] = replace(LIVE, verdict=liveness)
    assert [one.grounds for one in shown(Face(ANA))] == [None]


def test_a_picture_of_a_face_is_not_handed_on(verdict: dict[str, LivenessReading]) -> None:
    verdict["now"] = replace(LIVE, verdict=LivenessVerdict.ATTACK)
    assert shown(Face(ANA)) == []


def test_no_template_is_made_of_people_who_are_easily_confused() -> None:
    rules = replace(RULES, look_alikes=frozenset({frozenset({"ana", "eva"})}))
    assert [one.grounds for one in shown(Face(ANA), rules=rules)] == [None]
    assert shown(Face(BEN), rules=rules)[-1].grounds is not None


def test_a_person_nobody_knows_is_counted_once_and_makes_no_template() -> None:
    (only,) = shown(Face(STRANGER))
    assert (only.person_id, only.is_counted, only.grounds) == (None, True, None)


def test_without_collecting_a_track_is_only_counted() -> None:
    listener = Listener(collects_scans=False)
    Door(listener).sees(Face(ANA), frames=40)
    assert [(one.is_counted, one.grounds) for one in listener.taken] == [(True, None)]


def test_a_track_that_began_before_the_next_network_was_open_is_not_counted() -> None:
    listener = Listener(is_open=False, collects_scans=False)
    door = Door(listener)
    door.sees(Face(ANA), frames=1)
    listener.is_open = True
    door.sees(Face(ANA), frames=40)
    assert listener.taken == []


def test_the_person_who_takes_another_ones_place_is_a_scan_of_their_own() -> None:
    listener = Listener()
    door = Door(listener)
    door.sees(Face(ANA), frames=20)
    door.sees(Face(BEN), frames=60)
    counted = [one for one in listener.taken if one.is_counted]
    assert [one.person_id for one in counted] == ["ana", "ben"]
    assert len({one.track_id for one in counted}) == 2


@given(st.lists(st.floats(0, 1), max_size=40))
def test_the_next_network_gets_the_views_that_the_answer_rests_on(qualities: list[float]) -> None:
    matching = ScriptedDoor(Knowledge(ListGallery({}), ListGallery({}))).models.embedder_card
    assert matching.matching is not None
    evidence, listener = Evidence(matching.matching), Listener()
    handover = Handover(listener, "dlib-resnet-v1")
    gallery = ListGallery(PEOPLE)
    tiers = TierIndex(
        Knowledge(gallery, gallery), "dlib-resnet-v1", Calibrated(matching.matching, None)
    ).current()
    for quality in qualities:
        evidence.add(ANA, quality)
        view = FaceView(
            np.zeros((2, 2, 3), np.uint8),
            Landmarks(np.zeros((468, 3), np.float32), 1.0),
            quality,
            300.0,
        )
        handover.keep(1, view, evidence)
    handover.decided(1, TrackAnswer(None, is_live=False, evidence=evidence), tiers)

    assert len(listener.taken) == min(1, len(qualities))
    for one in listener.taken:
        assert sorted(face.quality for face in one.faces) == sorted(evidence._qualities)


STEPS = st.lists(
    st.tuples(
        st.sampled_from([ANA.tobytes(), BEN.tobytes(), STRANGER.tobytes()]),
        st.integers(0, 400),
        st.integers(60, 220),
        st.integers(1, 12),
    ),
    max_size=6,
)


@settings(max_examples=10)
@given(STEPS)
def test_the_next_network_never_changes_what_is_seen(
    steps: list[tuple[bytes, int, int, int]],
) -> None:
    alone, watched = Door(None), Door(Listener())
    seen: tuple[list[Sighting], list[Sighting]] = ([], [])
    for embedding, left, width, frames in steps:
        look = np.frombuffer(embedding, np.float32)
        face = Face(look, left=float(left), width=float(width))
        for door, sightings in zip((alone, watched), seen, strict=True):
            sightings.extend(door.sees(face, frames=frames))
    assert seen[0] == seen[1]
    assert alone.models.embedded_count == watched.models.embedded_count
    assert all(s.kind is not SightingKind.REFUSED for s in seen[0])
    assert set(people(seen[0])) <= {"ana", "ben"}
