"""A sign of life counts only for the face that was matched, and the policy says what else does."""

from dataclasses import replace

import pytest

from kiosk.domain.liveness import LivenessReading, LivenessVerdict
from kiosk.domain.matching import MatchRules
from kiosk.domain.sightings import SightingKind
from kiosk.vision import recogniser
from kiosk.vision.guidance import FaceAssessment
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.liveness import LivenessGate
from kiosk.vision.recogniser import RecognitionSettings
from protocol.v1.messages import LivenessLevel
from tests.fakes.face_models import Face, ListGallery, vector
from tests.fakes.scripted_door import ScriptedDoor, kinds, people

ANA, BEN, STRANGER = vector(1.0), vector(0.0, 1.0), vector(0.0, 0.0, 5.0)
PEOPLE = {"ana": ANA, "ben": BEN}
LIVE = LivenessReading(LivenessVerdict.LIVE, 0.9, LivenessLevel.PASSIVE)


class CheckingGallery(ListGallery):
    """A gallery with a policy that checks faces."""

    level = LivenessLevel.PASSIVE

    def match_rules(self) -> MatchRules:
        return replace(super().match_rules(), liveness=self.level)


class Door(ScriptedDoor):
    """A door with a liveness check that says what the test wants, by track."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, level: LivenessLevel = LivenessLevel.PASSIVE
    ) -> None:
        self.gallery = CheckingGallery(PEOPLE)
        self.gallery.level = level
        super().__init__(Knowledge(self.gallery, self.gallery), RecognitionSettings())
        self.said: dict[int, LivenessReading] = {}
        self.asked: set[tuple[int, str | None]] = set()
        self.observed: list[int] = []
        monkeypatch.setattr(
            LivenessGate, "observe", lambda _gate, track, *_args: self.observed.append(track)
        )
        monkeypatch.setattr(LivenessGate, "reading", self._reading)

    def _reading(
        self, track_id: int, _level: LivenessLevel, _at_s: float, person_id: str | None
    ) -> LivenessReading | None:
        self.asked.add((track_id, person_id))
        said = self.said.get(track_id)
        return None if said is LIVE and person_id is None else said


def test_a_match_waits_for_a_sign_of_life_and_is_handed_on_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch)
    assert people(door.sees(Face(ANA), frames=20)) == []
    assert door.asked == {(1, "ana")}

    door.said[1] = LIVE
    assert people(door.sees(Face(ANA))) == ["ana"]


@pytest.mark.parametrize("next_face", [BEN, STRANGER], ids=["another student", "a stranger"])
def test_another_face_in_the_place_of_the_match_gives_no_sign_of_life(
    monkeypatch: pytest.MonkeyPatch, next_face: object
) -> None:
    """A picture is shown until it matches, then it is lowered and a living face is behind it."""
    door = Door(monkeypatch)
    door.sees(Face(ANA), frames=20)
    door.said[1] = LIVE
    sightings = door.sees(Face(next_face), frames=20)  # type: ignore[arg-type]

    assert people(sightings) == []
    assert not door.asked & {(1, "ben"), (2, "ana")}
    assert sightings[-1].track_id == 2


def test_a_face_that_is_covered_and_not_compared_shows_no_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another face may be behind the hand."""
    door = Door(monkeypatch)
    door.sees(Face(ANA), frames=6)
    before = len(door.observed)
    monkeypatch.setattr(
        recogniser, "assess", lambda *seen: FaceAssessment(None, 0.0, is_covered=len(seen) > 3)
    )
    door.sees(Face(BEN), frames=20)

    assert before > 0
    assert len(door.observed) == before


def test_a_face_that_was_unknown_at_first_is_watched_once_it_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door(monkeypatch)
    door.sees(Face(STRANGER), frames=20)
    door.gallery.change({**PEOPLE, "dov": STRANGER})
    door.gallery.expected = frozenset({*PEOPLE, "dov"})
    door.sees(Face(STRANGER), frames=20)
    before = len(door.observed)
    door.sees(Face(STRANGER), frames=5)

    assert len(door.observed) == before + 5


def test_each_good_frame_is_compared_while_a_match_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door(monkeypatch)
    door.sees(Face(ANA), frames=20)
    before = door.models.embedded_count
    door.sees(Face(ANA), frames=5)
    assert door.models.embedded_count == before + 5


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        (LivenessLevel.PASSIVE, SightingKind.RECOGNISED),
        (LivenessLevel.WHEN_UNSURE, SightingKind.RECOGNISED),
        (LivenessLevel.ACTIVE, SightingKind.REFUSED),
    ],
)
def test_an_undecided_face_is_handed_on_as_such_and_refused_where_all_are_asked(
    monkeypatch: pytest.MonkeyPatch, level: LivenessLevel, kind: SightingKind
) -> None:
    door = Door(monkeypatch, level)
    door.said[1] = LivenessReading(LivenessVerdict.UNDECIDED, 0.4, LivenessLevel.ACTIVE)
    sightings = door.sees(Face(ANA), frames=5)

    assert kinds(sightings).count(kind) == 1
    for found in (one.recognition for one in sightings if one.recognition is not None):
        assert found.liveness.is_undecided


@pytest.mark.parametrize("level", [LivenessLevel.PASSIVE, LivenessLevel.WHEN_UNSURE])
def test_a_picture_is_refused_at_every_level(
    monkeypatch: pytest.MonkeyPatch, level: LivenessLevel
) -> None:
    door = Door(monkeypatch, level)
    door.said[1] = replace(LIVE, verdict=LivenessVerdict.ATTACK)
    sightings = door.sees(Face(ANA), frames=5)

    assert kinds(sightings).count(SightingKind.REFUSED) == 1
    assert people(sightings) == []
