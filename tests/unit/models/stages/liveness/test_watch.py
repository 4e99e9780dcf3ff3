"""A watch calls a person live, and no picture, whatever pictures are shown one after another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.verdict import LivenessReason, Outcome
from models.stages.liveness.watch import LivenessWatch
from tests.unit.models.stages.liveness.scenes import (
    ATTACKS,
    ROOM,
    STEP_S,
    Scene,
    cut_out,
    held_print,
    held_video,
    person,
    play,
    points_of,
    still,
    view,
)

LIMITS = LivenessLimits()


def first_live_s(watch: LivenessWatch, scene: Scene, seconds: float) -> float | None:
    for count, seen in enumerate(play(watch, scene, 0.0, seconds)):
        if seen.verdict().outcome is Outcome.LIVE:
            return count * STEP_S
    return None


def test_a_person_is_live_within_a_second_and_a_half_and_not_in_the_first_half() -> None:
    after_s = first_live_s(LivenessWatch(), person, 2.5)

    assert after_s is not None
    assert LIMITS.glimpse_s < after_s < 1.5


@pytest.mark.parametrize(
    ("scene", "outcome", "reason"),
    [
        (held_print, Outcome.ATTACK, LivenessReason.CARRIED),
        (held_video, Outcome.ATTACK, LivenessReason.CARRIED),
        (still, Outcome.UNDECIDED, LivenessReason.HEAD_DID_NOT_MOVE),
        (cut_out, Outcome.UNDECIDED, LivenessReason.FLAT),
    ],
)
def test_a_picture_is_never_live(scene: Scene, outcome: Outcome, reason: LivenessReason) -> None:
    watch = LivenessWatch()

    assert first_live_s(watch, scene, 3.0) is None
    assert watch.verdict().outcome is outcome
    assert reason in watch.verdict().reasons


@settings(max_examples=8, deadline=None)
@given(
    parts=st.lists(st.tuples(st.sampled_from(ATTACKS), st.floats(0.3, 1.0)), min_size=1, max_size=4)
)
def test_pictures_one_after_another_are_never_live(parts: list[tuple[Scene, float]]) -> None:
    watch, at_s = LivenessWatch(), 0.0
    for scene, seconds in parts:
        for seen in play(watch, scene, at_s, seconds):
            assert seen.verdict().outcome is not Outcome.LIVE
        at_s += seconds


@settings(max_examples=8, deadline=None)
@given(scene=st.sampled_from(ATTACKS), when=st.integers(0, 40), aside=st.floats(-20, 20))
def test_one_frame_never_decides(scene: Scene, when: int, aside: float) -> None:
    watch = LivenessWatch()
    for count in range(40):
        shown = (aside, 4.0, None) if count == when else scene(count * STEP_S)
        watch.observe(count * STEP_S, view(*shown), points_of(shown[0]))
        assert watch.verdict().outcome is not Outcome.LIVE


def test_what_spoke_against_a_face_outlives_what_spoke_for_it() -> None:
    watch, at_s = LivenessWatch(), 0.0
    for scene, seconds in ((held_print, 0.6), (person, 1.2), (still, 5.0)):
        for seen in play(watch, scene, at_s, seconds):
            assert seen.verdict().outcome is not Outcome.LIVE
        at_s += seconds


@pytest.mark.parametrize("rate_hz", [8.0, 10.0, 12.0])
def test_a_slow_camera_sees_a_person_live_in_time(rate_hz: float) -> None:
    watch, random = LivenessWatch(), np.random.default_rng(2)
    for count in range(round(2.8 * rate_hz)):
        at_s = (count + float(random.uniform(-0.2, 0.2))) / rate_hz
        aside, deep, carried = person(at_s)
        watch.observe(at_s, view(aside, deep, carried), points_of(aside))
        if watch.verdict().outcome is Outcome.LIVE:
            return
    pytest.fail(f"{watch.verdict().reasons}")


def test_a_face_that_is_not_seen_any_more_is_not_live() -> None:
    watch = LivenessWatch()
    assert first_live_s(watch, person, 2.5) is not None
    last_s = watch.glimpses[-1].ended_s

    assert watch.verdict(last_s + 0.1).outcome is Outcome.LIVE
    assert watch.verdict(last_s + LIMITS.max_gap_s + 0.1).outcome is Outcome.UNDECIDED


def test_another_size_of_frame_and_a_clock_that_goes_back_start_from_nothing() -> None:
    watch = LivenessWatch()
    for _ in play(watch, person, 10.0, 0.5):
        pass
    assert watch.observe(10.6, view()[:360], points_of(0.0))
    assert watch.observe(3.0, view()[:360], points_of(0.0))

    assert [glimpse.begun_s for glimpse in watch.glimpses] == [3.0]


def test_points_that_are_no_numbers_are_passed_over() -> None:
    points = points_of(0.0)
    points[7] = np.nan

    assert not LivenessWatch().observe(0.0, ROOM, points)


def test_nothing_seen_is_undecided() -> None:
    assert LivenessWatch().verdict().reasons == (LivenessReason.SEEN_TOO_SHORTLY,)


def test_only_the_last_seconds_are_kept() -> None:
    watch = LivenessWatch()
    for _ in play(watch, person, 0.0, 8.0):
        pass

    assert watch.glimpses[-1].ended_s - watch.glimpses[0].begun_s <= 2 * LIMITS.window_s


def test_a_face_that_was_away_starts_from_nothing() -> None:
    watch = LivenessWatch()
    assert first_live_s(watch, person, 2.5) is not None
    for seen in play(watch, person, 4.0, LIMITS.glimpse_s):
        assert seen.verdict().outcome is Outcome.UNDECIDED

    assert watch.glimpses[0].begun_s >= 4.0


def test_frames_that_come_too_fast_are_passed_over() -> None:
    watch, step_s = LivenessWatch(), 1 / 60
    taken = sum(watch.observe(n * step_s, ROOM, points_of(0.0)) for n in range(60))

    assert taken <= 1.0 / LIMITS.period_s + 1


def test_a_frame_is_not_changed() -> None:
    watch, frame = LivenessWatch(), ROOM.copy()
    watch.observe(0.0, frame, points_of(0.0))

    assert np.array_equal(frame, ROOM)


@pytest.mark.parametrize("aside", [-340.0, -290.0, 290.0, 340.0, 900.0])
def test_a_face_at_the_edge_or_beyond_is_no_error(aside: float) -> None:
    watch = LivenessWatch()
    for count in range(20):
        watch.observe(count * STEP_S, ROOM, points_of(aside))

    assert watch.verdict().outcome is not Outcome.LIVE
