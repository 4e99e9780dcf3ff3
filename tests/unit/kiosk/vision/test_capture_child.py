import os

import pytest

from kiosk.domain.ports import Frame
from kiosk.errors import CameraError
from kiosk.vision.capture_child import run
from kiosk.vision.slots import TOTAL_BYTES, CaptureState, FrameSlots
from tests.fakes.capture import noise


class ListSource:
    def __init__(self, count: int, *, fails: bool = False) -> None:
        self._left = count
        self._fails = fails
        self.is_closed = False
        self.skipped_count = 0

    def read(self) -> Frame | None:
        if self._left == 0 and self._fails:
            raise CameraError("pulled out")
        self._left -= 1
        return None if self._left < 0 else Frame(noise(self._left), 0.0, 0)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def slots() -> FrameSlots:
    descriptor = os.memfd_create("test")
    os.ftruncate(descriptor, TOTAL_BYTES)
    made = FrameSlots(descriptor)
    os.close(descriptor)
    return made


def test_every_frame_and_the_end_are_announced(slots: FrameSlots) -> None:
    news: list[int] = []
    source = ListSource(3)
    run(slots, lambda: news.append(slots.newest()), lambda: source)
    assert news == [1, 2, 3, 3]
    assert slots.state() == (CaptureState.ENDED, "")
    assert source.is_closed


def test_a_failing_camera_leaves_its_reason_and_is_closed(slots: FrameSlots) -> None:
    source = ListSource(1, fails=True)
    run(slots, lambda: None, lambda: source)
    assert slots.state() == (CaptureState.FAILED, "pulled out")
    assert source.is_closed


def test_nobody_listening_ends_it(slots: FrameSlots) -> None:
    def broken() -> None:
        raise BrokenPipeError

    source = ListSource(1000)
    run(slots, broken, lambda: source)
    assert slots.newest() == 1
    assert source.is_closed
