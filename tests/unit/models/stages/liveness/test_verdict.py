"""What is missing is undecided, what speaks against a person is an attack, and both are named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.liveness.glimpse import Glimpse
from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.planarity import rigid_shapes
from models.stages.liveness.verdict import LivenessReason, Outcome, judge
from tests.unit.models.stages.head_mesh import head, seen, turned

LIMITS = LivenessLimits()
NAN = float("nan")


def shape(yaw_deg: float) -> Any:
    return rigid_shapes(seen(turned(head(), yaw_deg))[None])[0]


ALIVE = Glimpse(
    begun_s=0.0,
    ended_s=0.5,
    frames=6,
    width_px=40.0,
    face=0.05,
    near=0.001,
    carried=0.0,
    far=0.001,
    skin_soon=0.002,
    skin_late=0.007,
    shape=shape(0.0),
    looks=3,
    framed_looks=0,
    moire_looks=0,
)
VISIT = [replace(ALIVE, begun_s=0.6 * n, ended_s=0.6 * n + 0.5) for n in range(4)]


def test_a_head_that_moved_before_a_still_room_is_live() -> None:
    verdict = judge(VISIT)

    assert verdict.outcome is Outcome.LIVE
    assert verdict.reasons == ()
    assert verdict.score > 0.5


@pytest.mark.parametrize(
    ("change", "outcome", "reason"),
    [
        ({"face": 0.005}, Outcome.UNDECIDED, LivenessReason.HEAD_DID_NOT_MOVE),
        ({"skin_late": 0.0021}, Outcome.UNDECIDED, LivenessReason.FLAT),
        ({"skin_late": NAN}, Outcome.UNDECIDED, LivenessReason.FLAT),
        ({"near": NAN, "far": NAN}, Outcome.UNDECIDED, LivenessReason.SURROUNDINGS_NOT_SEEN),
        ({"near": NAN, "far": 0.0}, Outcome.UNDECIDED, LivenessReason.SURROUNDINGS_NOT_SEEN),
        ({"near": 0.1, "far": 0.09}, Outcome.UNDECIDED, LivenessReason.CAMERA_MOVES),
        ({"near": 0.1}, Outcome.UNDECIDED, LivenessReason.HEAD_DID_NOT_MOVE),
        ({"near": 0.1, "carried": 0.1}, Outcome.ATTACK, LivenessReason.CARRIED),
        ({"near": 0.1, "carried": 0.1, "far": NAN}, Outcome.ATTACK, LivenessReason.CARRIED),
        ({"moire_looks": 1}, Outcome.ATTACK, LivenessReason.REGULAR_PATTERN),
        ({"framed_looks": 1}, Outcome.ATTACK, LivenessReason.FRAMED),
        ({"frames": 3}, Outcome.UNDECIDED, LivenessReason.SEEN_TOO_SHORTLY),
        ({"looks": 0}, Outcome.UNDECIDED, LivenessReason.SEEN_TOO_SHORTLY),
    ],
)
def test_each_cue_alone_withholds_live(
    change: dict[str, Any], outcome: Outcome, reason: LivenessReason
) -> None:
    verdict = judge([replace(glimpse, **change) for glimpse in VISIT])

    assert verdict.outcome is outcome
    assert reason in verdict.reasons
    assert verdict.score <= 0.5


def test_the_mesh_shows_depth_where_the_skin_is_too_smooth_to_follow() -> None:
    yaws = (-20.0, 0.0, 20.0, 10.0)
    smooth = [
        replace(g, skin_soon=NAN, skin_late=NAN, shape=shape(yaw))
        for g, yaw in zip(VISIT, yaws, strict=True)
    ]

    assert judge(smooth).outcome is Outcome.LIVE


def test_depth_close_to_its_limit_needs_a_third_glimpse() -> None:
    close = [replace(glimpse, skin_late=0.0035) for glimpse in VISIT]

    assert judge(close[:2]).outcome is Outcome.UNDECIDED
    assert judge(close[:3]).outcome is Outcome.LIVE


def test_glimpses_that_are_older_than_the_window_count_only_against() -> None:
    late = replace(ALIVE, begun_s=6.0, ended_s=6.5)

    assert judge([*VISIT, late]).outcome is Outcome.UNDECIDED
    against = replace(VISIT[0], near=0.1, carried=0.1)
    later = [replace(g, begun_s=g.begun_s + 2, ended_s=g.ended_s + 2) for g in VISIT]
    assert judge([against, *later]).outcome is Outcome.UNDECIDED


def test_time_that_passes_makes_no_flat_face_live() -> None:
    flat = [replace(g, skin_late=0.0021) for g in VISIT[:3]]
    deep = [replace(ALIVE, begun_s=s, ended_s=s + 0.5) for s in (2.4, 3.0)]
    still = [replace(ALIVE, begun_s=s, ended_s=s + 0.5, face=0.0) for s in (3.6, 4.2, 4.8)]

    for count in range(len(still) + 1):
        assert judge([*flat, *deep, *still[:count]]).outcome is Outcome.UNDECIDED


def test_a_look_that_found_a_frame_must_be_outweighed() -> None:
    once = [replace(VISIT[0], framed_looks=1), *VISIT[1:]]

    assert judge(once[:2]).outcome is Outcome.UNDECIDED
    assert judge(once).outcome is Outcome.LIVE


lengths = st.just(NAN) | st.floats(0, 0.3)


@st.composite
def glimpses(draw: st.DrawFn) -> Glimpse:
    looks = draw(st.integers(0, 4))
    return replace(
        ALIVE,
        frames=draw(st.integers(0, 9)),
        width_px=draw(st.floats(8, 200)),
        face=draw(lengths),
        near=draw(lengths | st.floats(0, 0.01)),
        carried=draw(lengths),
        far=draw(lengths),
        skin_soon=draw(st.just(NAN) | st.floats(0, 0.01)),
        skin_late=draw(st.just(NAN) | st.floats(0, 0.02)),
        shape=shape(draw(st.floats(-30, 30))),
        looks=looks,
        framed_looks=draw(st.integers(0, looks)),
        moire_looks=draw(st.integers(0, looks)),
    )


def of_attack(glimpse: Glimpse) -> bool:
    return not glimpse.is_live_like(LIMITS)


visits = st.lists(glimpses() | st.sampled_from(VISIT), max_size=6)


@given(visit=visits, added=st.lists(glimpses().filter(of_attack), max_size=4), data=st.data())
def test_adding_attack_glimpses_to_a_visit_never_turns_it_live(
    visit: list[Glimpse], added: list[Glimpse], data: st.DataObject
) -> None:
    before = judge(visit).outcome
    longer = list(visit)
    for glimpse in added:
        longer.insert(data.draw(st.integers(0, len(longer))), glimpse)

    assert before is Outcome.LIVE or judge(longer).outcome is not Outcome.LIVE


@given(visit=st.lists(glimpses().filter(of_attack), max_size=6), one=glimpses(), data=st.data())
def test_one_glimpse_never_decides(visit: list[Glimpse], one: Glimpse, data: st.DataObject) -> None:
    visit.insert(data.draw(st.integers(0, len(visit))), one)

    assert judge(visit).outcome is not Outcome.LIVE


@given(visit=visits)
def test_live_means_that_no_cue_is_at_fault_and_the_score_agrees(visit: list[Glimpse]) -> None:
    verdict = judge(visit)

    assert 0.0 <= verdict.score <= 1.0
    assert (verdict.outcome is Outcome.LIVE) == (not verdict.reasons)
    assert verdict.score >= 0.5 or verdict.outcome is not Outcome.LIVE
    assert np.isfinite(verdict.score)
