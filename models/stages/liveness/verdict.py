"""Weighs the evidence about one face: live, attack or undecided, with the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from models.stages.liveness.blink import find_blinks
from models.stages.liveness.depth import relief
from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.motion import surroundings_motion
from models.stages.liveness.planarity import plane_residual, rigid_shapes
from models.stages.pose import eye_aspect_ratios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import FloatArray
    from models.stages.liveness.motion import Flow
    from models.stages.liveness.screen import ScreenSigns


class LivenessLevel(StrEnum):
    """How much a kiosk asks for."""

    OFF = "off"
    PASSIVE = "passive"
    ACTIVE = "active"


class Outcome(StrEnum):
    """What the evidence says. What is missing never counts as live."""

    LIVE = "live"
    ATTACK = "attack"
    UNDECIDED = "undecided"


class LivenessReason(StrEnum):
    """What speaks against a face, or is missing."""

    SURROUNDINGS_MOVE = "SURROUNDINGS_MOVE"
    FRAMED = "FRAMED"
    REGULAR_PATTERN = "REGULAR_PATTERN"
    SEEN_TOO_SHORTLY = "SEEN_TOO_SHORTLY"
    HEAD_DID_NOT_MOVE = "HEAD_DID_NOT_MOVE"
    NOT_SHAPED_LIKE_A_HEAD = "NOT_SHAPED_LIKE_A_HEAD"
    SURROUNDINGS_NOT_SEEN = "SURROUNDINGS_NOT_SEEN"
    CAMERA_MOVES = "CAMERA_MOVES"


_AGAINST = {
    LivenessReason.SURROUNDINGS_MOVE,
    LivenessReason.FRAMED,
    LivenessReason.REGULAR_PATTERN,
}


@dataclass(frozen=True)
class FaceSample:
    """What is kept of one frame of a track: numbers, no picture.

    Attributes:
        time_s: of the frame.
        points_px: (468, 3) float32.
        flow: motion around the face, where it was measured.
        signs: of a carrier, where they were sought.
    """

    time_s: float
    points_px: FloatArray
    flow: Flow | None = None
    signs: ScreenSigns | None = None


@dataclass(frozen=True)
class LivenessEvidence:
    """The cues over a track; units as in `LivenessLimits`.

    Attributes:
        frames: judged.
        span_s: from the first to the last of them.
        plane_residual: eye distances, rms that no plane explains.
        relief: eye distances, rms of motion in the third dimension.
        depth_correlation: -1 to 1, of that dimension with a face's depth.
        blinks: count.
        surroundings_motion: face widths, rms; None where too little can be followed.
        view_motion: the same far from the face; NaN where nothing can be followed.
        moire: ratio, median over frames.
        framed_share: of the frames looked at, those with a frame around the face, 0 to 1.
    """

    frames: int
    span_s: float
    plane_residual: float
    relief: float
    depth_correlation: float
    blinks: int
    surroundings_motion: float | None
    view_motion: float
    moire: float
    framed_share: float


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        outcome: in one word.
        score: 0 to 1; 0.5 is where the weakest cue is at its limit, above it speaks for life.
        reasons: what speaks against life, or is missing; empty for live.
        evidence: the numbers; None before there is any.
    """

    outcome: Outcome
    score: float
    reasons: tuple[LivenessReason, ...]
    evidence: LivenessEvidence | None = None


def gather(samples: Sequence[FaceSample], limits: LivenessLimits) -> LivenessEvidence | None:
    """Measure all cues of a track.

    Args:
        samples: in order of time.
        limits: how much there must be.

    Returns:
        None where there are too few frames, or too short a time.
    """
    if len(samples) < limits.min_frames:
        return None
    span_s = samples[-1].time_s - samples[0].time_s
    if span_s < limits.min_span_s:
        return None
    tracked = np.stack([sample.points_px for sample in samples])
    shapes = rigid_shapes(tracked)
    times = np.array([sample.time_s for sample in samples], np.float64)
    around = surroundings_motion([s.flow for s in samples if s.flow is not None], limits)
    signs = [sample.signs for sample in samples if sample.signs is not None]
    strength, correlation = relief(shapes)
    return LivenessEvidence(
        frames=len(samples),
        span_s=span_s,
        plane_residual=plane_residual(shapes),
        relief=strength,
        depth_correlation=correlation,
        blinks=len(find_blinks(times, eye_aspect_ratios(tracked), limits)),
        surroundings_motion=around[0] if around else None,
        view_motion=around[1] if around else float("nan"),
        moire=float(np.median([sign.moire for sign in signs])) if signs else 0.0,
        framed_share=sum(s.enclosing_sides >= limits.min_frame_sides for s in signs)
        / max(len(signs), 1),
    )


def judge(evidence: LivenessEvidence | None, limits: LivenessLimits | None = None) -> Verdict:
    """Turn cues into a verdict: any sign of a carrier is an attack, any gap is undecided.

    Args:
        evidence: see `gather`.
        limits: the defaults where None.
    """
    bounds = limits or LivenessLimits()
    if evidence is None:
        return Verdict(Outcome.UNDECIDED, 0.0, (LivenessReason.SEEN_TOO_SHORTLY,))
    around, view = evidence.surroundings_motion, evidence.view_motion
    moves = around is not None and around > bounds.max_surroundings_motion
    with_view = moves and around is not None and view > bounds.max_view_motion * around
    lacks_motion = evidence.plane_residual < bounds.min_plane_residual
    shaped = evidence.depth_correlation >= bounds.min_depth_correlation
    faults = {
        LivenessReason.SURROUNDINGS_MOVE: moves and not with_view,
        LivenessReason.FRAMED: evidence.framed_share > bounds.max_framed_share,
        LivenessReason.REGULAR_PATTERN: evidence.moire > bounds.max_moire,
        LivenessReason.HEAD_DID_NOT_MOVE: lacks_motion,
        LivenessReason.NOT_SHAPED_LIKE_A_HEAD: not lacks_motion and not shaped,
        LivenessReason.SURROUNDINGS_NOT_SEEN: around is None,
        LivenessReason.CAMERA_MOVES: with_view,
    }
    reasons = tuple(reason for reason, holds in faults.items() if holds)
    return Verdict(_outcome(reasons), _score(evidence, bounds), reasons, evidence)


def _outcome(reasons: tuple[LivenessReason, ...]) -> Outcome:
    if not reasons:
        return Outcome.LIVE
    return Outcome.ATTACK if _AGAINST.intersection(reasons) else Outcome.UNDECIDED


def _score(evidence: LivenessEvidence, bounds: LivenessLimits) -> float:
    """The weakest cue; each is 0.5 at its limit."""
    residual, around = evidence.plane_residual, evidence.surroundings_motion
    cues = [
        residual / (residual + bounds.min_plane_residual),
        bounds.max_moire / (bounds.max_moire + evidence.moire),
        0.0
        if around is None
        else bounds.max_surroundings_motion / (bounds.max_surroundings_motion + around),
        0.0 if evidence.framed_share > bounds.max_framed_share else 1.0,
    ]
    return float(min(cues))
