"""Pictures are turned as the settings say, and nothing of them is lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kiosk.domain.ports import BGRImage
from kiosk.vision.turning import turned

PICTURES = arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 9),
)
TURNS = st.sampled_from([0, 90, 180, 270])


def seen_by(scene: BGRImage, mounted_deg: int, *, mirrors: bool) -> BGRImage:
    """What a camera delivers that hangs turned clockwise and perhaps mirrors along its sensor."""
    picture = np.rot90(scene, mounted_deg // 90)  # the scene turns the other way on the sensor
    return np.ascontiguousarray(picture[:, ::-1] if mirrors else picture)


@given(PICTURES, TURNS, st.booleans())
def test_the_right_setting_undoes_every_mounting(
    scene: BGRImage, mounted_deg: int, mirrors: bool
) -> None:
    picture = seen_by(scene, mounted_deg, mirrors=mirrors)
    before = picture.copy()

    np.testing.assert_array_equal(turned(picture, mounted_deg, is_mirrored=mirrors), scene)
    np.testing.assert_array_equal(picture, before)


@given(PICTURES, TURNS, TURNS)
def test_turns_add_up(picture: BGRImage, first: int, second: int) -> None:
    both = turned(turned(picture, first), second)

    np.testing.assert_array_equal(both, turned(picture, (first + second) % 360))


def test_clockwise_is_clockwise() -> None:
    picture = np.zeros((2, 3, 3), np.uint8)
    picture[0, 0] = 255  # top left

    assert turned(picture, 90)[0, 1].tolist() == [255, 255, 255]  # top right
    assert turned(picture, 90).shape == (3, 2, 3)


def test_another_angle_is_refused() -> None:
    with pytest.raises(ValueError, match="not 45"):
        turned(np.zeros((2, 2, 3), np.uint8), 45)
