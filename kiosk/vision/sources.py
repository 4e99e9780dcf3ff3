"""Frame sources that read in the caller's own thread: cameras and replayed clips."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import cv2
import numpy as np

from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.ports import BGRImage, Frame, FrameSource
from kiosk.errors import CameraError
from kiosk.vision.spec import SourceKind, SourceSpec, image_files
from kiosk.vision.turning import TurnedFrameSource

_FALLBACK_FPS = 30.0
"""For clips that do not say how fast they are."""
_LEAST_FAILURES, _MOST_FAILURES = 100, 1000
"""Reads in a row that fail before a clip counts as over, where it does not say how long it is."""


class Pacer:
    """Waits until the next frame of a clip is due; never hurries to catch up a long delay."""

    def __init__(
        self,
        fps: float,
        *,
        monotonic_s: Callable[[], float] = monotonic,
        wait: Callable[[float], Any] | None = None,
    ) -> None:
        """Start with the first frame due at once.

        Args:
            fps: frames per second, > 0.
            monotonic_s: the clock.
            wait: waits for so many seconds.
        """
        self._period_s = 1.0 / fps
        self.monotonic_s = monotonic_s
        self._wait = Event().wait if wait is None else wait
        self._due_s: float | None = None

    def wait_until_due(self) -> None:
        """Wait for the next frame's turn."""
        now_s = self.monotonic_s()
        due_s = now_s if self._due_s is None else self._due_s
        if due_s > now_s:
            self._wait(due_s - now_s)
        self._due_s = max(due_s, now_s - self._period_s) + self._period_s


