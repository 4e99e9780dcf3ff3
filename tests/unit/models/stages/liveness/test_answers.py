"""A look up and a wide mouth pass where asked for; nothing else passes, whatever the curves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.liveness.answers import fastest_deg_s, pitched
from models.stages.liveness.challenge import (
    Challenge,
    ChallengeReason,
    ChallengeResult,
    ChallengeState,
    Motion,
    PoseSample,
    failed,
    judge_answer,
    pose_sample,
)
from models.stages.liveness.limits import ChallengeLimits
from tests.unit.models.stages.head_mesh import head, turned

TRACK, SHOWN_S = 7, 100.0
LIMITS = ChallengeLimits()
TIMES = np.arange(0.05, 3.0, 1 / 15)
PASSED = ChallengeResult(ChallengeState.PASSED)
AFTER_S = SHOWN_S + 3.05
COUNT = len(TIMES)
CURVES = st.lists(st.floats(-1, 1), min_size=COUNT, max_size=COUNT)


def asked(motion: Motion) -> Challenge:
    return Challenge("nonce", motion, TRACK, SHOWN_S)


def samples(
    yaw: object = 0.0, pitch: object = 0.0, eyes: object = 0.3, mouth: object = 0.02
) -> list[PoseSample]:
    """Three seconds at 15 frames a second, each value a number or one for each frame."""
    rows = np.broadcast_arrays(
        TIMES, *(np.asarray(one, float) for one in (yaw, pitch, eyes, mouth))
    )
    return [
        PoseSample(SHOWN_S + t, TRACK, y, e, p, m)
        for t, y, p, e, m in zip(*(row.tolist() for row in rows), strict=True)
    ]


def judged(motion: Motion, seen: list[PoseSample], now_s: float = AFTER_S) -> ChallengeResult:
    return judge_answer(asked(motion), seen, now_s, LIMITS)


def peak(height: float, begin_s: float = 0.6, rise_s: float = 0.3, hold_s: float = 0.5) -> object:
    knots = np.cumsum([begin_s, rise_s, hold_s, rise_s])
    return np.interp(TIMES, knots, [0, height, height, 0])


@given(
    rest=st.floats(-25, 25),
    up=st.floats(19, 40),
    begin=st.floats(0.3, 1.5),
    rise=st.floats(0.3, 0.6),
)
def test_a_look_up_counts_from_where_the_head_pointed(
    rest: float, up: float, begin: float, rise: float
) -> None:
    seen = samples(pitch=rest - np.asarray(peak(up, begin, rise)))

    assert judged(Motion.LOOK_UP, seen) == PASSED
    for other in (Motion.TURN_LEFT, Motion.TURN_RIGHT, Motion.BLINK, Motion.OPEN_MOUTH):
        assert judged(other, seen) == failed(ChallengeReason.WRONG_MOTION)


@given(up=st.floats(-17.5, 17.5))
def test_a_smaller_look_up_is_too_late_in_the_end(up: float) -> None:
    seen = samples(pitch=-np.asarray(peak(up)))

    assert judged(Motion.LOOK_UP, seen, SHOWN_S + 2.9).state is ChallengeState.WAITING
    assert judged(Motion.LOOK_UP, seen) == failed(ChallengeReason.TOO_LATE)


def test_a_nod_is_no_look_up() -> None:
    nod = np.asarray(peak(20, 0.3)) - np.asarray(peak(20, 1.6))

    assert judged(Motion.LOOK_UP, samples(pitch=nod * 1.2)) == failed(ChallengeReason.WRONG_MOTION)


def test_a_head_that_was_up_before_it_was_asked_has_not_answered() -> None:
    assert judged(Motion.LOOK_UP, samples(pitch=-30)) == failed(ChallengeReason.TOO_LATE)


def test_a_head_on_its_way_up_when_asked_is_too_soon() -> None:
    rising = np.interp(TIMES, [0.0, 0.35], [0, -40])

    assert judged(Motion.LOOK_UP, samples(pitch=rising)) == failed(ChallengeReason.TOO_SOON)


@given(open_to=st.floats(0.55, 1.2), begin=st.floats(0.3, 1.5), rise=st.floats(0.1, 0.4))
def test_a_wide_mouth_counts_once_it_was_held(open_to: float, begin: float, rise: float) -> None:
    seen = samples(mouth=0.02 + np.asarray(peak(open_to, begin, rise)))

    assert judged(Motion.OPEN_MOUTH, seen) == PASSED
    assert judged(Motion.TURN_LEFT, seen) == failed(ChallengeReason.WRONG_MOTION)


def test_a_mouth_that_was_open_all_the_time_does_not_count() -> None:
    assert judged(Motion.OPEN_MOUTH, samples(mouth=0.8)) == failed(ChallengeReason.TOO_SOON)


def test_a_mouth_that_never_shuts_first_does_not_count() -> None:
    half_open = np.maximum(0.4, np.asarray(peak(0.8)))

    assert judged(Motion.OPEN_MOUTH, samples(mouth=half_open)) == failed(ChallengeReason.TOO_SOON)


@given(open_to=st.floats(0.1, 1.2), rate_hz=st.floats(2.5, 6))
def test_a_talking_mouth_does_not_count(open_to: float, rate_hz: float) -> None:
    talking = open_to * (0.5 - 0.5 * np.cos(2 * np.pi * rate_hz * TIMES))

    assert judged(Motion.OPEN_MOUTH, samples(mouth=talking)).state is ChallengeState.FAILED


def test_a_mouth_that_is_cut_open_is_a_jump() -> None:
    cut = [
        PoseSample(SHOWN_S + t, TRACK, 0.0, 0.3, 0.0, 0.9 if t > 1.04 else 0.02)
        for t in np.arange(0.05, 3.0, 0.05)
    ]

    assert judged(Motion.OPEN_MOUTH, cut) == failed(ChallengeReason.JUMPED)


@pytest.mark.parametrize("motion", list(Motion))
@given(yaw=CURVES, pitch=CURVES, mouth=CURVES)
def test_a_curve_without_the_asked_motion_never_passes(
    motion: Motion, yaw: list[float], pitch: list[float], mouth: list[float]
) -> None:
    """Any curves that stay below every limit."""
    seen = samples(
        yaw=np.array(yaw) * 21,
        pitch=np.array(pitch) * 8.9,  # 17.8 from end to end
        mouth=np.abs(mouth) * 0.49,
    )

    assert judged(motion, seen) != PASSED


@pytest.mark.parametrize("motion", list(Motion))
@given(yaw=CURVES, pitch=CURVES, mouth=CURVES, eyes=CURVES, alien=st.integers(0, COUNT - 1))
def test_frames_of_another_face_never_pass(
    motion: Motion,
    yaw: list[float],
    pitch: list[float],
    mouth: list[float],
    eyes: list[float],
    alien: int,
) -> None:
    seen = samples(np.array(yaw) * 60, np.array(pitch) * 40, np.abs(eyes) * 0.4, np.abs(mouth))
    seen[alien] = replace(seen[alien], track_id=TRACK + 1)

    assert judged(motion, seen) == failed(ChallengeReason.FACE_LOST)


@pytest.mark.parametrize("motion", list(Motion))
@given(at=st.integers(1, COUNT - 1), jump=st.floats(30, 90), is_pitch=st.booleans())
def test_a_jump_never_passes(motion: Motion, at: int, jump: float, is_pitch: bool) -> None:
    step = np.where(np.arange(COUNT) >= at, jump, 0.0)
    seen = samples(pitch=-step) if is_pitch else samples(yaw=step)

    assert judged(motion, seen) == failed(ChallengeReason.JUMPED)


@given(
    curve=CURVES,
    motions=st.permutations([Motion.TURN_LEFT, Motion.TURN_RIGHT, Motion.LOOK_UP]),
)
def test_a_recording_that_makes_one_motion_after_another_answers_with_the_first_alone(
    curve: list[float], motions: list[Motion]
) -> None:
    noise = np.array(curve)
    yaw, pitch = noise * 2, noise[::-1] * 2
    for number, motion in enumerate(motions):
        move = np.asarray(peak(30, 0.4 + 0.85 * number, 0.25, 0.1))
        sign = {Motion.TURN_LEFT: 1, Motion.TURN_RIGHT: -1, Motion.LOOK_UP: 0}[motion]
        yaw, pitch = yaw + sign * move, pitch - (sign == 0) * move

    passed = [motion for motion in Motion if judged(motion, samples(yaw, pitch)) == PASSED]
    assert passed == [motions[0]]


def test_what_a_frame_shows_is_read_off_its_points() -> None:
    points = turned(head(0.3), 20, -10)
    points[[13, 14, 78, 308]] = [(0, 20, 0), (0, 30, 0), (-20, 25, 0), (20, 25, 0)]
    sample = pose_sample(1.5, 3, points)

    assert (sample.time_s, sample.track_id) == (1.5, 3)
    assert (sample.yaw_deg, sample.pitch_deg) == pytest.approx((20, -10), abs=0.01)
    assert (sample.eye_aspect, sample.mouth_aspect) == pytest.approx((0.3, 0.25), rel=1e-3)


def test_nothing_seen_has_no_motion_and_no_speed() -> None:
    assert pitched([], 1.0, LIMITS) is None
    assert fastest_deg_s(samples()[:1]) == 0.0
