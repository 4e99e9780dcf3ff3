"""Only the asked motion counts, of the asked face, after it was asked and before the deadline."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.liveness.challenge import (
    Challenge,
    ChallengeDesk,
    ChallengeReason,
    ChallengeResult,
    ChallengeState,
    Motion,
    PoseSample,
    guess_chance,
    judge_answer,
)
from models.stages.liveness.limits import ChallengeLimits

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACK, SHOWN_S = 7, 100.0
LIMITS = ChallengeLimits()


def asked(motion: Motion) -> Challenge:
    return Challenge("nonce", motion, TRACK, SHOWN_S)


def turning(peak_deg: float, begin_s: float = 0.6, rise_s: float = 0.4) -> list[PoseSample]:
    """Three seconds at 15 frames a second with one turn to and fro."""
    times = np.arange(-0.2, 3.2, 1 / 15)
    yaw = np.interp(times, [begin_s, begin_s + rise_s, begin_s + 2 * rise_s], [0, peak_deg, 0])
    return [
        PoseSample(SHOWN_S + float(t), TRACK, float(y), 0.3)
        for t, y in zip(times, yaw, strict=True)
    ]


def blinking(shut_s: float = 1.0, length_s: float = 0.15) -> list[PoseSample]:
    times = np.arange(-0.2, 3.2, 1 / 30)
    is_shut = (times >= shut_s) & (times < shut_s + length_s)
    return [
        PoseSample(SHOWN_S + float(t), TRACK, 2.0, 0.08 if shut else 0.3)
        for t, shut in zip(times, is_shut, strict=True)
    ]


def judged(motion: Motion, samples: Sequence[PoseSample], after_s: float = 3.1) -> ChallengeResult:
    watched = [sample for sample in samples if sample.time_s <= SHOWN_S + after_s]
    return judge_answer(asked(motion), watched, SHOWN_S + after_s, LIMITS)


def failed(reason: ChallengeReason) -> ChallengeResult:
    return ChallengeResult(ChallengeState.FAILED, reason)


PASSED = ChallengeResult(ChallengeState.PASSED)


@given(peak=st.floats(28, 60), begin=st.floats(0.3, 1.5), rise=st.floats(0.4, 0.7))
def test_a_turn_passes_where_it_was_asked_for_and_fails_where_the_other_was(
    peak: float, begin: float, rise: float
) -> None:
    left = turning(peak, begin, rise)

    assert judged(Motion.TURN_LEFT, left) == PASSED
    assert judged(Motion.TURN_RIGHT, left) == failed(ChallengeReason.WRONG_MOTION)
    assert judged(Motion.BLINK, left) == failed(ChallengeReason.WRONG_MOTION)


@given(peak=st.floats(-21, 21))
def test_a_smaller_turn_is_too_late_in_the_end(peak: float) -> None:
    assert judged(Motion.TURN_LEFT, turning(peak), 1.0).state is ChallengeState.WAITING
    assert judged(Motion.TURN_LEFT, turning(peak)) == failed(ChallengeReason.TOO_LATE)


def test_a_turn_after_the_deadline_does_not_count() -> None:
    late = turning(40, begin_s=2.85)

    assert judged(Motion.TURN_LEFT, late) == failed(ChallengeReason.TOO_LATE)


def test_a_turn_that_began_before_it_was_asked_for_does_not_count() -> None:
    assert judged(Motion.TURN_LEFT, turning(40, -0.2, 0.2)) == failed(ChallengeReason.TOO_SOON)


def test_a_cut_in_a_recording_is_a_jump() -> None:
    assert judged(Motion.TURN_LEFT, turning(45, rise_s=0.05)) == failed(ChallengeReason.JUMPED)


def test_a_face_that_was_away_has_not_answered() -> None:
    samples = [s for s in turning(40, 1.5) if not 0.3 < s.time_s - SHOWN_S < 1.0]

    assert judged(Motion.TURN_LEFT, samples) == failed(ChallengeReason.FACE_LOST)


def test_another_face_cannot_answer() -> None:
    others = [PoseSample(s.time_s, TRACK + 1, s.yaw_deg, s.eye_aspect) for s in turning(40)]

    assert judged(Motion.TURN_LEFT, others) == failed(ChallengeReason.FACE_LOST)


@given(shut=st.floats(0.3, 2.5), length=st.floats(0.09, 0.4))
def test_a_blink_passes_where_it_was_asked_for(shut: float, length: float) -> None:
    assert judged(Motion.BLINK, blinking(shut, length)) == PASSED
    assert judged(Motion.TURN_LEFT, blinking(shut, length)) == failed(ChallengeReason.TOO_LATE)


@pytest.mark.parametrize("length_s", [0.0, 0.7])
def test_no_blink_and_a_nap_are_no_answers(length_s: float) -> None:
    assert judged(Motion.BLINK, blinking(1.0, length_s)) == failed(ChallengeReason.TOO_LATE)


def test_an_answer_is_taken_once() -> None:
    desk = ChallengeDesk(choose=lambda _: Motion.TURN_LEFT)
    challenge = desk.ask(TRACK, SHOWN_S)

    assert desk.answer(challenge, turning(40), SHOWN_S + 3) == PASSED
    again = desk.answer(challenge, turning(40), SHOWN_S + 3)
    assert again == failed(ChallengeReason.ALREADY_ANSWERED)


def test_asking_again_makes_the_first_question_void() -> None:
    desk = ChallengeDesk(choose=lambda _: Motion.TURN_LEFT)
    first = desk.ask(TRACK, SHOWN_S)
    desk.ask(TRACK, SHOWN_S)

    answer = desk.answer(first, turning(40), SHOWN_S + 3)
    assert answer == failed(ChallengeReason.ALREADY_ANSWERED)


def test_a_made_up_challenge_is_no_challenge() -> None:
    answer = ChallengeDesk().answer(asked(Motion.TURN_LEFT), turning(40), SHOWN_S + 3)

    assert answer == failed(ChallengeReason.ALREADY_ANSWERED)


def test_questions_are_drawn_evenly_and_named_differently() -> None:
    desk = ChallengeDesk()
    challenges = [desk.ask(TRACK, 0.0) for _ in range(1500)]
    counts = Counter(challenge.motion for challenge in challenges)

    assert min(counts[motion] for motion in Motion) > 220  # 300 each, less five deviations
    assert len({challenge.nonce for challenge in challenges}) == 1500


@given(people=st.lists(st.sampled_from(["", "a", "b", "c"]), max_size=60))
def test_no_motion_comes_twice_in_a_row_at_a_kiosk_or_for_a_person(people: list[str]) -> None:
    desk = ChallengeDesk()
    asked = [(person, desk.ask(TRACK, 0.0, person).motion) for person in people]

    motions = [motion for _, motion in asked]
    assert all(one is not following for one, following in pairwise(motions))
    for person in {"a", "b", "c"}:
        own = [motion for who, motion in asked if who == person]
        assert all(one is not following for one, following in pairwise(own))


def test_each_question_is_drawn_from_three_motions_at_least() -> None:
    choices: list[int] = []

    def first(motions: Sequence[Motion]) -> Motion:
        choices.append(len(motions))
        return motions[0]

    desk = ChallengeDesk(choose=first)
    for person in ("a", "b", "a", "b", ""):
        desk.ask(TRACK, 0.0, person)

    assert choices == [5, 4, 3, 3, 4]


def test_the_oldest_of_many_people_are_forgotten() -> None:
    desk = ChallengeDesk()
    for number in range(600):
        desk.ask(TRACK, 0.0, f"p{number}")

    assert len(desk._last_of) == 512
    assert "p599" in desk._last_of


def test_chance_of_a_guess() -> None:
    assert guess_chance(4, 1) == pytest.approx(1 / 4)
    assert guess_chance(3, 2) == pytest.approx(5 / 9)
