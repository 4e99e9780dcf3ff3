"""How many frames must agree is the policy's decision, from the document to the answer."""

import pytest

from kiosk.app.roster import CurrentTimetable
from kiosk.domain.configuration import MatchOverrides, match_rules, timetable_from
from kiosk.domain.sightings import Sighting, SightingKind
from kiosk.domain.timetable import Timetable
from kiosk.vision.knowledge import Knowledge
from protocol.v1.messages import ConfigDocument, RecognitionPolicy
from tests.fakes.face_models import Face, ListGallery, vector
from tests.fakes.kiosk_clock import ManualClock
from tests.fakes.school import config
from tests.fakes.scripted_door import ScriptedDoor, kinds, people

ANA, BEN = vector(1.0), vector(0.0, 1.0)
NO_OVERRIDES = MatchOverrides()


def document(frames: int) -> ConfigDocument:
    return config(recognition=RecognitionPolicy(frames_to_agree=frames))


def timetable(frames: int, overrides: MatchOverrides = NO_OVERRIDES) -> Timetable:
    return timetable_from(document(frames), overrides)


class Door(ScriptedDoor):
    """A door under the policy of a configuration document."""

    def __init__(self, in_force: Timetable) -> None:
        self.roster = CurrentTimetable(ManualClock(), in_force)
        super().__init__(Knowledge(ListGallery({"p1": ANA, "p2": BEN}), self.roster))


def frames_needed(sightings: list[Sighting]) -> int:
    """Frames up to the first recognition, where each frame before it gave one sighting."""
    return kinds(sightings).index(SightingKind.RECOGNISED) + 1


@pytest.mark.parametrize("frames", [1, 2, 3, 7, 10])
def test_the_policy_of_the_document_becomes_the_rule(frames: int) -> None:
    assert match_rules(document(frames), NO_OVERRIDES).min_frames == frames


def test_a_technicians_number_of_frames_replaces_the_policys() -> None:
    assert match_rules(document(5), MatchOverrides(min_frames=4)).min_frames == 4
    door = Door(timetable(5, MatchOverrides(min_frames=4)))
    assert frames_needed(door.sees(Face(ANA), frames=8)) == 4


@pytest.mark.parametrize("frames", [2, 3, 5, 8, 10])
def test_a_face_is_recognised_once_as_many_frames_agree_as_the_policy_asks_for(frames: int) -> None:
    sightings = Door(timetable(frames)).sees(Face(ANA), frames=11)
    assert people(sightings) == ["p1"]
    assert frames_needed(sightings) == frames


def test_one_frame_is_never_enough() -> None:
    assert frames_needed(Door(timetable(1)).sees(Face(ANA), frames=5)) == 2


@pytest.mark.parametrize(
    ("frames", "progress"), [(2, [0.5]), (4, [0.25, 0.5, 0.75]), (5, [0.2, 0.4, 0.6, 0.8])]
)
def test_progress_counts_up_to_the_policys_number_of_frames(
    frames: int, progress: list[float]
) -> None:
    sightings = Door(timetable(frames)).sees(Face(ANA), frames=frames)
    assert [sighting.progress for sighting in sightings[:-1]] == pytest.approx(progress)
    assert people(sightings[-1:]) == ["p1"]


@pytest.mark.parametrize(("before", "after"), [(2, 5), (5, 2)])
def test_a_new_policy_counts_for_the_next_person(before: int, after: int) -> None:
    door = Door(timetable(before))
    assert frames_needed(door.sees(Face(ANA), frames=8)) == before
    door.sees(frames=60)
    door.roster.change(timetable(after))
    assert frames_needed(door.sees(Face(BEN), frames=8)) == after


def test_a_stricter_policy_counts_for_a_face_that_is_already_in_view() -> None:
    door = Door(timetable(3))
    first = door.sees(Face(ANA), frames=2)
    door.roster.change(timetable(6))
    sightings = [*first, *door.sees(Face(ANA), frames=8)]
    assert frames_needed(sightings) == 6
    assert sightings[2].progress == pytest.approx(3 / 6)


def test_a_laxer_policy_counts_for_a_face_that_is_already_in_view() -> None:
    door = Door(timetable(8))
    assert not people(door.sees(Face(ANA), frames=4))
    door.roster.change(timetable(2))
    assert people(door.sees(Face(ANA))) == ["p1"]
