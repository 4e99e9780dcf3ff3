import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kiosk.vision.picture_health import (
    PictureJudge,
    PictureLimits,
    PictureVerdict,
    is_black,
    thumbnail,
)
from tests.fakes.capture import noise

LIMITS = PictureLimits(black_level=24, patience_s=2.0)
FPS = 30


def judged(pictures: list[NDArray[np.uint8]]) -> list[PictureVerdict]:
    judge = PictureJudge(LIMITS)
    return [judge.judge(picture, index / FPS) for index, picture in enumerate(pictures)]


def flat(level: int) -> NDArray[np.uint8]:
    return np.full((30, 40), level, np.uint8)


@given(level=st.integers(0, 24), seconds=st.floats(2.1, 4.0))
def test_black_for_longer_than_the_patience_is_black(level: int, seconds: float) -> None:
    assert judged([flat(level)] * round(seconds * FPS))[-1] is PictureVerdict.BLACK


@given(level=st.integers(30, 255), seconds=st.floats(2.2, 4.0))
def test_the_same_picture_for_longer_than_the_patience_is_frozen(
    level: int, seconds: float
) -> None:
    assert judged([flat(level)] * round(seconds * FPS))[-1] is PictureVerdict.FROZEN


@given(seeds=st.lists(st.integers(0, 10_000), min_size=2, max_size=90, unique=True))
def test_a_noisy_picture_is_never_bad(seeds: list[int]) -> None:
    verdicts = judged([noise(seed)[:, :, 0] for seed in seeds])
    assert set(verdicts[1:]) == {PictureVerdict.ALIVE}


@given(level=st.integers(0, 255), count=st.integers(1, 59))
def test_nothing_is_said_before_the_patience_is_over(level: int, count: int) -> None:
    assert set(judged([flat(level)] * count)) == {PictureVerdict.UNDECIDED}


@given(
    before=st.lists(st.integers(0, 255), max_size=100),
    seed=st.integers(0, 1000),
)
def test_a_new_picture_ends_every_fault_at_once(before: list[int], seed: int) -> None:
    verdicts = judged([*(flat(level) for level in before), flat(7), noise(seed)[:, :, 0]])
    assert verdicts[-1] is PictureVerdict.ALIVE


def test_a_dark_room_with_one_lamp_is_not_black() -> None:
    picture = flat(3)
    picture[:3, :20] = 200
    assert not is_black(picture, LIMITS.black_level)


def test_a_hot_pixel_does_not_hide_that_the_picture_is_black() -> None:
    picture = flat(3)
    picture[5, 5] = 255
    assert is_black(picture, LIMITS.black_level)


def test_a_thumbnail_is_small_and_a_copy() -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    small = thumbnail(frame)
    frame[:] = 9
    assert small.shape == (30, 40)
    assert not small.any()
