"""The active check: asks for a motion that nobody can know before, and watches for it.

What is asked for is drawn from the machine's secure randomness at the moment of asking, holds for
one track and one answer, and ends after three seconds. A recording can only be right by chance:
`guess_chance` says how often.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from models.stages.liveness.blink import find_blinks
from models.stages.liveness.limits import ChallengeLimits, LivenessLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Motion(StrEnum):
    """What can be asked for; left and right are the person's own."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    BLINK = "blink"


class ChallengeState(StrEnum):
    """How an answer stands."""

    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"


class ChallengeReason(StrEnum):
    """Why an answer failed."""

    TOO_LATE = "TOO_LATE"
    TOO_SOON = "TOO_SOON"
    WRONG_MOTION = "WRONG_MOTION"
    JUMPED = "JUMPED"
    FACE_LOST = "FACE_LOST"
    ALREADY_ANSWERED = "ALREADY_ANSWERED"


@dataclass(frozen=True)
class Challenge:
    """One motion asked of one track.

    Attributes:
        nonce: names it; answered once.
        motion: asked for.
        track_id: asked of; another face's motion is no answer.
        shown_at_s: when it appeared on the screen, on the frames' clock.
    """

    nonce: str
    motion: Motion
    track_id: int
    shown_at_s: float


@dataclass(frozen=True)
class PoseSample:
    """What a frame shows of a head.

    Attributes:
        time_s: of the frame.
        track_id: whose head.
        yaw_deg: see `models.stages.pose.HeadPose`.
        eye_aspect: see `models.stages.pose.eye_aspect_ratio`.
    """

    time_s: float
    track_id: int
    yaw_deg: float
    eye_aspect: float


@dataclass(frozen=True)
class ChallengeResult:
    """How an answer stands, and why it failed."""

    state: ChallengeState
    reason: ChallengeReason | None = None


_WAITING = ChallengeResult(ChallengeState.WAITING)
_PASSED = ChallengeResult(ChallengeState.PASSED)


def _failed(reason: ChallengeReason) -> ChallengeResult:
    return ChallengeResult(ChallengeState.FAILED, reason)


def guess_chance(motions: int, attempts: int) -> float:
    """How often a recording with one random motion per attempt passes.

    Args:
        motions: that may be asked for, > 0.
        attempts: allowed, >= 0.
    """
    return float(1.0 - (1.0 - 1.0 / motions) ** attempts)


@dataclass
class ChallengeDesk:
    """Asks, and takes each answer once. Used by one thread at a time.

    Attributes:
        motions: that may be asked for.
        choose: draws one of them; tests hand in their own.
    """

    motions: tuple[Motion, ...] = tuple(Motion)
    choose: Callable[[Sequence[Motion]], Motion] = secrets.choice
    limits: ChallengeLimits = field(default_factory=ChallengeLimits)
    _open: dict[str, Challenge] = field(default_factory=dict, init=False)

    def ask(self, track_id: int, now_s: float) -> Challenge:
        """Ask a track for a motion; what it was asked before is void.

        Args:
            track_id: of the face.
            now_s: when it is shown, on the frames' clock.
        """
        self._open = {n: asked for n, asked in self._open.items() if asked.track_id != track_id}
        challenge = Challenge(secrets.token_hex(16), self.choose(self.motions), track_id, now_s)
        self._open[challenge.nonce] = challenge
        return challenge

    def answer(
        self, challenge: Challenge, samples: Sequence[PoseSample], now_s: float
    ) -> ChallengeResult:
        """Judge what was seen since asking; a passed or failed challenge is spent.

        Args:
            challenge: as `ask` gave it.
            samples: frames of the track, in order of time.
            now_s: on the frames' clock.
        """
        if self._open.get(challenge.nonce) != challenge:
            return _failed(ChallengeReason.ALREADY_ANSWERED)
        result = judge_answer(challenge, samples, now_s, self.limits)
        if result.state is not ChallengeState.WAITING:
            del self._open[challenge.nonce]
        return result


def judge_answer(
    challenge: Challenge, samples: Sequence[PoseSample], now_s: float, limits: ChallengeLimits
) -> ChallengeResult:
    """Judge frames against a challenge; the same frames give the same answer.

    Args:
        challenge: the motion, the track that must make it, and the time it was shown.
        samples: in order of time; samples from before the challenge was shown are skipped.
        now_s: end of the time watched.
        limits: of motion and time.
    """
    end_s = challenge.shown_at_s + limits.deadline_s
    seen = [s for s in samples if challenge.shown_at_s <= s.time_s <= end_s]
    if any(sample.track_id != challenge.track_id for sample in seen):
        return _failed(ChallengeReason.FACE_LOST)
    broken = _broken(challenge, seen, min(now_s, end_s), limits)
    if broken is not None:
        return _failed(broken)
    judged = _blinked if challenge.motion is Motion.BLINK else _turned
    result = judged(challenge, seen, limits)
    if result.state is ChallengeState.WAITING and now_s > end_s:
        return _failed(ChallengeReason.TOO_LATE)
    return result


def _broken(
    challenge: Challenge, seen: Sequence[PoseSample], until_s: float, limits: ChallengeLimits
) -> ChallengeReason | None:
    """A face that was away, or a picture that was cut."""
    times = [challenge.shown_at_s, *(sample.time_s for sample in seen), until_s]
    if max(np.diff(times)) > limits.max_gap_s:
        return ChallengeReason.FACE_LOST
    between_s = np.maximum(np.diff(times[1:-1]), 1e-3)
    speeds = np.abs(np.diff([sample.yaw_deg for sample in seen])) / between_s
    return ChallengeReason.JUMPED if np.any(speeds > limits.max_speed_deg_s) else None


def _turned(
    challenge: Challenge, seen: Sequence[PoseSample], limits: ChallengeLimits
) -> ChallengeResult:
    """From the camera to the asked side, not the other side first, not before it was asked."""
    sign = 1.0 if challenge.motion is Motion.TURN_LEFT else -1.0
    rested_at_s: float | None = None
    for sample in seen:
        toward_deg = sign * sample.yaw_deg
        if abs(toward_deg) <= limits.rest_deg:
            rested_at_s = sample.time_s
        elif toward_deg <= -limits.turn_deg:
            return _failed(ChallengeReason.WRONG_MOTION)
        elif toward_deg >= limits.turn_deg:
            since_s = sample.time_s - challenge.shown_at_s
            if rested_at_s is None or since_s < limits.reaction_s:
                return _failed(ChallengeReason.TOO_SOON)
            if sample.time_s - rested_at_s < limits.rise_s:
                return _failed(ChallengeReason.JUMPED)
            return _PASSED
    return _WAITING


def _blinked(
    challenge: Challenge, seen: Sequence[PoseSample], limits: ChallengeLimits
) -> ChallengeResult:
    """Eyes shut and opened, with the head still towards the camera."""
    if any(abs(sample.yaw_deg) >= limits.turn_deg for sample in seen):
        return _failed(ChallengeReason.WRONG_MOTION)
    times = np.array([sample.time_s for sample in seen], np.float64)
    ratios = np.array([sample.eye_aspect for sample in seen], np.float64)
    blinks = find_blinks(times, ratios, LivenessLimits())
    if not blinks:
        return _WAITING
    if blinks[0].shut_at_s - challenge.shown_at_s < limits.reaction_s:
        return _failed(ChallengeReason.TOO_SOON)
    return _PASSED
