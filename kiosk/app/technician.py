"""Behind the technician screen: pauses recognition, runs the checks, syncs. Nothing here waits."""

import io
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kiosk.app.device import Device
from kiosk.app.onboarding import software_version
from kiosk.app.status_json import status_json
from kiosk.app.wifi import join, networks_in_reach
from kiosk.config import Settings
from kiosk.doctor import Diagnosis, Examination, HostMachine, KioskReport, KioskSetup, examine
from kiosk.doctor.picture import GreyPicture, NoPicture
from kiosk.doctor.report import parse_report
from kiosk.domain.log_lines import NewestLines
from kiosk.domain.ports import Frame
from kiosk.domain.technician import DeviceFacts, FindingState, Inspection, MachineFinding
from kiosk.domain.wifi import WifiNetwork, WifiOutcome
from kiosk.errors import StorageError
from kiosk.ui.technician_callbacks import TechnicianCallbacks
from kiosk.vision.inspection import InspectionListener
from protocol.v1.findings import CodedText, coded

logger = logging.getLogger(__name__)

_FACTS_S = 1.0
_WIDTH_PX = 640
"""The checks measure pictures of about this width."""
_LUMA_BGR = np.array([0.114, 0.587, 0.299], np.float32)
"""Source: ITU-R BT.601."""


class Pausable(Protocol):
    """The attendant's loop: ignores faces, cards and codes meanwhile."""

    def pause(self, *, is_paused: bool) -> None:
        """Begin or end the pause."""
        ...


class Inspectable(Protocol):
    """The part that sees: shows pictures to a technician instead of recognising people."""

    def inspect(self, listener: InspectionListener | None) -> None:
        """Begin with a listener, end with None."""
        ...


@dataclass(frozen=True, slots=True)
class TechnicianOutput:
    """Where things are shown; each may be called from any thread and returns at once.

    Attributes:
        on_facts: shows figures.
        on_inspection: shows what a picture holds.
        on_findings: shows what the checks found.
        on_networks: shows the wireless networks, or why there are none.
        on_wifi: shows how joining one ended.
        on_logs: shows log lines.
    """

    on_facts: Callable[[DeviceFacts], None]
    on_inspection: Callable[[Inspection], None]
    on_findings: Callable[[Sequence[MachineFinding]], None]
    on_networks: Callable[[Sequence[WifiNetwork] | WifiOutcome], None] = lambda _found: None
    on_wifi: Callable[[WifiOutcome], None] = lambda _outcome: None
    on_logs: Callable[[NewestLines], None] = lambda _newest: None


