"""A watch keeps the last seconds of one face, and numbers only."""

from __future__ import annotations

import cv2
import numpy as np

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.verdict import LivenessReason, Outcome
from models.stages.liveness.watch import LivenessWatch
from tests.unit.models.stages.head_mesh import at, head, turned

LIMITS = LivenessLimits()
_SMALL = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
ROOM = np.asarray(cv2.resize(_SMALL, (640, 480), interpolation=cv2.INTER_CUBIC), np.uint8)


def show(watch: LivenessWatch, begin_s: float, seconds: float, rate_hz: float = 15) -> int:
    times = begin_s + np.arange(0, seconds, 1 / rate_hz)
    faces = [at(turned(head(), 25 * np.sin(3 * t)) * np.float32(0.7), 320, 240) for t in times]
    return sum(
        watch.observe(float(time), ROOM, face) for time, face in zip(times, faces, strict=True)
    )


def test_a_head_that_turns_is_live_within_two_seconds() -> None:
    watch = LivenessWatch()
    show(watch, 0.0, 2.0)

    assert watch.verdict().outcome is Outcome.LIVE


def test_nothing_seen_is_undecided() -> None:
    assert LivenessWatch().verdict().reasons == (LivenessReason.SEEN_TOO_SHORTLY,)


def test_only_the_last_seconds_are_kept() -> None:
    watch = LivenessWatch()
    show(watch, 0.0, 8.0)

    kept = watch.samples
    assert kept[-1].time_s - kept[0].time_s <= LIMITS.window_s


def test_a_face_that_was_away_starts_from_nothing() -> None:
    watch = LivenessWatch()
    show(watch, 0.0, 2.0)
    show(watch, 3.0, 0.5)

    assert watch.samples[0].time_s >= 3.0


def test_frames_that_come_too_fast_are_passed_over() -> None:
    assert show(LivenessWatch(), 0.0, 2.0, rate_hz=60) <= 2.0 / LIMITS.period_s + 1


def test_a_frame_is_neither_changed_nor_kept() -> None:
    watch, frame = LivenessWatch(), ROOM.copy()
    watch.observe(0.0, frame, at(head() * np.float32(0.7), 320, 240))

    assert np.array_equal(frame, ROOM)
    assert not any(np.shares_memory(frame, s.points_px) for s in watch.samples)
