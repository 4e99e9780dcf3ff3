import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from kiosk.domain.ports import Frame
from kiosk.ui.preview import PreviewFeed, mirrored_crop
from tests.fakes.capture import noise


@pytest.fixture
def feed(qtbot: QtBot) -> PreviewFeed:
    return PreviewFeed()


def frame(index: int) -> Frame:
    return Frame(noise(index), index / 30, index)


def test_a_frame_posted_by_another_thread_is_shown_by_the_gui_thread(
    feed: PreviewFeed, qtbot: QtBot
) -> None:
    shown_in: list[threading.Thread] = []
    feed.frame_ready.connect(lambda: shown_in.append(threading.current_thread()))
    with qtbot.waitSignal(feed.frame_ready):
        poster = threading.Thread(target=feed.post, args=(frame(7),))
        poster.start()
        poster.join()
    assert shown_in == [threading.main_thread()]
    assert feed.frame is not None
    assert feed.frame.index == 7


def test_a_gui_that_was_busy_shows_the_newest_frame_once(feed: PreviewFeed, qtbot: QtBot) -> None:
    for index in range(100):
        feed.post(frame(index))
    with qtbot.waitSignal(feed.frame_ready):
        pass
    assert feed.frame is not None
    assert (feed.frame.index, feed.shown_count) == (99, 1)


@given(
    width=st.integers(1, 80),
    height=st.integers(1, 80),
    item_width=st.floats(1, 2000),
    item_height=st.floats(1, 2000),
)
def test_a_crop_lies_inside_the_frame_and_keeps_the_items_shape(
    width: int, height: int, item_width: float, item_height: float
) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    crop = mirrored_crop(picture, item_width, item_height)
    assert 1 <= crop.shape[0] <= height
    assert 1 <= crop.shape[1] <= width
    assert crop.shape[0] == height or crop.shape[1] == width
    assert crop.flags.c_contiguous


def test_left_and_right_are_swapped() -> None:
    picture = np.zeros((2, 4, 3), np.uint8)
    picture[:, 0] = 200
    crop = mirrored_crop(picture, 40, 20)
    assert crop[:, 3].all()
    assert not crop[:, :3].any()


def test_the_middle_is_kept() -> None:
    picture = np.zeros((4, 8, 3), np.uint8)
    picture[:, 3:5] = 9
    assert mirrored_crop(picture, 10, 20).all()
