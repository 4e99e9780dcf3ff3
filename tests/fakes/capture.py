"""Captures and cameras that a test drives frame by frame."""

import queue
import threading

import numpy as np

from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.ports import BGRImage, Frame
from kiosk.errors import CameraError
from kiosk.vision.spec import SourceKind, SourceOptions, SourceSpec

LIVE = SourceSpec(SourceKind.CAMERA_INDEX, "0", SourceOptions())
CLIP = SourceSpec(SourceKind.REPLAY_VIDEO, "clip.mkv", SourceOptions())


def noise(seed: int, low: int = 60, high: int = 200) -> BGRImage:
    """A picture like no other: (48, 64, 3) uint8."""
    return np.random.default_rng(seed).integers(low, high, (48, 64, 3), dtype=np.uint8)


class ScriptedCapture:
    """A capture whose frames, silence, faults and end come from the test."""

    def __init__(self) -> None:
        self._items: queue.Queue[Frame | CameraError | None] = queue.Queue()
        self._count = 0
        self.is_over = False
        self.skipped_count = 0
        self.is_closed = False
        self.turns: queue.Queue[CameraTurn] = queue.Queue()

    def turn(self, wanted: CameraTurn) -> None:
        self.turns.put(wanted)

    def give(self, picture: BGRImage, at_s: float) -> None:
        self._items.put(Frame(picture, at_s, self._count))
        self._count += 1

    def fail(self, reason: str) -> None:
        self._items.put(CameraError(reason))

    def end(self) -> None:
        self._items.put(None)

    def wait(self, timeout_s: float) -> Frame | None:
        try:
            item = self._items.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(item, CameraError):
            raise item
        self.is_over = item is None
        return item

    def close(self) -> None:
        self.is_closed = True


class HandFed:
    """A frame feed for the recognition worker: ``put`` makes a frame the newest."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: Frame | None = None

    def put(self, frame: Frame) -> None:
        with self._changed:
            self._newest = frame
            self._changed.notify_all()

    def wait_newer(self, index: int, timeout_s: float) -> Frame | None:
        def is_newer() -> bool:
            return self._newest is not None and self._newest.index > index

        with self._changed:
            self._changed.wait_for(is_newer, timeout_s)
            return self._newest if is_newer() else None
