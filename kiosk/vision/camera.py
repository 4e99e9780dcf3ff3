"""The camera for the rest of the kiosk: reports its health and recovers from failures."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.health import CameraHealth
from kiosk.domain.ports import Frame
from kiosk.errors import CameraError
from kiosk.vision.capture import Capture, CaptureProcess
from kiosk.vision.picture_health import PictureJudge, PictureLimits, PictureVerdict, thumbnail
from kiosk.vision.spec import SourceOptions, SourceSpec, parse_spec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CameraReport:
    """How the camera is, since when (monotonic), and the technical reason if it is not well."""

    health: CameraHealth
    since_s: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CameraDeadlines:
    """How patient the kiosk is with its camera, in seconds.

    Attributes:
        report_s: without a frame for so long, the camera is reported as gone.
        frame_s: without a frame for so long after the first, it is opened again.
        open_s: likewise before the first frame; USB cameras are slow to start.
        bad_picture_s: black or frozen for so long after it was reported, it is opened again.
        retry_s: wait before it is opened again; doubles each time in a row.
        retry_max_s: but never longer than this.
    """

    report_s: float = 2.5
    frame_s: float = 2.5
    open_s: float = 10.0
    bad_picture_s: float = 5.0
    retry_s: float = 0.5
    retry_max_s: float = 15.0


def open_source(
    setting: str,
    options: SourceOptions | None = None,
    *,
    deadlines: CameraDeadlines | None = None,
    limits: PictureLimits | None = None,
) -> "Camera":
    """Return the camera that a setting names; ``start`` opens it.

    Raises:
        CameraError: the setting is invalid here; see ``parse_spec``.
    """
    spec = parse_spec(setting, options or SourceOptions())
    return Camera(spec, deadlines=deadlines or CameraDeadlines(), limits=limits or PictureLimits())


class Camera:
    """Supervises a capture process from its own thread.

    ``latest``, ``wait_newer``, ``turn`` and ``report`` may be called from any thread. Listeners are
    called in the camera's thread, those of a turn in the caller's, and must return at once.
    """

    def __init__(
        self,
        spec: SourceSpec,
        *,
        deadlines: CameraDeadlines,
        limits: PictureLimits,
        open_capture: Callable[[SourceSpec], Capture] = CaptureProcess,
    ) -> None:
        self._spec = spec
        self._deadlines = deadlines
        self._limits = limits
        self._open_capture = open_capture
        self._stopping = threading.Event()
        self._is_started = False
        self._changed = threading.Condition()
        self._latest: Frame | None = None
        self._count = 0
        self._report = CameraReport(CameraHealth.STARTING, monotonic())
        self._on_frame: list[Callable[[Frame], None]] = []
        self._on_report: list[Callable[[CameraReport], None]] = []
        self._on_turn: list[Callable[[], None]] = []
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)

    def subscribe(
        self,
        *,
        on_frame: Callable[[Frame], None] | None = None,
        on_report: Callable[[CameraReport], None] | None = None,
        on_turn: Callable[[], None] | None = None,
    ) -> None:
        """Ask to be called for each frame, change of health and turn; before the first of them."""
        if on_frame is not None:
            self._on_frame.append(on_frame)
        if on_report is not None:
            self._on_report.append(on_report)
        if on_turn is not None:
            self._on_turn.append(on_turn)

    def start(self) -> None:
        """Begin to capture; returns at once. Does nothing the second time, or after ``stop``."""
        with self._changed:
            if self._is_started or self._stopping.is_set():
                return
            self._is_started = True
            self._thread.start()

    def stop(self) -> None:
        """End the thread and the capture process; returns when both are gone."""
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        if self._is_started:
            self._thread.join()

    def turn(self, wanted: CameraTurn) -> None:
        """Turn pictures like this from now on, also after the camera was opened again.

        Returns at once. The camera stays open: its next picture, or the one after, is turned.
        """
        self._spec = self._spec.turned(wanted)
        for listener in self._on_turn:
            listener()

    def latest(self) -> Frame | None:
        """The newest frame; never waits. ``index`` counts on over re-openings."""
        return self._latest

    def wait_newer(self, index: int, timeout_s: float) -> Frame | None:
        """The newest frame if its index is above ``index``, waiting up to ``timeout_s`` for it."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._stopping.is_set() or self._count > index + 1, timeout_s
            )
        newest = self._latest
        return newest if newest is not None and newest.index > index else None

    def report(self) -> CameraReport:
        """How the camera is now."""
        return self._report

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            frames_before = self._count
            try:
                self._watch_one_capture()
            except CameraError as exc:
                self._say_broken(str(exc))
            except Exception:  # the edge of the thread: a camera must not take the kiosk down
                logger.exception("the camera thread met something unexpected")
                self._say_broken("unexpected error")
            if self._report.health is CameraHealth.FINISHED:
                return
            failures = 0 if self._count > frames_before else failures + 1
            pause_s = self._deadlines.retry_s * 2 ** min(failures, 10)
            self._stopping.wait(min(pause_s, self._deadlines.retry_max_s))

    def _watch_one_capture(self) -> None:
        spec = self._spec
        capture = self._open_capture(spec)
        try:
            _Watch(self, capture, spec.options.turn).run()
        finally:
            capture.close()

    def _say_broken(self, reason: str) -> None:
        """A camera known to be black or frozen stays so while it is opened again."""
        if self._report.health in (CameraHealth.BLACK, CameraHealth.FROZEN):
            return
        self.say(CameraHealth.GONE, reason)

    def say(self, health: CameraHealth, detail: str = "") -> None:
        """Change the report, tell the listeners, log the edge. Camera thread."""
        if health is self._report.health:
            return
        before = self._report
        self._report = CameraReport(health, monotonic(), detail)
        if health is CameraHealth.OK and before.health is not CameraHealth.STARTING:
            logger.info("camera works again after %.1f s", self._report.since_s - before.since_s)
        elif health not in (CameraHealth.OK, CameraHealth.FINISHED):
            logger.warning("camera is %s: %s", health.value, detail)
        for listener in self._on_report:
            listener(self._report)

    def publish(self, frame: Frame) -> None:
        """Make a frame the newest. Camera thread."""
        numbered = replace(frame, index=self._count)
        with self._changed:
            self._latest = numbered
            self._count += 1
            self._changed.notify_all()
        for listener in self._on_frame:
            listener(numbered)

    @property
    def is_stopping(self) -> bool:
        """Whether ``stop`` was called."""
        return self._stopping.is_set()

    @property
    def spec(self) -> SourceSpec:
        """What is captured."""
        return self._spec

    @property
    def deadlines(self) -> CameraDeadlines:
        """How patient it is."""
        return self._deadlines

    @property
    def limits(self) -> PictureLimits:
        """When a picture counts as bad."""
        return self._limits


