"""The active check: asks for a motion that nobody can know before, and takes one answer.

What is asked for is drawn from the machine's secure randomness at the moment of asking. It is
never what was asked last, neither of this person nor at this kiosk. It holds for one track and one
answer, and ends after three seconds. A recording can only be right by chance: `guess_chance` says
how often.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from models.stages.liveness.answers import (
    MadeMotion,
    PoseSample,
    blinked,
    fastest_deg_s,
    opened_mouth,
    pitched,
    turned,
)
from models.stages.liveness.limits import ChallengeLimits
from models.stages.pose import eye_aspect_ratio, head_pose, mouth_aspect_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.stages.images import FloatArray

__all__ = (
    "Challenge",
    "ChallengeDesk",
    "ChallengeReason",
    "ChallengeResult",
    "ChallengeState",
    "Motion",
    "PoseSample",
    "failed",
    "guess_chance",
    "judge_answer",
    "pose_sample",
)
_PEOPLE_KEPT = 512
"""Number of people whose last motion is remembered; the oldest are forgotten first."""


class Motion(StrEnum):
    """What can be asked for; left and right are the person's own."""

    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    BLINK = "blink"
    LOOK_UP = "look_up"
    OPEN_MOUTH = "open_mouth"


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
class ChallengeResult:
    """How an answer stands, and why it failed."""

    state: ChallengeState
    reason: ChallengeReason | None = None


def pose_sample(time_s: float, track_id: int, points_px: FloatArray) -> PoseSample:
    """Return what the active check needs of a frame.

    Args:
        time_s: of the frame.
        track_id: whose head.
        points_px: (468, 3). Not modified.
    """
    pose = head_pose(points_px)
    eyes, mouth = eye_aspect_ratio(points_px), mouth_aspect_ratio(points_px)
    return PoseSample(time_s, track_id, pose.yaw_deg, eyes, pose.pitch_deg, mouth)


def failed(reason: ChallengeReason) -> ChallengeResult:
    """Return the result of an answer that failed."""
    return ChallengeResult(ChallengeState.FAILED, reason)


def guess_chance(choices: int, attempts: int) -> float:
    """Return how often a recording with one random motion per attempt passes.

    Args:
        choices: motions that may be asked for next, > 0. Of five motions these are four, as the
            last one is left out; three where the person's last one and the kiosk's differ.
        attempts: allowed, >= 0.
    """
    return float(1.0 - (1.0 - 1.0 / choices) ** attempts)


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
    _last: Motion | None = field(default=None, init=False)
    _last_of: OrderedDict[str, Motion] = field(default_factory=OrderedDict, init=False)

    def ask(self, track_id: int, now_s: float, person_id: str = "") -> Challenge:
        """Ask a track for a motion; what it was asked before is void.

        Args:
            track_id: of the face.
            now_s: when it is shown, on the frames' clock.
            person_id: the person that the face was recognised as; empty where that is not known.
        """
        self._open = {n: asked for n, asked in self._open.items() if asked.track_id != track_id}
        challenge = Challenge(secrets.token_hex(16), self._draw(person_id), track_id, now_s)
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
            return failed(ChallengeReason.ALREADY_ANSWERED)
        result = judge_answer(challenge, samples, now_s, self.limits)
        if result.state is not ChallengeState.WAITING:
            del self._open[challenge.nonce]
        return result

    def _draw(self, person_id: str) -> Motion:
        """Draw from the motions that were not the last one here or of this person."""
        last = {self._last, self._last_of.get(person_id)}
        motion = self.choose([one for one in self.motions if one not in last] or self.motions)
        self._last = motion
        if person_id:
            self._last_of[person_id] = motion
            self._last_of.move_to_end(person_id)
            if len(self._last_of) > _PEOPLE_KEPT:
                self._last_of.popitem(last=False)
        return motion


_PASSED = ChallengeResult(ChallengeState.PASSED)
_WAITING = ChallengeResult(ChallengeState.WAITING)


def judge_answer(
    challenge: Challenge, samples: Sequence[PoseSample], now_s: float, limits: ChallengeLimits
) -> ChallengeResult:
    """Judge frames against a challenge; the same frames give the same answer.

    The first motion that is complete must be the one that was asked for. It begins from rest after
    the challenge was shown.

    Args:
        challenge: the motion, the track that must make it, and the time it was shown.
        samples: in order of time; samples from before the challenge was shown are skipped.
        now_s: end of the time watched.
        limits: of motion and time.
    """
    end_s = challenge.shown_at_s + limits.deadline_s
    seen = [s for s in samples if challenge.shown_at_s <= s.time_s <= end_s]
    if any(sample.track_id != challenge.track_id for sample in seen):
        return failed(ChallengeReason.FACE_LOST)
    broken = _broken(challenge, seen, min(now_s, end_s), limits)
    if broken is not None:
        return failed(broken)
    made = _made(seen, challenge.motion, limits)
    others = [one.done_at_s for motion, one in made.items() if motion is not challenge.motion]
    asked = made.get(challenge.motion)
    if others and (asked is None or min(others) <= asked.done_at_s):
        return failed(ChallengeReason.WRONG_MOTION)
    if asked is not None:
        return _judge_motion(asked, challenge, limits)
    return failed(ChallengeReason.TOO_LATE) if now_s > end_s else _WAITING


def _broken(
    challenge: Challenge, seen: Sequence[PoseSample], until_s: float, limits: ChallengeLimits
) -> ChallengeReason | None:
    """A face that was away, or a picture that was cut."""
    times = [challenge.shown_at_s, *(sample.time_s for sample in seen), until_s]
    if max(np.diff(times)) > limits.max_gap_s:
        return ChallengeReason.FACE_LOST
    is_cut = fastest_deg_s(seen) > limits.max_speed_deg_s
    return ChallengeReason.JUMPED if is_cut else None


def _made(
    seen: Sequence[PoseSample], asked: Motion, limits: ChallengeLimits
) -> dict[Motion | None, MadeMotion]:
    """Return every motion that was made; None stands for a look down.

    People blink unasked, so a blink counts only where it was asked for. A look down counts against
    a look up alone: who turns the head may lower it.
    """
    found: dict[Motion | None, MadeMotion | None] = {
        Motion.TURN_LEFT: turned(seen, 1.0, limits),
        Motion.TURN_RIGHT: turned(seen, -1.0, limits),
        Motion.LOOK_UP: pitched(seen, 1.0, limits),
        Motion.OPEN_MOUTH: opened_mouth(seen, limits),
    }
    if asked is Motion.BLINK:
        found[Motion.BLINK] = blinked(seen)
    if asked is Motion.LOOK_UP:
        found[None] = pitched(seen, -1.0, limits)
    return {motion: made for motion, made in found.items() if made is not None}


def _judge_motion(
    made: MadeMotion, challenge: Challenge, limits: ChallengeLimits
) -> ChallengeResult:
    """Pass the asked motion if it began from rest, after it was shown, and was not cut in."""
    since_s = made.reached_at_s - challenge.shown_at_s
    if made.rested_at_s is None or since_s < limits.reaction_s:
        return failed(ChallengeReason.TOO_SOON)
    if challenge.motion is Motion.BLINK:  # eyes shut from one frame to the next
        return _PASSED
    is_cut = made.reached_at_s - made.rested_at_s < limits.rise_s
    return failed(ChallengeReason.JUMPED) if is_cut else _PASSED
