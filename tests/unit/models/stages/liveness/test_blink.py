"""Blinks are found in curves of eye aspect ratios, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.stages.liveness.blink import find_blinks
from models.stages.liveness.limits import LivenessLimits

LIMITS = LivenessLimits()
TIMES = np.arange(0, 3, 1 / 30)
Floats = NDArray[np.float64]


def curve(open_at: float, shut: list[tuple[float, float]]) -> Floats:
    """Open but for (begin, length) in seconds."""
    ratios = np.full_like(TIMES, open_at)
    for begin_s, length_s in shut:
        ratios[(begin_s <= TIMES) & (begin_s + length_s > TIMES)] = 0.3 * open_at
    return ratios


@given(open_at=st.floats(0.18, 0.45), begin=st.floats(0.2, 2.4), length=st.floats(0.1, 0.4))
def test_a_blink_is_found_however_open_the_eyes_are(
    open_at: float, begin: float, length: float
) -> None:
    (blink,) = find_blinks(TIMES, curve(open_at, [(begin, length)]), LIMITS)

    assert blink.shut_at_s == pytest.approx(begin, abs=0.04)
    assert blink.open_at_s == pytest.approx(begin + length, abs=0.04)
    assert blink.depth == pytest.approx(0.3)


def test_two_blinks_are_two() -> None:
    assert len(find_blinks(TIMES, curve(0.3, [(0.5, 0.15), (1.5, 0.2)]), LIMITS)) == 2


@given(noise=st.integers(0, 1000), open_at=st.floats(0.18, 0.45))
def test_noise_of_the_network_is_no_blink(noise: int, open_at: float) -> None:
    jitter = np.random.default_rng(noise).uniform(0.85, 1.0, len(TIMES))

    assert find_blinks(TIMES, open_at * jitter, LIMITS) == []


@pytest.mark.parametrize(
    "shut", [[(1.0, 1.0)], [(-0.1, 0.4)], [(2.8, 1.0)]], ids=["nap", "shut at first", "at last"]
)
def test_eyes_shut_long_or_only_half_seen_are_no_blink(shut: list[tuple[float, float]]) -> None:
    assert find_blinks(TIMES, curve(0.3, shut), LIMITS) == []


def test_too_few_frames_hold_no_blink() -> None:
    assert find_blinks(TIMES[:2], np.array([0.3, 0.1]), LIMITS) == []
