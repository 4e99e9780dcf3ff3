"""A dim face is brightened, only as far as allowed, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages.detect import Detection
from models.stages.light import LightLimits, brighten, brightness

LIMITS = LightLimits()


def face(left: float = 260, top: float = 180, side: float = 120) -> Detection:
    return Detection((left, top, side, side), np.zeros((6, 2), np.float32), 0.9)


def frame(level: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((480, 640, 3), level, np.uint8)


def test_a_face_in_good_light_is_left_as_it_is() -> None:
    picture = frame(120)

    lit = brighten(picture, face())

    assert lit.frame_bgr is picture
    assert lit.gain == 1.0


def test_a_dim_face_gets_the_brightness_aimed_at() -> None:
    lit = brighten(frame(30), face())

    assert brightness(lit.frame_bgr, face()) == pytest.approx(LIMITS.aim, abs=2)


def test_the_rest_of_the_frame_stays_and_so_does_the_frame_handed_in() -> None:
    picture = frame(30)

    lit = brighten(picture, face())

    assert (picture == 30).all()
    assert (lit.frame_bgr[:100] == 30).all()
    assert (lit.frame_bgr[:, :150] == 30).all()


@given(level=st.integers(0, 255))
def test_no_face_gets_darker_and_none_more_than_the_most_gain(level: int) -> None:
    lit = brighten(frame(level), face())

    assert 1.0 <= lit.gain <= LIMITS.max_gain
    assert brightness(lit.frame_bgr, face()) >= level - 0.01


@given(level=st.integers(0, 255))
def test_brightening_twice_is_brightening_once_unless_the_gain_was_used_up(level: int) -> None:
    once = brighten(frame(level), face())
    twice = brighten(once.frame_bgr, face())

    assert twice.gain == 1.0 or once.gain == LIMITS.max_gain or level == 0


@given(left=st.floats(-2000, 2000), top=st.floats(-2000, 2000), side=st.floats(0, 3000))
def test_a_face_may_lie_anywhere(left: float, top: float, side: float) -> None:
    lit = brighten(frame(20), face(left, top, side))

    assert lit.frame_bgr.shape == (480, 640, 3)
    assert lit.gain >= 1.0