class _Watch:
    """One opening of the camera, from start to its end or fault."""

    _POLL_S = 0.25
    """How soon a call to ``stop`` is noticed while no frame comes."""

    def __init__(self, camera: Camera, capture: Capture, turn: CameraTurn) -> None:
        self._camera = camera
        self._capture = capture
        self._turn = turn
        self._judge = None if camera.spec.is_replay else PictureJudge(camera.limits)
        self._has_frame = False
        self._is_warned = False
        self._last_s = monotonic()
        self._bad_since_s: float | None = None

    def run(self) -> None:
        """Publish frames until the clip ends or ``stop``.

        Raises:
            CameraError: no frame within the deadline, or only black or frozen ones.
        """
        wait_s = min(self._POLL_S, self._camera.deadlines.report_s)
        while not self._camera.is_stopping:
            self._follow_turn()
            frame = self._capture.wait(wait_s)
            self._note_skipped()
            if frame is not None:
                self._take(frame)
            elif self._capture.is_over:
                self._camera.say(CameraHealth.FINISHED)
                if self._is_warned:
                    logger.info("clip finished skipped=%d", self._capture.skipped_count)
                return
            else:
                self._check_silence(monotonic() - self._last_s)

    def _follow_turn(self) -> None:
        """Pass on how pictures are to be turned, where that has changed."""
        wanted = self._camera.spec.options.turn
        if wanted != self._turn:
            self._turn = wanted
            self._capture.turn(wanted)

    def _note_skipped(self) -> None:
        """Warn once for each opening, at the first picture that was left out."""
        count = self._capture.skipped_count
        if count and not self._is_warned:
            self._is_warned = True
            logger.warning("clip picture unreadable, skipped")

    def _take(self, frame: Frame) -> None:
        self._has_frame = True
        self._last_s = monotonic()
        self._camera.publish(frame)
        verdict = PictureVerdict.ALIVE
        if self._judge is not None:
            verdict = self._judge.judge(thumbnail(frame.frame_bgr), frame.captured_at_s)
        self._act_on(verdict)

    def _act_on(self, verdict: PictureVerdict) -> None:
        was = self._camera.report().health
        if verdict is PictureVerdict.ALIVE:
            self._camera.say(CameraHealth.OK)
            self._bad_since_s = None
        elif verdict is PictureVerdict.UNDECIDED:
            if was in (CameraHealth.STARTING, CameraHealth.GONE):
                self._camera.say(CameraHealth.OK)
        else:
            self._camera.say(CameraHealth(verdict.value), f"the picture is {verdict.value}")
            self._reopen_if_bad_for_long()

    def _reopen_if_bad_for_long(self) -> None:
        now_s = monotonic()
        self._bad_since_s = now_s if self._bad_since_s is None else self._bad_since_s
        if now_s - self._bad_since_s >= self._camera.deadlines.bad_picture_s:
            raise CameraError("the picture stayed bad")

    def _check_silence(self, silent_s: float) -> None:
        deadlines = self._camera.deadlines
        limit_s = deadlines.frame_s if self._has_frame else deadlines.open_s
        if silent_s >= limit_s:
            raise CameraError(f"no frame for {silent_s:.1f} s")
        was = self._camera.report().health
        if silent_s >= deadlines.report_s and was in (CameraHealth.OK, CameraHealth.STARTING):
            self._camera.say(CameraHealth.GONE, f"no frame for {silent_s:.1f} s")
