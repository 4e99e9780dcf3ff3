from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from kiosk.domain.sightings import Hint, SightingKind
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import MIRRORED_FRAMES, Recogniser, RecognitionSettings
from tests.fakes.face_models import Face, ListGallery, beside, vector
from tests.fakes.scripted_door import STEP_S, ScriptedDoor, kinds, people

ANA, BEN, STRANGER = vector(1.0), vector(0.0, 1.0), vector(0.0, 0.0, 5.0)
PEOPLE = {"ana": ANA, "ben": BEN}
SETTINGS = RecognitionSettings(unknown_after_frames=4)


class Door(ScriptedDoor):
    """A door whose gallery the test may change."""

    def __init__(
        self,
        people: dict[str, NDArray[np.float32]] = PEOPLE,
        expected: frozenset[str] | None = None,
    ) -> None:
        self.gallery = ListGallery(dict(people), expected)
        super().__init__(Knowledge(self.gallery, self.gallery), SETTINGS)


def test_one_frame_is_not_enough_and_two_that_agree_are() -> None:
    door = Door()
    sightings = door.sees(Face(ANA), frames=2)
    assert kinds(sightings) == [SightingKind.LOOKING, SightingKind.RECOGNISED]
    assert sightings[0].progress == 0.5
    assert people(sightings) == ["ana"]


def test_a_recognition_carries_its_numbers() -> None:
    recognition = Door().sees(Face(beside(0, 3, 0.1)), frames=2)[-1].recognition
    assert recognition is not None
    assert recognition.distance == pytest.approx(0.1, abs=1e-5)
    assert recognition.margin is not None
    assert (recognition.threshold, recognition.model_id) == (0.5, "dlib-resnet-v1")
    assert 0.5 < recognition.quality <= 1.0


def test_a_person_is_recognised_once_for_as_long_as_they_stay() -> None:
    assert people(Door().sees(Face(ANA), frames=60)) == ["ana"]


def test_an_unknown_person_is_said_to_be_so_once() -> None:
    sightings = Door().sees(Face(STRANGER), frames=60)
    assert kinds(sightings).count(SightingKind.UNKNOWN) == 1
    assert kinds(sightings)[-1] is SightingKind.UNKNOWN


def test_frames_that_each_look_like_another_person_are_nobody() -> None:
    door = Door({"ana": beside(0, 1, 0.2), "ben": beside(0, 1, -0.2)})
    between = [door.sees(Face(beside(0, 1, 0.12 * (-1) ** n))) for n in range(4)]
    assert not people([sighting for frame in between for sighting in frame])


def test_somebody_who_takes_the_place_of_another_is_recognised_too() -> None:
    door = Door()
    sightings = [*door.sees(Face(ANA), frames=4), *door.sees(Face(BEN), frames=60)]
    assert people(sightings) == ["ana", "ben"]
    recognised = [s.track_id for s in sightings if s.recognition is not None]
    assert recognised[0] != recognised[1]


def test_an_unknown_person_does_not_become_the_known_one_who_follows() -> None:
    door = Door()
    sightings = [*door.sees(Face(STRANGER), frames=10), *door.sees(Face(ANA), frames=60)]
    assert people(sightings) == ["ana"]
    assert sightings[-1].track_id != sightings[0].track_id


def test_leaving_is_said_once_and_not_for_a_missed_frame() -> None:
    door = Door()
    door.sees(Face(ANA), frames=3)
    assert door.sees(frames=3) == []
    assert kinds(door.sees(frames=60)) == [SightingKind.EMPTY]
    assert not door.recogniser.sees_somebody


def test_nobody_in_view_is_no_news() -> None:
    assert Door().sees(frames=30) == []


def test_a_kiosk_that_knows_nobody_says_nothing_and_embeds_nothing() -> None:
    door = Door({})
    assert door.sees(Face(ANA), frames=30) == []
    assert door.models.embedded_count == 0


def test_people_added_while_it_runs_are_known_from_the_next_frame() -> None:
    door = Door({"ben": BEN})
    assert not people(door.sees(Face(ANA), frames=3))
    door.gallery.change(PEOPLE)
    assert people(door.sees(Face(ANA))) == ["ana"]


def test_people_removed_while_it_runs_are_not_known_any_more() -> None:
    door = Door()
    door.sees(Face(ANA))
    door.gallery.change({"ben": BEN})
    assert not people(door.sees(Face(ANA), frames=10))


def test_somebody_not_due_here_must_keep_the_stricter_limit() -> None:
    face = Face(beside(0, 2, 0.47))
    assert people(Door(expected=frozenset({"ana"})).sees(face, frames=5)) == ["ana"]
    assert people(Door(expected=frozenset()).sees(face, frames=5)) == []


def test_the_largest_face_leads() -> None:
    near, far = Face(ANA, left=50, width=200), Face(BEN, left=400, width=90)
    assert people(Door().sees(far, near, frames=6)) == ["ana"]


def test_people_side_by_side_are_all_recognised_at_once() -> None:
    everybody = {f"p{n}": vector(*[0.0] * n, 1.0) for n in range(8)}
    faces = [Face(everybody[f"p{n}"], left=80.0 * n, width=75) for n in range(8)]
    door = Door(everybody)
    sightings = door.sees(*faces, frames=6)
    assert sorted(people(sightings)) == sorted(everybody)
    assert len({s.track_id for s in sightings if s.recognition is not None}) == 8


def test_more_than_can_be_followed_are_asked_to_come_one_at_a_time() -> None:
    faces = [Face(STRANGER, left=70.0 * n, width=65) for n in range(9)]
    assert Door().sees(*faces)[0].hint is Hint.ONE_AT_A_TIME