class CameraFrameSource:
    """A live camera, through V4L2 or a GStreamer pipeline."""

    def __init__(self, spec: SourceSpec, *, monotonic_s: Callable[[], float] = monotonic) -> None:
        """Open the camera.

        Raises:
            CameraError: it is not there or cannot be opened.
        """
        self._monotonic_s = monotonic_s
        self._capture = _open_camera(spec)
        self._index = 0
        if not self._capture.isOpened():
            raise CameraError(f"the {_spoken(spec)} cannot be opened")

    @property
    def skipped_count(self) -> int:
        """A camera skips nothing: without a picture it is opened again."""
        return 0

    def read(self) -> Frame | None:
        """Wait for the next frame; see ``FrameSource.read``."""
        is_read, picture = self._capture.read()
        if not is_read or picture is None:
            raise CameraError("the camera gives no more frames")
        frame = Frame(_as_bgr(picture), self._monotonic_s(), self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


class ReplayFrameSource:
    """A clip or a folder of images, at its own pace. Pictures that cannot be read are left out."""

    def __init__(self, spec: SourceSpec, *, pacer: Pacer | None = None) -> None:
        """Open the clip.

        Raises:
            CameraError: it cannot be read.
        """
        self._reader = _FolderReader(spec) if _is_folder(spec) else _VideoReader(spec)
        self._pacer = pacer or Pacer(spec.options.replay_fps or self._reader.fps)
        self._is_looped = spec.options.is_looped
        self._name = Path(spec.target).name
        self._index = 0

    @property
    def skipped_count(self) -> int:
        """See ``FrameSource.skipped_count``."""
        return self._reader.skipped_count

    def read(self) -> Frame | None:
        """Wait until the next frame is due; None at the end; see ``FrameSource.read``.

        Raises:
            CameraError: not one picture can be read.
        """
        picture = self._reader.next_picture()
        if picture is None and self._is_looped:
            self._reader.rewind()
            picture = self._reader.next_picture()
        if picture is None and self._index == 0:
            raise CameraError(f"no picture of {self._name} can be read")
        if picture is None:
            return None
        self._pacer.wait_until_due()
        frame = Frame(_as_bgr(picture), self._pacer.monotonic_s(), self._index)
        self._index += 1
        return frame

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()


def open_frame_source(
    spec: SourceSpec, wanted: Callable[[], CameraTurn] | None = None
) -> FrameSource:
    """Open what a spec names, in this process.

    Args:
        spec: what to open.
        wanted: asked for each picture how it is turned; None: always as the spec says.

    Raises:
        CameraError: it cannot be opened.
    """
    source: FrameSource = ReplayFrameSource(spec) if spec.is_replay else CameraFrameSource(spec)
    return TurnedFrameSource(source, wanted or (lambda: spec.options.turn))


class _VideoReader:
    def __init__(self, spec: SourceSpec) -> None:
        self._path = spec.target
        self._capture = cv2.VideoCapture(self._path)
        if not self._capture.isOpened():
            raise CameraError(f"the clip {Path(self._path).name} cannot be read as a video")
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 1.0 <= fps <= 240.0 else _FALLBACK_FPS
        self._told_count = float(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._passed_count = 0
        self.skipped_count = 0

    def next_picture(self) -> Any:  # what OpenCV gives; _as_bgr checks it
        """Read on over damaged frames: OpenCV answers them as it answers the end of the clip."""
        for failed_count in range(self._most_failures()):
            is_read, picture = self._capture.read()
            if is_read:
                self.skipped_count += failed_count
                self._passed_count += failed_count + 1
                return picture
        return None

    def _most_failures(self) -> int:
        """So many failures in a row are the end; what a clip says of its length may be wrong."""
        left = self._told_count - self._passed_count
        return int(min(max(left, _LEAST_FAILURES), _MOST_FAILURES))

    def rewind(self) -> None:
        self._capture.release()
        self._capture = cv2.VideoCapture(self._path)
        self._passed_count = 0

    def close(self) -> None:
        self._capture.release()


class _FolderReader:
    def __init__(self, spec: SourceSpec) -> None:
        self._paths = image_files(Path(spec.target))
        self.fps = spec.options.fps
        self._next = 0
        self.skipped_count = 0

    def next_picture(self) -> Any:
        while self._next < len(self._paths):
            picture = _read_image(self._paths[self._next])
            self._next += 1
            if picture is not None:
                return picture
            self.skipped_count += 1
        return None

    def rewind(self) -> None:
        self._next = 0

    def close(self) -> None:
        self._paths = []


def _read_image(path: Path) -> Any:
    """The picture, or None where the file is none; OpenCV raises for one of too many pixels."""
    try:
        return cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error:
        return None


def _spoken(spec: SourceSpec) -> str:
    """The source in words for the log; a pipeline may hold a password."""
    return "camera pipeline" if spec.kind is SourceKind.GSTREAMER else f"camera {spec.target}"


def _is_folder(spec: SourceSpec) -> bool:
    return spec.kind is SourceKind.REPLAY_FOLDER


def _open_camera(spec: SourceSpec) -> cv2.VideoCapture:
    if spec.kind is SourceKind.GSTREAMER:
        return cv2.VideoCapture(spec.target, cv2.CAP_GSTREAMER)
    is_index = spec.kind is SourceKind.CAMERA_INDEX
    capture = (
        cv2.VideoCapture(int(spec.target), cv2.CAP_V4L2)
        if is_index
        else cv2.VideoCapture(spec.target, cv2.CAP_V4L2)
    )
    # Motion JPEG first: most USB cameras reach 30 fps at 640x480 only so.
    capture.set(cv2.CAP_PROP_FOURCC, float(cv2.VideoWriter.fourcc(*"MJPG")))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, float(spec.options.width_px))
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, float(spec.options.height_px))
    capture.set(cv2.CAP_PROP_FPS, spec.options.fps)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1.0)
    return capture


def _as_bgr(picture: Any) -> BGRImage:
    """Whatever OpenCV gave, as (H, W, 3) uint8."""
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    elif picture.shape[2] == 4:
        picture = cv2.cvtColor(picture, cv2.COLOR_BGRA2BGR)
    if picture.dtype != np.uint8:
        raise CameraError(f"frames of type {picture.dtype} are not understood")
    return np.asarray(picture, np.uint8)
