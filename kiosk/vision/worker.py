"""Recognition in a thread of its own: always the newest frame, never in the preview's way."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from kiosk.domain.ports import Frame
from kiosk.domain.sightings import Sighting
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import FaceModels, Recogniser, RecognitionSettings
from models.errors import ModelsError

__all__ = ["FrameFeed", "RecognitionSettings", "RecognitionStats", "RecognitionWorker"]

logger = logging.getLogger(__name__)

_WAIT_S = 0.25
_SMOOTHING = 0.1


class FrameFeed(Protocol):
    """The newest frame of a camera."""

    def wait_newer(self, index: int, timeout_s: float) -> Frame | None:
        """The newest frame if its index is above ``index``, waiting up to ``timeout_s`` for it."""
        ...


@dataclass(frozen=True, slots=True)
class RecognitionStats:
    """How fast it goes; smoothed over about ten frames.

    Attributes:
        frame_count: frames looked at since the start.
        fps: frames looked at per second.
        busy_ms: work per frame.
        latency_ms: from capture to the end of the work.
    """

    frame_count: int = 0
    fps: float = 0.0
    busy_ms: float = 0.0
    latency_ms: float = 0.0


class RecognitionWorker:
    """Runs a recogniser on a camera's newest frames.

    ``stats`` may be called from any thread; ``on_sighting`` is called in the worker's thread.
    """

    def __init__(
        self,
        feed: FrameFeed,
        models: FaceModels,
        knowledge: Knowledge,
        settings: RecognitionSettings,
        on_sighting: Callable[[Sighting], None],
    ) -> None:
        """Prepare the worker.

        Args:
            feed: frames.
            models: used by the worker's thread alone from ``start`` on.
            knowledge: asked for each frame.
            settings: how fast and how strictly.
            on_sighting: told what is seen; what it raises ends the worker.
        """
        self._feed = feed
        self._recogniser = Recogniser(models, knowledge, settings)
        self._settings = settings
        self._on_sighting = on_sighting
        self._stopping = threading.Event()
        self._stats = RecognitionStats()
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="recognition", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it is gone, at most one frame later."""
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def stats(self) -> RecognitionStats:
        """How fast it goes."""
        return self._stats

    def _run(self) -> None:
        try:
            self._look_until_stopped()
        except Exception:  # the edge of the thread
            logger.exception("recognition ended: unexpected error")

    def _look_until_stopped(self) -> None:
        index, begun_s = -1, monotonic()
        while not self._stopping.is_set():
            frame = self._feed.wait_newer(index, _WAIT_S)
            if frame is None:
                continue
            index, last_begun_s, begun_s = frame.index, begun_s, monotonic()
            for sighting in self._look(frame):
                self._on_sighting(sighting)
            self._count(frame, begun_s, begun_s - last_begun_s)
            self._stopping.wait(max(0.0, begun_s + self._period_s() - monotonic()))

    def _look(self, frame: Frame) -> list[Sighting]:
        """One frame; failing models are logged at the edge and tried again with the next frame."""
        try:
            sightings = self._recogniser.look(frame)
        except ModelsError as exc:
            if not self._is_failing:
                logger.error("recognition fails: %s", exc)  # noqa: TRY400  a known error, no trace
            self._is_failing = True
            return []
        if self._is_failing:
            logger.info("recognition works again")
            self._is_failing = False
        return sightings

    def _period_s(self) -> float:
        is_busy = self._recogniser.sees_somebody
        return 1.0 / (self._settings.max_fps if is_busy else self._settings.idle_fps)

    def _count(self, frame: Frame, begun_s: float, between_s: float) -> None:
        now_s, before = monotonic(), self._stats
        share = 1.0 if before.frame_count == 0 else _SMOOTHING
        self._stats = RecognitionStats(
            frame_count=before.frame_count + 1,
            fps=_blend(before.fps, 1.0 / max(between_s, 1e-3), share),
            busy_ms=_blend(before.busy_ms, 1000 * (now_s - begun_s), share),
            latency_ms=_blend(before.latency_ms, 1000 * (now_s - frame.captured_at_s), share),
        )


def _blend(before: float, now: float, share: float) -> float:
    return before + share * (now - before)
