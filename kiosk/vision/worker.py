"""Recognition in its own thread: uses the newest frame and never delays the preview."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from kiosk.domain.health import FaultEdge, RecognitionHealth, RecognitionState
from kiosk.domain.ports import Frame
from kiosk.domain.sightings import Sighting
from kiosk.errors import KioskError, ModelMissingError, NetworkMissingError, OtherNetworkError
from kiosk.vision.handover import NextNetwork
from kiosk.vision.inspection import FaceObserver, InspectionListener, inspect_frame
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.mounting import MountingWatch
from kiosk.vision.recogniser import FaceModels, Recogniser, RecognitionSettings
from kiosk.vision.supply import ModelSupply
from models.errors import ModelsError
from models.stages.detect import Detection
from models.stages.track import Tracker

__all__ = ["FrameFeed", "RecognitionSettings", "RecognitionStats", "RecognitionWorker"]

logger = logging.getLogger(__name__)

_WAIT_S = 0.25
_SMOOTHING = 0.1
_INSPECTION_S = 0.2


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
    """Opens the models and runs a recogniser on a camera's newest frames.

    Models that are missing or fail are tried again for as long as it takes. ``stats``, ``state``
    and ``turn_deg`` may be called from any thread; ``on_sighting`` is called in the worker's
    thread.
    """

    def __init__(
        self,
        feed: FrameFeed,
        open_models: Callable[[], FaceModels],
        knowledge: Knowledge,
        settings: RecognitionSettings,
        on_sighting: Callable[[Sighting], None],
        *,
        next_network: NextNetwork | None = None,
    ) -> None:
        """Prepare the worker.

        Args:
            feed: frames.
            open_models: called in the worker's thread, or in a separate one after `reopen`; the
                worker's thread alone uses what it returns.
            knowledge: asked for each frame.
            settings: how fast and how strictly.
            on_sighting: told what is seen.
            next_network: see `Recogniser`.
        """
        self._feed = feed
        self._knowledge = knowledge
        self._settings = settings
        self._on_sighting = on_sighting
        self._next_network = next_network
        self._supply = ModelSupply(open_models)
        self._models: FaceModels | None = None
        self._tracker = Tracker()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._recogniser: Recogniser | None = None
        self._mounting: MountingWatch | None = None
        self._index = -1
        self._begun_s = monotonic()
        self._stats = RecognitionStats()
        self._state = RecognitionState()
        self._fault = FaultEdge()
        self._inspector: InspectionListener | None = None
        self._observer: FaceObserver | None = None
        self._was_inspecting = False
        self._thread = threading.Thread(target=self._run, name="recognition", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when it is gone, at most one frame later."""
        self._stopping.set()
        self._hurry.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def reopen(self) -> None:
        """Open the models again, without waiting for them: another network is wanted.

        Faces are compared with the old ones until the new ones are open, on the same tracks. If
        they cannot be opened, recognition is off: the old network no longer decides.
        """
        self._supply.renew()
        self._hurry.set()

    def inspect(self, listener: InspectionListener | None) -> None:
        """Show pictures to a technician instead of recognising people; None: go on as before.

        Nobody is compared meanwhile, and everybody is a new track afterwards. For any thread.

        Args:
            listener: told what each picture shows, on the worker's thread.
        """
        self._inspector = listener

    def observe_faces(self, observer: FaceObserver | None) -> None:
        """Show the faces of inspected pictures to a test, as often as at the door; None: end it.

        For any thread.

        Args:
            observer: called on the worker's thread.
        """
        self._observer = observer

    @property
    def models(self) -> FaceModels | None:
        """What faces are compared with now; None while recognition is off. For any thread."""
        return None if self._recogniser is None else self._models

    def stats(self) -> RecognitionStats:
        """How fast it goes."""
        return self._stats

    def state(self) -> RecognitionState:
        """Whether faces are compared, and otherwise what is missing."""
        return self._state

    def turn_deg(self) -> int:
        """Return by how much pictures must be turned clockwise; 0 while faces are upright."""
        watch = self._mounting
        return 0 if watch is None else watch.turn_deg

    def forget_mounting(self) -> None:
        """Judge the mounting anew: pictures are turned otherwise from now on. For any thread."""
        self._mounting = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._turn()
            except (KioskError, ModelsError) as exc:
                self._state = state_after(exc)
                if self._fault.start(monotonic()):
                    logger.error("Recognition is off: %s", exc)  # noqa: TRY400  known, no trace
            except Exception:  # the edge of the thread: the rest of the kiosk works without us
                self._state = RecognitionState(RecognitionHealth.FAILING)
                if self._fault.start(monotonic()):
                    logger.exception("unexpected error in recognition, retrying")
            if self._recogniser is None:
                self._hurry.wait(self._settings.retry_s)
                self._hurry.clear()

    def _turn(self) -> None:
        """Open the models where that is to do, else look at one frame."""
        self._take_over()
        if self._recogniser is None:
            self._use(self._supply.open())
        frame = self._feed.wait_newer(self._index, _WAIT_S)
        if frame is None:
            return
        begun_s, between_s = monotonic(), monotonic() - self._begun_s
        self._index, self._begun_s = frame.index, begun_s
        if self._recogniser is None or self._inspected(self._recogniser, frame):
            return
        recogniser = self._recogniser
        sightings = recogniser.look(frame)
        self._note_well(recogniser)
        for sighting in sightings:
            self._on_sighting(sighting)
        self._count(frame, begun_s, between_s)
        if self._models is not None:
            self._watch_mounting(frame, recogniser.found, self._models)
        period_s = self._period_s(recogniser)
        self._stopping.wait(max(0.0, begun_s + period_s - monotonic()))

    def _inspected(self, recogniser: Recogniser, frame: Frame) -> bool:
        """Look at a frame for a technician, where one is there; False: nobody is."""
        listener, models = self._inspector, self._models
        if listener is not None and models is not None:
            observer = self._observer
            listener(inspect_frame(models, frame, self._settings.guidance, observer))
            self._note_well(recogniser)
            self._was_inspecting = True
            pause_s = _INSPECTION_S if observer is None else 1.0 / self._settings.max_fps
            self._stopping.wait(max(0.0, self._begun_s + pause_s - monotonic()))
            return True
        if self._was_inspecting and models is not None:
            self._was_inspecting = False
            self._tracker = Tracker()
            self._recogniser = self._recogniser_of(models)
        return False

    def _take_over(self) -> None:
        """Use the models that were opened again meanwhile; without them recognition is off.

        Raises:
            KioskError, ModelsError: they cannot be opened.
        """
        try:
            models = self._supply.renewed()
        except Exception:
            self._recogniser = None
            self._close_models()
            raise
        if models is not None:
            self._use(models)

    def _close_models(self) -> None:
        models, self._models = self._models, None
        if models is not None:
            models.close()

    def _use(self, models: FaceModels) -> None:
        self._recogniser = self._recogniser_of(models)
        before, self._models = self._models, models
        if before is not None and before is not models:
            before.close()
        watch = self._mounting
        if watch is not None:
            watch.use(models)
        logger.info("network open: %s", models.embedder_card.id)
        self._note_well(self._recogniser)

    def _recogniser_of(self, models: FaceModels) -> Recogniser:
        return Recogniser(
            models,
            self._knowledge,
            self._settings,
            tracker=self._tracker,
            next_network=self._next_network,
        )

    def _watch_mounting(self, frame: Frame, found: Sequence[Detection], models: FaceModels) -> None:
        """Look for turned faces now and then, in the pause after a frame's own work."""
        watch = self._mounting
        if watch is None:
            watch = self._mounting = MountingWatch(models)
        before_deg = watch.turn_deg
        watch.note(found, frame.captured_at_s)
        if watch.is_due(frame.captured_at_s):
            watch.check(frame)
        if watch.turn_deg and watch.turn_deg != before_deg:
            logger.warning("camera mounting wrong, pictures need turning by %d", watch.turn_deg)
        elif watch.turn_deg != before_deg:
            logger.info("camera mounting right again")

    def _note_well(self, recogniser: Recogniser) -> None:
        left_out = recogniser.left_out
        if left_out and left_out != self._state.left_out:
            logger.warning(
                "people skipped, no limits for children model=%s people=%d",
                recogniser.model_id,
                left_out,
            )
        model = recogniser.model_id if left_out else ""
        self._state = RecognitionState(RecognitionHealth.OK, model, left_out=left_out)
        cleared = self._fault.clear(monotonic())
        if cleared is not None:
            logger.info("Recognition works again after %.0f s", cleared.lasted_s)

    def _period_s(self, recogniser: Recogniser) -> float:
        is_busy = recogniser.sees_somebody
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


def state_after(error: KioskError | ModelsError) -> RecognitionState:
    """Return how recognition is after the models could not be opened or used."""
    if isinstance(error, NetworkMissingError):
        word = (
            RecognitionHealth.NETWORK_DAMAGED
            if error.is_damaged
            else RecognitionHealth.NETWORK_MISSING
        )
        return RecognitionState(word, error.model, error.command)
    if isinstance(error, ModelMissingError):
        return RecognitionState(RecognitionHealth.MODEL_MISSING, error.model, error.command)
    if isinstance(error, OtherNetworkError):
        word = RecognitionHealth.OTHER_NETWORK
        return RecognitionState(word, error.own, school=error.school)
    return RecognitionState(RecognitionHealth.FAILING)


def _blend(before: float, now: float, share: float) -> float:
    return before + share * (now - before)