def test_no_frame_costs_more_than_its_share_of_comparisons() -> None:
    faces = [Face(STRANGER, left=80.0 * n, width=75) for n in range(8)]
    door = Door()
    door.sees(*faces)
    assert door.models.embedded_count == SETTINGS.max_embedded


def test_nobody_stands_in_two_places_and_the_nearer_keeps_the_name() -> None:
    near, far = Face(beside(0, 2, 0.1), left=20), Face(beside(0, 2, 0.3), left=400)
    sightings = Door().sees(far, near, frames=30)
    assert people(sightings) == ["ana"]
    (found,) = [s.recognition for s in sightings if s.recognition is not None]
    assert found.distance == pytest.approx(0.1, abs=1e-3)


def test_the_one_who_loses_a_name_is_judged_again_without_it() -> None:
    eva = beside(0, 1, 0.35)
    door = Door({"ana": vector(1.0), "eva": eva})
    between = Face(beside(0, 1, 0.15), left=400)
    sightings = door.sees(Face(ANA, left=20), between, frames=10)
    assert sorted(people(sightings)) == ["ana", "eva"]


def test_a_better_claim_takes_the_name_from_the_face_that_had_it() -> None:
    door = Door()
    first = Face(beside(0, 2, 0.3), left=20)
    assert people(door.sees(first, frames=4)) == ["ana"]
    sightings = door.sees(first, Face(ANA, left=400), frames=20)
    assert people(sightings) == ["ana"]


def test_frames_that_add_nothing_are_not_embedded() -> None:
    door = Door()
    door.sees(Face(STRANGER), frames=3)
    before = door.models.embedded_count
    door.recogniser = Recogniser(
        door.models,
        Knowledge(door.gallery, door.gallery),
        RecognitionSettings(unknown_after_frames=1000),
    )
    door.sees(Face(STRANGER), frames=60)
    assert door.models.embedded_count - before == 10
    assert door.models.mirrored_count == 2 * MIRRORED_FRAMES


def test_a_face_hidden_for_half_a_second_keeps_its_track() -> None:
    door = Door()
    seen = door.sees(Face(STRANGER), frames=2)
    door.sees(frames=7)
    again = door.sees(Face(STRANGER, left=230), frames=2)
    assert {s.track_id for s in [*seen, *again]} == {seen[0].track_id}


def test_a_poor_view_gives_one_hint_and_no_comparison() -> None:
    door = Door()
    sightings = door.sees(Face(ANA, width=30), frames=3)
    assert {sighting.hint for sighting in sightings} == {Hint.CLOSER}
    assert door.models.embedded_count == 0


def test_a_mistaken_detection_is_nobody() -> None:
    assert Door().sees(Face(ANA, is_real=False), frames=5) == []


def test_a_known_track_that_turns_away_is_asked_to_look() -> None:
    door = Door()
    door.sees(Face(ANA))
    (sighting,) = door.sees(Face(ANA, is_real=False))
    assert sighting.hint is Hint.LOOK_AT_CAMERA


def test_an_answered_person_costs_few_comparisons() -> None:
    door = Door()
    door.sees(Face(ANA), frames=45)
    assert door.models.embedded_count <= 2 + 45 * STEP_S / SETTINGS.recheck_s + 1


def test_a_sighting_is_dated_by_its_newest_frame() -> None:
    door = Door()
    assert door.sees(Face(ANA), frames=2)[-1].at_s == door.at_s


VEILED = Face(ANA, is_real=False, score=0.7)


def test_a_covered_face_is_offered_another_way_once_and_is_never_unknown() -> None:
    sightings = Door().sees(VEILED, frames=60)
    assert kinds(sightings) == [SightingKind.OTHER_WAY]


def test_another_way_takes_a_few_frames() -> None:
    door, enough = Door(), SETTINGS.other_way_after_frames
    assert door.sees(VEILED, frames=enough - 1) == []
    assert kinds(door.sees(VEILED)) == [SightingKind.OTHER_WAY]


def test_a_hand_before_the_mouth_for_a_moment_changes_nothing() -> None:
    door = Door()
    for _ in range(10):
        covered = door.sees(VEILED, frames=SETTINGS.other_way_after_frames - 1)
        assert SightingKind.OTHER_WAY not in kinds(covered)
        door.sees(Face(STRANGER))


def test_a_face_that_is_seen_after_all_is_recognised() -> None:
    door = Door()
    assert kinds(door.sees(VEILED, frames=20)) == [SightingKind.OTHER_WAY]
    assert people(door.sees(Face(ANA), frames=3)) == ["ana"]


def test_a_person_who_was_recognised_is_not_sent_on() -> None:
    door = Door()
    assert people(door.sees(Face(ANA), frames=3)) == ["ana"]
    assert SightingKind.OTHER_WAY not in kinds(door.sees(VEILED, frames=60))


@pytest.mark.parametrize(
    "mistake", [Face(ANA, is_real=False, score=0.55), Face(ANA, is_real=False, turn=0.4)]
)
def test_what_may_be_no_face_or_turned_away_is_not_sent_on(mistake: Face) -> None:
    assert Door().sees(mistake, frames=60) == []


def test_covered_faces_are_not_embedded() -> None:
    door = Door()
    door.sees(VEILED, frames=30)
    assert door.models.embedded_count == 0


def test_two_covered_faces_are_both_sent_on() -> None:
    beside = replace(VEILED, left=420.0)
    sightings = Door().sees(replace(VEILED, left=40.0), beside, frames=60)
    assert kinds(sightings) == [SightingKind.OTHER_WAY] * 2
    assert len({sighting.track_id for sighting in sightings}) == 2
