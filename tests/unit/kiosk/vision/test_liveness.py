"""A match waits for a sign of life; nothing is asked of two people at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from kiosk.domain.liveness import UNCHECKED, LivenessReading, LivenessVerdict, Motion
from kiosk.vision.liveness import PASSIVE_WAIT_S, LivenessGate
from models.stages.liveness import challenge
from protocol.v1.messages import LivenessLevel
from tests.unit.models.stages.head_mesh import Points, flat, head, turned
from tests.unit.models.stages.liveness.scenes import STEP_S, Image, placed, view


class Stage:
    """A face before the camera, whose every frame the test makes."""

    def __init__(self, level: LivenessLevel, asks: Motion = Motion.TURN_LEFT) -> None:
        wanted = challenge.Motion(asks)
        self.gate = LivenessGate(challenge.ChallengeDesk(choose=lambda _: wanted))
        self.level = level
        self.is_sure = True
        self.at_s = 0.0

    def turns(self, seconds: float, yaw_deg: float, track: int = 1) -> LivenessReading | None:
        """A head that turns from the camera to one side and back, and sways as it does."""
        begun_s = self.at_s
        while self.at_s < begun_s + seconds:
            yaw = yaw_deg * np.sin(np.pi * (self.at_s - begun_s) / seconds)
            reading = self._frame(yaw / 4, turned(head(), yaw), view(yaw / 4, yaw / 6), track)
            if reading is not None:
                return reading
        return None

    def held_print(self, seconds: float) -> LivenessReading | None:
        """A picture that moves before a wall, with everything on it."""
        begun_s = self.at_s
        while self.at_s < begun_s + seconds:
            aside = 9 * np.sin(5 * self.at_s)
            frame = view(aside, carried=aside)
            reading = self._frame(aside, flat(head()), frame, 1)
            if reading is not None:
                return reading
        return None

    def _frame(
        self, aside: float, shape: Points, frame: Image, track: int
    ) -> LivenessReading | None:
        self.at_s += STEP_S
        self.gate.observe(track, self.at_s, frame, placed(shape, aside))
        person_id = f"person-{track}" if self.is_sure else None
        return self.gate.reading(track, self.level, self.at_s, person_id)


def test_off_asks_for_nothing() -> None:
    assert LivenessGate().reading(1, LivenessLevel.OFF, 0.0) is UNCHECKED


def test_a_head_that_moves_is_live_without_doing_anything_asked() -> None:
    reading = Stage(LivenessLevel.PASSIVE).turns(2.0, 25)

    assert reading is not None
    assert (reading.verdict, reading.level) == (LivenessVerdict.LIVE, LivenessLevel.PASSIVE)
    assert reading.score is not None
    assert reading.score > 0.5


def test_a_picture_in_a_hand_is_an_attack() -> None:
    reading = Stage(LivenessLevel.PASSIVE).held_print(3.0)

    assert reading is not None
    assert reading.verdict is LivenessVerdict.ATTACK


def test_who_keeps_still_waits_no_longer_than_the_deadline() -> None:
    stage = Stage(LivenessLevel.PASSIVE)
    reading = stage.turns(5.0, 0)

    assert reading is not None
    assert reading.verdict is LivenessVerdict.UNDECIDED
    assert stage.at_s == pytest.approx(PASSIVE_WAIT_S, abs=2 * STEP_S)


def test_who_makes_the_motion_asked_for_is_live() -> None:
    stage = Stage(LivenessLevel.ACTIVE)
    assert stage.turns(0.3, 0) is None
    assert stage.gate.asked(1) is Motion.TURN_LEFT

    reading = stage.turns(1.5, 35)

    assert reading is not None
    assert (reading.verdict, reading.level) == (LivenessVerdict.LIVE, LivenessLevel.ACTIVE)
    assert stage.gate.asked(1) is None


@pytest.mark.parametrize("yaw_deg", [0, -35])
def test_another_motion_or_none_proves_nothing(yaw_deg: float) -> None:
    stage = Stage(LivenessLevel.ACTIVE)
    stage.turns(0.3, 0)

    reading = stage.turns(4.0, yaw_deg)

    assert reading is not None
    assert reading.verdict is LivenessVerdict.UNDECIDED


def test_a_picture_does_not_make_the_motion() -> None:
    reading = Stage(LivenessLevel.ACTIVE).held_print(4.0)

    assert reading is not None
    assert reading.verdict is LivenessVerdict.ATTACK


def test_one_person_is_asked_at_a_time() -> None:
    stage = Stage(LivenessLevel.ACTIVE)
    stage.turns(0.3, 0, track=1)
    stage.turns(0.3, 0, track=2)
    assert stage.gate.asked(1) is not None
    assert stage.gate.asked(2) is None

    stage.gate.keep_only([2])
    stage.turns(0.3, 0, track=2)

    assert stage.gate.asked(2) is not None


def test_an_answer_stands_and_is_not_asked_for_again() -> None:
    stage = Stage(LivenessLevel.PASSIVE)
    first = stage.turns(5.0, 0)

    assert stage.turns(2.0, 25) is first


def test_who_moves_is_live_without_being_asked_where_only_the_unsure_are() -> None:
    stage = Stage(LivenessLevel.WHEN_UNSURE)
    reading = stage.turns(2.0, 25)

    assert reading is not None
    assert (reading.verdict, reading.level) == (LivenessVerdict.LIVE, LivenessLevel.PASSIVE)
    assert stage.gate.asked(1) is None


def test_a_picture_in_a_hand_is_not_asked_where_only_the_unsure_are() -> None:
    stage = Stage(LivenessLevel.WHEN_UNSURE)
    reading = stage.held_print(3.0)

    assert reading is not None
    assert (reading.verdict, reading.level) == (LivenessVerdict.ATTACK, LivenessLevel.PASSIVE)
    assert stage.gate.asked(1) is None


@pytest.mark.parametrize(
    ("yaw_deg", "verdict"), [(35, LivenessVerdict.LIVE), (0, LivenessVerdict.UNDECIDED)]
)
def test_who_keeps_still_is_asked_after_the_passive_wait(
    yaw_deg: float, verdict: LivenessVerdict
) -> None:
    stage = Stage(LivenessLevel.WHEN_UNSURE)
    assert stage.turns(PASSIVE_WAIT_S - 0.1, 0) is None
    assert stage.gate.asked(1) is None
    assert stage.turns(0.4, 0) is None
    assert stage.gate.asked(1) is Motion.TURN_LEFT

    reading = stage.turns(1.5, yaw_deg) or stage.turns(2.0, 0)

    assert reading is not None
    assert (reading.verdict, reading.level) == (verdict, LivenessLevel.ACTIVE)


def asked_and_waiting() -> Stage:
    """One face is asked, and another one waits for its question."""
    stage = Stage(LivenessLevel.ACTIVE)
    stage.turns(0.3, 0, track=1)
    stage.turns(0.3, 0, track=2)
    assert (stage.gate.asked(1), stage.gate.asked(2)) == (Motion.TURN_LEFT, None)
    return stage


def test_a_question_to_a_face_that_is_not_judged_any_more_ends_with_its_time() -> None:
    stage = asked_and_waiting()

    stage.turns(3.2, 0, track=2)

    assert stage.gate.asked(2) is Motion.TURN_LEFT


def test_who_waits_for_a_question_may_be_live_without_one() -> None:
    stage = Stage(LivenessLevel.WHEN_UNSURE)
    stage.turns(PASSIVE_WAIT_S - 1.0, 0, track=2)
    stage.turns(PASSIVE_WAIT_S + 0.2, 0, track=1)
    assert (stage.gate.asked(1), stage.gate.asked(2)) == (Motion.TURN_LEFT, None)

    reading = stage.turns(2.5, 25, track=2)

    assert reading is not None
    assert (reading.verdict, reading.level) == (LivenessVerdict.LIVE, LivenessLevel.PASSIVE)


def test_nobody_is_live_while_the_newest_frame_does_not_surely_show_the_match() -> None:
    stage = Stage(LivenessLevel.PASSIVE)
    stage.is_sure = False
    assert stage.turns(2.0, 25) is None

    stage.is_sure = True
    assert stage.turns(0.2, 5) is not None


def test_another_level_starts_from_nothing() -> None:
    stage = Stage(LivenessLevel.PASSIVE)
    assert stage.turns(2.0, 25) is not None

    stage.level = LivenessLevel.ACTIVE

    assert stage.turns(0.3, 0) is None
    assert stage.gate.asked(1) is Motion.TURN_LEFT


def test_a_new_track_starts_with_nothing_known() -> None:
    stage = Stage(LivenessLevel.WHEN_UNSURE)
    assert stage.turns(2.0, 25) is not None
    stage.gate.keep_only([2])

    assert stage.turns(PASSIVE_WAIT_S - 0.1, 0, track=2) is None
    stage.gate.keep_only([])
    assert stage.turns(PASSIVE_WAIT_S - 0.1, 0, track=1) is None


def test_the_time_to_answer_runs_down() -> None:
    stage = Stage(LivenessLevel.ACTIVE)
    assert stage.gate.time_left(1, 0.0) == 0.0
    stage.turns(STEP_S, 0)
    asked_at_s = stage.at_s

    left = [stage.gate.time_left(1, asked_at_s + after_s) for after_s in (0.0, 1.5, 3.0, 9.0)]
    assert left == pytest.approx([1.0, 0.5, 0.0, 0.0])


def test_nobody_is_asked_for_the_same_motion_twice_in_a_row() -> None:
    gate = LivenessGate()
    asked = []
    for track in range(1, 40):
        person = "other" if track % 2 else "person"
        gate.reading(track, LivenessLevel.ACTIVE, float(track), person)
        asked.append(gate.asked(track))
        gate.keep_only([])

    assert None not in asked
    assert all(one is not following for one, following in pairwise(asked))
    assert all(one is not following for one, following in pairwise(asked[::2]))
