"""What is missing is undecided, what speaks against a person is an attack, and both are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.motion import Flow
from models.stages.liveness.verdict import (
    FaceSample,
    LivenessEvidence,
    LivenessReason,
    Outcome,
    gather,
    judge,
)
from tests.unit.models.stages.head_mesh import head, seen, turned

LIMITS = LivenessLimits()
ALIVE = LivenessEvidence(
    frames=30,
    span_s=2.0,
    plane_residual=2 * LIMITS.min_plane_residual,
    relief=0.02,
    depth_correlation=0.95,
    blinks=0,
    surroundings_motion=0.1 * LIMITS.max_surroundings_motion,
    view_motion=0.001,
    moire=4.0,
    framed_share=0.0,
)


def track(swing_deg: float, seconds: float = 2.0) -> list[FaceSample]:
    times = np.arange(0, seconds, 1 / 15)
    return [
        FaceSample(
            float(time), seen(turned(head(), swing_deg * np.sin(3 * time))), Flow(0, 0.001, 0.001)
        )
        for time in times
    ]


def test_all_evidence_together_is_live() -> None:
    verdict = judge(ALIVE)

    assert verdict.outcome is Outcome.LIVE
    assert verdict.reasons == ()
    assert verdict.score > 0.5


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        ({"plane_residual": 0.005}, Outcome.UNDECIDED, LivenessReason.HEAD_DID_NOT_MOVE),
        ({"depth_correlation": 0.2}, Outcome.UNDECIDED, LivenessReason.NOT_SHAPED_LIKE_A_HEAD),
        ({"surroundings_motion": None}, Outcome.UNDECIDED, LivenessReason.SURROUNDINGS_NOT_SEEN),
        (
            {"surroundings_motion": 0.1, "view_motion": 0.09},
            Outcome.UNDECIDED,
            LivenessReason.CAMERA_MOVES,
        ),
        ({"surroundings_motion": 0.1}, Outcome.ATTACK, LivenessReason.SURROUNDINGS_MOVE),
        (
            {"surroundings_motion": 0.1, "view_motion": float("nan")},
            Outcome.ATTACK,
            LivenessReason.SURROUNDINGS_MOVE,
        ),
        ({"moire": 99.0}, Outcome.ATTACK, LivenessReason.REGULAR_PATTERN),
        ({"framed_share": 0.5}, Outcome.ATTACK, LivenessReason.FRAMED),
    ],
)
def test_each_cue_alone_withholds_live(
    change: dict[str, Any], outcome: Outcome, reason: LivenessReason
) -> None:
    verdict = judge(replace(ALIVE, **change))

    assert verdict.outcome is outcome
    assert verdict.reasons == (reason,)


@given(
    residual=st.floats(0, 0.2),
    around=st.none() | st.floats(0, 0.5),
    view=st.floats(0, 0.5) | st.just(float("nan")),
    moire=st.floats(0, 50),
)
def test_live_means_that_no_cue_is_at_fault_and_the_score_agrees(
    residual: float, around: float | None, view: float, moire: float
) -> None:
    evidence = replace(
        ALIVE,
        plane_residual=residual,
        surroundings_motion=around,
        view_motion=view,
        moire=moire,
    )
    verdict = judge(evidence)

    assert 0.0 <= verdict.score <= 1.0
    assert (verdict.outcome is Outcome.LIVE) == (not verdict.reasons)
    assert (verdict.score >= 0.5) or verdict.outcome is not Outcome.LIVE


def test_a_head_that_turns_before_a_room_is_live() -> None:
    assert judge(gather(track(25), LIMITS)).outcome is Outcome.LIVE


def test_a_head_that_keeps_still_is_undecided() -> None:
    verdict = judge(gather(track(0.5), LIMITS))

    assert verdict.outcome is Outcome.UNDECIDED
    assert LivenessReason.HEAD_DID_NOT_MOVE in verdict.reasons


@pytest.mark.parametrize("samples", [[], track(25)[:5], track(25, 0.9)])
def test_too_short_is_undecided(samples: list[FaceSample]) -> None:
    verdict = judge(gather(samples, LIMITS))

    assert verdict.outcome is Outcome.UNDECIDED
    assert verdict.reasons == (LivenessReason.SEEN_TOO_SHORTLY,)