class TechnicianDesk:
    """Does what the technician screen asks for, each on a thread of its task.

    Args:
        run_checks: runs the checks of this machine; takes seconds.
        machine: this one.
        newest_lines: returns at once what was logged last.
    """

    def __init__(
        self,
        run_checks: Callable[[], Sequence[Diagnosis]],
        machine: HostMachine | None = None,
        newest_lines: Callable[[], NewestLines] | None = None,
    ) -> None:
        self._newest_lines = newest_lines
        self._machine = machine or HostMachine()
        self._run_checks = run_checks
        self._lock = threading.Lock()
        self._output: TechnicianOutput | None = None
        self._device: Device | None = None
        self._loop: Pausable | None = None
        self._sight: Inspectable | None = None
        self._closed: threading.Event | None = None

    def show_on(self, output: TechnicianOutput) -> None:
        """Show everything there; before the screen can be opened."""
        self._output = output

    def serve(self, device: Device) -> None:
        """Tell of this device, and sync it, from now on."""
        self._device = device

    def attend(self, loop: Pausable, sight: Inspectable) -> None:
        """Pause these while the screen is open; at once where it is open already."""
        with self._lock:
            self._loop, self._sight = loop, sight
            self._apply()

    def callbacks(self) -> TechnicianCallbacks:
        """Return what the window calls."""
        return TechnicianCallbacks(
            self.change,
            self.check,
            self.sync,
            self.find_wifi,
            self.join_wifi,
            self.read_logs,
        )

    def change(self, is_open: bool) -> None:
        """Pause recognition and tell figures while the screen is open; end both when it closes."""
        with self._lock:
            if self._closed is not None:
                self._closed.set()
            self._closed = threading.Event() if is_open else None
            self._apply()
            if self._closed is not None:
                _start("technician-facts", self._tell_facts, self._closed)
        logger.info("technician screen %s", "opened" if is_open else "closed")

    def check(self) -> None:
        """Run the checks."""
        _start("technician-checks", self._check)

    def sync(self) -> None:
        """Fetch and deliver everything now."""
        if self._device is not None:
            _start("technician-sync", self._device.sync_now)

    def find_wifi(self) -> None:
        """Search for wireless networks."""
        _start("technician-wifi", self._find_wifi)

    def join_wifi(self, name: str, password: str) -> None:
        """Join a network."""
        _start("technician-wifi", self._join_wifi, name, password)

    def read_logs(self) -> None:
        """Show what was logged last; it is in memory, so nobody waits."""
        if self._output is not None and self._newest_lines is not None:
            self._output.on_logs(self._newest_lines())

    def _find_wifi(self) -> None:
        found = networks_in_reach(self._machine)
        if self._output is not None:
            self._output.on_networks(found)

    def _join_wifi(self, name: str, password: str) -> None:
        outcome = join(self._machine, name, password)
        logger.info("wireless network tried, outcome=%s", outcome.value)
        if self._output is not None:
            self._output.on_wifi(outcome)

    def _apply(self) -> None:
        is_open = self._closed is not None
        if self._loop is not None:
            self._loop.pause(is_paused=is_open)
        if self._sight is not None:
            shown = self._output.on_inspection if self._output is not None else None
            self._sight.inspect(shown if is_open else None)

    def _tell_facts(self, closed: threading.Event) -> None:
        while self._output is not None:
            self._output.on_facts(self._facts())
            if closed.wait(_FACTS_S):
                return

    def _facts(self) -> DeviceFacts:
        device = self._device
        silent_s = None if device is None else device.silent_s
        return DeviceFacts(software_version(), device is not None, silent_s)

    def _check(self) -> None:
        try:
            found = [_finding(one) for one in self._run_checks()]
        except Exception as exc:
            logger.exception("checks failed")
            found = [_failed(exc)]
        if self._output is not None:
            self._output.on_findings(found)


def checks_of(
    settings: Settings, newest_frame: Callable[[], Frame | None]
) -> Callable[[], Sequence[Diagnosis]]:
    """Return the checks of this machine; light and focus see what the kiosk sees."""

    def run_checks() -> Sequence[Diagnosis]:
        exam = Examination(
            HostMachine(),
            KioskSetup.of(dict(settings), None),
            report=lambda: own_report(settings),
            picture=lambda: grey_picture(newest_frame()),
        )
        return examine(exam)

    return run_checks


def own_report(settings: Settings) -> KioskReport | CodedText:
    """Return the kiosk's status, or why there is none."""
    output = io.StringIO()
    try:
        status_json(settings, output)
    except StorageError as exc:
        return coded("report.files_unreadable", detail=str(exc))
    return parse_report(output.getvalue()) or coded("report.unreadable")


def grey_picture(frame: Frame | None) -> GreyPicture | NoPicture:
    """Turn a frame into what the checks measure, about 640 pixels wide."""
    if frame is None:
        return NoPicture.NO_FRAMES
    step = max(1, round(frame.frame_bgr.shape[1] / _WIDTH_PX))
    luma = (frame.frame_bgr[::step, ::step] @ _LUMA_BGR).astype(np.uint8)
    height_px, width_px = luma.shape
    return GreyPicture(width_px, height_px, luma.tobytes())


def _finding(found: Diagnosis) -> MachineFinding:
    return MachineFinding(found.check, FindingState(found.result.value), found.text)


def _failed(error: Exception) -> MachineFinding:
    text = coded("check.all_failed", error=type(error).__name__)
    return MachineFinding("checks", FindingState.FAIL, text)


def _start(name: str, work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=work, args=arguments, name=name, daemon=True).start()
