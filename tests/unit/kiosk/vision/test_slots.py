import os
from collections.abc import Iterator

import numpy as np
import pytest

from kiosk.domain.camera_turn import TURNS_DEG, CameraTurn
from kiosk.domain.ports import Frame
from kiosk.vision.slots import (
    MAX_LONGER_PX,
    MAX_SHORTER_PX,
    TOTAL_BYTES,
    CaptureState,
    FrameSlots,
)
from tests.fakes.capture import noise


@pytest.fixture
def ends() -> Iterator[tuple[FrameSlots, FrameSlots]]:
    descriptor = os.memfd_create("test")
    os.ftruncate(descriptor, TOTAL_BYTES)
    writer, reader = FrameSlots(descriptor), FrameSlots(descriptor)
    yield writer, reader
    writer.close()
    reader.close()
    os.close(descriptor)


def test_before_the_first_frame_there_is_none(ends: tuple[FrameSlots, FrameSlots]) -> None:
    assert ends[1].read_newer(0) is None
    assert ends[1].state() == (CaptureState.OPENING, "")


def test_a_frame_arrives_as_it_was_sent(ends: tuple[FrameSlots, FrameSlots]) -> None:
    writer, reader = ends
    writer.write(Frame(noise(1), 12.5, 0))
    frame = reader.read_newer(0)
    assert frame is not None
    assert (frame.captured_at_s, frame.index) == (12.5, 1)
    assert np.array_equal(frame.frame_bgr, noise(1))


def test_a_slow_reader_gets_only_the_newest(ends: tuple[FrameSlots, FrameSlots]) -> None:
    writer, reader = ends
    for number in range(50):
        writer.write(Frame(noise(number), float(number), number))
    frame = reader.read_newer(3)
    assert frame is not None
    assert np.array_equal(frame.frame_bgr, noise(49))
    assert reader.read_newer(frame.index) is None


def test_a_taken_frame_does_not_change_afterwards(ends: tuple[FrameSlots, FrameSlots]) -> None:
    writer, reader = ends
    writer.write(Frame(noise(1), 0.0, 0))
    frame = reader.read_newer(0)
    for number in range(8):
        writer.write(Frame(noise(100 + number), 0.0, 0))
    assert frame is not None
    assert np.array_equal(frame.frame_bgr, noise(1))


@pytest.mark.parametrize("size", [(4000, 3000), (3000, 4000), (5000, 100), (2000, 2000)])
def test_a_large_frame_is_scaled_into_its_slot(
    ends: tuple[FrameSlots, FrameSlots], size: tuple[int, int]
) -> None:
    writer, reader = ends
    writer.write(Frame(np.zeros((size[1], size[0], 3), np.uint8), 0.0, 0))
    frame = reader.read_newer(0)
    assert frame is not None
    height, width = frame.frame_bgr.shape[:2]
    assert max(width, height) <= MAX_LONGER_PX
    assert min(width, height) <= MAX_SHORTER_PX
    assert width / height == pytest.approx(size[0] / size[1], rel=0.03)


def test_an_upright_picture_of_full_hd_keeps_its_pixels(
    ends: tuple[FrameSlots, FrameSlots],
) -> None:
    writer, reader = ends
    for index in range(6):
        writer.write(Frame(np.full((1920, 1080, 3), index, np.uint8), 0.0, index))
    frame = reader.read_newer(0)
    assert frame is not None
    assert frame.frame_bgr.shape == (1920, 1080, 3)
    assert (frame.frame_bgr == 5).all()


def test_skipped_pictures_cross_with_the_frames(ends: tuple[FrameSlots, FrameSlots]) -> None:
    writer, reader = ends
    writer.write(Frame(noise(1), 0.0, 0), 3)
    writer.finish(CaptureState.ENDED)
    assert reader.skipped_count() == 3


def test_a_reason_crosses_with_the_failure(ends: tuple[FrameSlots, FrameSlots]) -> None:
    ends[0].finish(CaptureState.FAILED, "the camera «0» is gone " + "x" * 2000)
    state, message = ends[1].state()
    assert state is CaptureState.FAILED
    assert message.startswith("the camera «0» is gone")


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("rotation_deg", TURNS_DEG)
def test_the_writer_learns_how_to_turn_and_neither_a_frame_nor_an_end_changes_it(
    ends: tuple[FrameSlots, FrameSlots], rotation_deg: int, is_mirrored: bool
) -> None:
    writer, reader = ends
    assert writer.wanted_turn() == CameraTurn()
    reader.ask_turn(CameraTurn(rotation_deg, is_mirrored=is_mirrored))
    writer.write(Frame(noise(1), 0.0, 0))
    writer.finish(CaptureState.FAILED, "x" * 5000)
    assert writer.wanted_turn() == CameraTurn(rotation_deg, is_mirrored=is_mirrored)
