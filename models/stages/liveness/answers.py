"""Finds the motions that can be asked for in what was seen of a head: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.stages.liveness.blink import find_blinks
from models.stages.liveness.limits import ChallengeLimits, LivenessLimits

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class PoseSample:
    """What a frame shows of a head.

    Attributes:
        time_s: of the frame.
        track_id: whose head.
        yaw_deg: see `models.stages.pose.HeadPose`.
        eye_aspect: see `models.stages.pose.eye_aspect_ratio`.
        pitch_deg: see `models.stages.pose.HeadPose`.
        mouth_aspect: see `models.stages.pose.mouth_aspect_ratio`.
    """

    time_s: float
    track_id: int
    yaw_deg: float
    eye_aspect: float
    pitch_deg: float = 0.0
    mouth_aspect: float = 0.0


@dataclass(frozen=True)
class MadeMotion:
    """A motion that was made.

    Attributes:
        rested_at_s: last frame before it in which the head was at rest; None where it never was.
        reached_at_s: first frame in which it was far enough.
        done_at_s: first frame in which it was complete.
    """

    rested_at_s: float | None
    reached_at_s: float
    done_at_s: float


def turned(seen: Sequence[PoseSample], sign: float, limits: ChallengeLimits) -> MadeMotion | None:
    """Return the first turn to one side.

    Args:
        seen: in order of time.
        sign: 1 for the person's left, -1 for their right.
        limits: of rest and turn.
    """
    yaw_deg = [sign * sample.yaw_deg for sample in seen]
    return _reached(seen, yaw_deg, limits.rest_deg, limits.turn_deg)


def pitched(seen: Sequence[PoseSample], sign: float, limits: ChallengeLimits) -> MadeMotion | None:
    """Return the first look up or down, from where the head pointed when it was asked.

    A camera above or below the face sees any head pitched, so the first frames are the rest; a
    head that moves in them had begun before and never was at rest.

    Args:
        seen: in order of time.
        sign: 1 for up, -1 for down.
        limits: of rest and motion.
    """
    if not seen:
        return None
    first = [one.pitch_deg for one in seen if one.time_s - seen[0].time_s <= limits.reaction_s]
    rest_deg = float(np.median(first))
    up_deg = [sign * (rest_deg - sample.pitch_deg) for sample in seen]
    made = _reached(seen, up_deg, limits.up_rest_deg, limits.up_deg)
    is_moving = max(first) - min(first) > limits.up_rest_deg
    return replace(made, rested_at_s=None) if made and is_moving else made


def opened_mouth(seen: Sequence[PoseSample], limits: ChallengeLimits) -> MadeMotion | None:
    """Return the first wide opening of the mouth that was held, talking is none.

    Args:
        seen: in order of time.
        limits: of shut, open and how long.
    """
    rested_at_s: float | None = None
    open_since_s: float | None = None
    for sample in seen:
        if sample.mouth_aspect >= limits.mouth_open:
            open_since_s = sample.time_s if open_since_s is None else open_since_s
            if sample.time_s - open_since_s >= limits.mouth_held_s:
                return MadeMotion(rested_at_s, open_since_s, sample.time_s)
            continue
        open_since_s = None
        if sample.mouth_aspect <= limits.mouth_shut:
            rested_at_s = sample.time_s
    return None


def blinked(seen: Sequence[PoseSample]) -> MadeMotion | None:
    """Return the first blink: eyes that shut and opened again.

    Args:
        seen: in order of time.
    """
    times = np.array([sample.time_s for sample in seen], np.float64)
    ratios = np.array([sample.eye_aspect for sample in seen], np.float64)
    blinks = find_blinks(times, ratios, LivenessLimits())
    if not blinks:
        return None
    before = times[times < blinks[0].shut_at_s]
    rested_at_s = float(before[-1]) if len(before) else None
    return MadeMotion(rested_at_s, blinks[0].shut_at_s, blinks[0].open_at_s)


def fastest_deg_s(seen: Sequence[PoseSample]) -> float:
    """Return the highest speed of yaw or pitch between two frames, degrees a second; 0 of one."""
    if len(seen) < 2:
        return 0.0
    between_s = np.maximum(np.diff([sample.time_s for sample in seen]), 1e-3)
    angles = np.array([(sample.yaw_deg, sample.pitch_deg) for sample in seen], np.float64)
    return float(np.max(np.abs(np.diff(angles, axis=0)) / between_s[:, None]))


def _reached(
    seen: Sequence[PoseSample], values: Sequence[float], rest: float, limit: float
) -> MadeMotion | None:
    rested_at_s: float | None = None
    for sample, value in zip(seen, values, strict=True):
        if value >= limit:
            return MadeMotion(rested_at_s, sample.time_s, sample.time_s)
        if abs(value) <= rest:
            rested_at_s = sample.time_s
    return None
