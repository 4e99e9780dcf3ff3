"""Weighs the glimpses of one face: live, attack or undecided, with the reasons.

Adding glimpses in which a head did not move before a still room never makes a verdict live: they
count for nothing, and what speaks against a face counts for twice as long as what speaks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.planarity import central, plane_residuals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.liveness.glimpse import Glimpse


class Outcome(StrEnum):
    """What the evidence says. What is missing never counts as live."""

    LIVE = "live"
    ATTACK = "attack"
    UNDECIDED = "undecided"


class LivenessReason(StrEnum):
    """What speaks against a face, or is missing."""

    CARRIED = "CARRIED"
    FRAMED = "FRAMED"
    REGULAR_PATTERN = "REGULAR_PATTERN"
    SEEN_TOO_SHORTLY = "SEEN_TOO_SHORTLY"
    HEAD_DID_NOT_MOVE = "HEAD_DID_NOT_MOVE"
    SURROUNDINGS_NOT_SEEN = "SURROUNDINGS_NOT_SEEN"
    SURROUNDINGS_MOVE = "SURROUNDINGS_MOVE"
    CAMERA_MOVES = "CAMERA_MOVES"
    FLAT = "FLAT"


_AGAINST = {LivenessReason.CARRIED, LivenessReason.FRAMED, LivenessReason.REGULAR_PATTERN}


@dataclass(frozen=True)
class LivenessEvidence:
    """The cues over a track; units as in `LivenessLimits`.

    Attributes:
        glimpses: that said something.
        live_glimpses: with a head that moved before a still room.
        carried_glimpses: with surroundings that moved along.
        sees_room: whether something around the face could be followed.
        view_glimpses: in which all that is seen moved: the camera did.
        texture_depth: face widths, over the live glimpses of twice the window, so that flat ones
            do not leave before those that they speak against.
        mesh_depth: eye distances, between the same.
        clear_looks: for a screen or a sheet that found none, in the live glimpses.
        framed_looks: that found a frame.
        moire_looks: that found a pattern.
    """

    glimpses: int
    live_glimpses: int
    carried_glimpses: int
    sees_room: bool
    view_glimpses: int
    texture_depth: float
    mesh_depth: float
    clear_looks: int
    framed_looks: int
    moire_looks: int


@dataclass(frozen=True)
class Verdict:
    """The answer.

    Attributes:
        outcome: in one word.
        score: 0 to 1; 0.5 is where the weakest cue is at its limit, above it speaks for life.
        reasons: what speaks against life, or is missing; empty for live.
        evidence: the numbers.
    """

    outcome: Outcome
    score: float
    reasons: tuple[LivenessReason, ...]
    evidence: LivenessEvidence


def gather(glimpses: Sequence[Glimpse], limits: LivenessLimits) -> LivenessEvidence:
    """Count and measure the glimpses of a track.

    Args:
        glimpses: in order of time, of twice the window.
        limits: see there.
    """
    begun_s = glimpses[-1].ended_s - limits.window_s if glimpses else 0.0
    said = [glimpse for glimpse in glimpses if glimpse.frames >= limits.min_glimpse_frames]
    moved = [glimpse for glimpse in said if glimpse.is_live_like(limits)]
    live = [glimpse for glimpse in moved if glimpse.begun_s >= begun_s]
    return LivenessEvidence(
        glimpses=len(said),
        live_glimpses=len(live),
        carried_glimpses=sum(glimpse.is_carried(limits) for glimpse in glimpses),
        sees_room=any(np.isfinite(glimpse.near) for glimpse in glimpses),
        view_glimpses=sum(glimpse.moves_with_view(limits) for glimpse in said),
        texture_depth=_texture_depth(moved),
        mesh_depth=_mesh_depth(moved),
        clear_looks=sum(glimpse.looks - glimpse.framed_looks for glimpse in live),
        framed_looks=sum(glimpse.framed_looks for glimpse in glimpses),
        moire_looks=sum(glimpse.moire_looks for glimpse in glimpses),
    )


def judge(glimpses: Sequence[Glimpse], limits: LivenessLimits | None = None) -> Verdict:
    """Turn glimpses into a verdict: any sign of a carrier is an attack, any gap is undecided.

    Args:
        glimpses: in order of time.
        limits: the defaults where None.
    """
    bounds = limits or LivenessLimits()
    found = gather(glimpses, bounds)
    is_moved = found.live_glimpses >= _least_glimpses(found, bounds)
    is_short = found.glimpses < bounds.min_live_glimpses
    is_looked_at = found.clear_looks >= _least_looks(found, bounds)
    faults = {
        LivenessReason.CARRIED: found.carried_glimpses >= bounds.min_carried_glimpses,
        LivenessReason.FRAMED: found.framed_looks >= bounds.min_framed_looks,
        LivenessReason.REGULAR_PATTERN: found.moire_looks >= bounds.min_moire_looks,
        LivenessReason.SEEN_TOO_SHORTLY: is_short or (is_moved and not is_looked_at),
        LivenessReason.SURROUNDINGS_NOT_SEEN: bool(glimpses) and not found.sees_room,
        LivenessReason.CAMERA_MOVES: found.view_glimpses >= bounds.min_view_glimpses,
        LivenessReason.SURROUNDINGS_MOVE: found.carried_glimpses > 0,
        LivenessReason.HEAD_DID_NOT_MOVE: not is_short and found.sees_room and not is_moved,
        LivenessReason.FLAT: is_moved and _depth(found, bounds) < 1.0,
    }
    reasons = tuple(reason for reason, holds in faults.items() if holds)
    return Verdict(_outcome(reasons), _score(found, bounds), reasons, found)


def _texture_depth(live: Sequence[Glimpse]) -> float:
    """What no plane explains in the motion of the skin, less the noise; 0 where unknown."""
    soon = [g.skin_soon for g in live if np.isfinite(g.skin_soon)]
    late = [g.skin_late for g in live if np.isfinite(g.skin_late)]
    if not soon or not late:
        return 0.0
    more = float(np.median(late)) ** 2 - float(np.median(soon)) ** 2
    return float(np.sqrt(max(more, 0.0)))


def _mesh_depth(live: Sequence[Glimpse]) -> float:
    """The second largest misfit of a plane between glimpses; a single one says nothing."""
    if len(live) < 3:
        return 0.0
    shapes = np.stack([glimpse.shape for glimpse in live])
    return float(np.sort(plane_residuals(shapes, central(shapes)))[-2])


def _depth(found: LivenessEvidence, bounds: LivenessLimits) -> float:
    """1 at the limit; each cue alone can reach it, and both add up."""
    texture = found.texture_depth / bounds.min_texture_depth
    mesh = found.mesh_depth / bounds.min_mesh_depth
    return float(np.hypot(texture, mesh))


def _least_glimpses(found: LivenessEvidence, bounds: LivenessLimits) -> int:
    """One more where the depth is close to its limit, so that noise has to come more often."""
    is_close = _depth(found, bounds) < bounds.sure_depth
    return bounds.min_live_glimpses + is_close


def _least_looks(found: LivenessEvidence, bounds: LivenessLimits) -> int:
    return bounds.min_clear_looks + bounds.more_clear_looks * found.framed_looks


def _outcome(reasons: tuple[LivenessReason, ...]) -> Outcome:
    if not reasons:
        return Outcome.LIVE
    return Outcome.ATTACK if _AGAINST.intersection(reasons) else Outcome.UNDECIDED


def _score(found: LivenessEvidence, bounds: LivenessLimits) -> float:
    """The weakest cue; each is 0.5 at its limit."""
    depth = _depth(found, bounds)
    against = (
        (found.carried_glimpses, 1),
        (found.view_glimpses, bounds.min_view_glimpses),
        (found.framed_looks, bounds.min_framed_looks),
        (found.moire_looks, bounds.min_moire_looks),
    )
    cues = [
        found.live_glimpses / (found.live_glimpses + _least_glimpses(found, bounds)),
        depth / (depth + 1.0),
        found.clear_looks / (found.clear_looks + _least_looks(found, bounds)),
        *(1.0 if not seen else 0.5 * (seen < least) for seen, least in against),
    ]
    return float(min(cues))
