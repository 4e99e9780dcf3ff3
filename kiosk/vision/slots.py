"""Frames between two processes: a few slots in shared memory, the newest wins, nothing queues."""

import mmap
import struct
from enum import IntEnum

import cv2
import numpy as np

from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.ports import BGRImage, Frame

MAX_LONGER_PX, MAX_SHORTER_PX = 1920, 1080
"""Frames with larger sides are scaled down before they cross, upright ones like wide ones."""
_SLOT_COUNT = 4
_HEADER_BYTES = 1024
_MESSAGE_BYTES = 900
_TURN_AT = _HEADER_BYTES - 1
"""One byte, which the reader writes: quarter turns, and 4 where left and right are swapped."""
_QUARTER_DEG, _SWAP = 90, 4
_HEADER = struct.Struct("<IQII")  # state, newest sequence number, skipped, length of the message
_SLOT_HEADER = struct.Struct("<QIId")  # sequence number, width, height, captured_at_s
_SLOT_HEADER_BYTES = 64
_SLOT_BYTES = _SLOT_HEADER_BYTES + MAX_LONGER_PX * MAX_SHORTER_PX * 3
TOTAL_BYTES = _HEADER_BYTES + _SLOT_COUNT * _SLOT_BYTES
"""Only pages that were written take memory."""


class CaptureState(IntEnum):
    """What the writing process says of itself."""

    OPENING = 0
    RUNNING = 1
    ENDED = 2
    FAILED = 3


class FrameSlots:
    """Shared memory with the newest frames; one process writes, one reads.

    The reader alone says how pictures are turned; the writer looks before each of them.

    The reader copies a slot and then looks whether it was overwritten meanwhile; with four slots
    that takes a reader three frames slower than the writer, and then the newer frame is taken.
    """

    def __init__(self, descriptor: int) -> None:
        """Map the memory behind a file descriptor of ``TOTAL_BYTES``; the descriptor stays open."""
        self._memory = mmap.mmap(descriptor, TOTAL_BYTES)

    def close(self) -> None:
        """Unmap the memory."""
        self._memory.close()

    def write(self, frame: Frame, skipped_count: int = 0) -> None:
        """Publish a frame under the next sequence number.

        Args:
            frame: what was read.
            skipped_count: pictures before it that could not be read, see ``FrameSource``.
        """
        picture = _fitted(frame.frame_bgr)
        height, width = picture.shape[:2]
        sequence = self.newest() + 1
        start = _slot_start(sequence)
        _SLOT_HEADER.pack_into(self._memory, start, 0, width, height, frame.captured_at_s)
        first = start + _SLOT_HEADER_BYTES
        self._memory[first : first + picture.nbytes] = np.ascontiguousarray(picture).data.cast("B")
        _SLOT_HEADER.pack_into(self._memory, start, sequence, width, height, frame.captured_at_s)
        _HEADER.pack_into(self._memory, 0, CaptureState.RUNNING, sequence, skipped_count, 0)

    def finish(self, state: CaptureState, message: str = "") -> None:
        """Say how it ended."""
        text = message.encode()[:_MESSAGE_BYTES]
        self._memory[_HEADER.size : _HEADER.size + len(text)] = text
        newest, skipped = self.newest(), self.skipped_count()
        _HEADER.pack_into(self._memory, 0, state, newest, skipped, len(text))

    def ask_turn(self, wanted: CameraTurn) -> None:
        """Have pictures turned like this from the next one on. The reader's side."""
        quarters = wanted.rotation_deg // _QUARTER_DEG
        self._memory[_TURN_AT] = quarters + (_SWAP if wanted.is_mirrored else 0)

    def wanted_turn(self) -> CameraTurn:
        """Return how the next picture is turned. The writer's side."""
        asked = self._memory[_TURN_AT]
        return CameraTurn(asked % _SWAP * _QUARTER_DEG, asked >= _SWAP)

    def newest(self) -> int:
        """Sequence number of the newest frame; 0 before the first."""
        newest: int = _HEADER.unpack_from(self._memory, 0)[1]
        return newest

    def skipped_count(self) -> int:
        """Pictures that could not be read up to the newest frame."""
        skipped: int = _HEADER.unpack_from(self._memory, 0)[2]
        return skipped

    def state(self) -> tuple[CaptureState, str]:
        """What the writer says of itself, and its message when it failed."""
        state, _, _, length = _HEADER.unpack_from(self._memory, 0)
        text = self._memory[_HEADER.size : _HEADER.size + length]
        return CaptureState(state), text.decode("utf-8", "replace")

    def read_newer(self, sequence: int) -> Frame | None:
        """The newest frame after ``sequence``, copied; None when there is none."""
        newest = self.newest()
        while newest > sequence:
            frame = self._copy(newest)
            if frame is not None:
                return frame
            newest = self.newest()
        return None

    def _copy(self, sequence: int) -> Frame | None:
        start = _slot_start(sequence)
        _, width, height, captured_at_s = _SLOT_HEADER.unpack_from(self._memory, start)
        first = start + _SLOT_HEADER_BYTES
        pixels = np.frombuffer(self._memory[first : first + width * height * 3], np.uint8)
        if _SLOT_HEADER.unpack_from(self._memory, start)[0] != sequence:
            return None
        return Frame(pixels.reshape(height, width, 3), captured_at_s, sequence)


def _slot_start(sequence: int) -> int:
    return _HEADER_BYTES + (sequence % _SLOT_COUNT) * _SLOT_BYTES


def _fitted(picture: BGRImage) -> BGRImage:
    height, width = picture.shape[:2]
    scale = min(MAX_LONGER_PX / max(width, height), MAX_SHORTER_PX / min(width, height))
    if scale >= 1:
        return picture
    size = (max(1, int(width * scale)), max(1, int(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
