"""The states of the technician screen that scripts/screens.py draws."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from PySide6.QtGui import QGuiApplication

from kiosk.domain.camera_turn import CameraChoice, CameraTurn, TurnKeeping
from kiosk.domain.log_lines import LogLevel, LogLine, NewestLines
from kiosk.domain.sightings import Hint
from kiosk.domain.technician import (
    DeviceFacts,
    FindingState,
    Inspection,
    MachineFinding,
    VisionStage,
)
from kiosk.domain.wifi import WifiNetwork, WifiOutcome, WifiSecurity
from kiosk.ui.shell import KioskWindow
from protocol.v1.findings import coded

TECHNICIAN_STATES = (
    "technician",
    "technician-pin",
    "technician-pin-wrong",
    "technician-checking",
    "technician-unclaimed",
    "technician-wifi",
    "technician-wifi-password",
    "technician-wifi-wrong",
    "technician-logs",
    "technician-logs-warnings",
    "technician-logs-empty",
    "technician-camera",
    "technician-camera-kept",
    "technician-camera-failed",
)
PIN = "481926"
OK, WARN, FAIL, SKIPPED = (
    FindingState.OK,
    FindingState.WARN,
    FindingState.FAIL,
    FindingState.SKIPPED,
)
FINDINGS = tuple(
    MachineFinding(check, state, text)
    for check, state, text in (
        ("camera", OK, coded("camera.good", device="/dev/video0")),
        ("light", WARN, coded("light.dark")),
        ("focus", OK, coded("focus.good", figure=212)),
        ("accelerator", SKIPPED, coded("accelerator.none")),
        ("clock", OK, coded("clock.good")),
        ("disk space", OK, coded("disk_space.good", free="21.4")),
        ("disk wear", SKIPPED, coded("disk_wear.unknown")),
        ("temperature", OK, coded("temperature.good", degrees=52)),
        ("undervoltage", FAIL, coded("undervoltage.now")),
        ("network", OK, coded("network.wifi_good", percent=82)),
        ("dns", OK, coded("dns.good", host="rollcall.school.example")),
        ("tls", OK, coded("tls.good")),
        ("http", OK, coded("http.good", took=18)),
        ("mqtt", OK, coded("mqtt.good", host="10.20.0.4", port=8883)),
        (
            "versions",
            OK,
            coded(
                "versions.good_board",
                own="0.9.0",
                python="3.11.2",
                system="Debian GNU/Linux 12 (bookworm)",
                board="Raspberry Pi 5 Model B Rev 1.0",
            ),
        ),
        ("models", OK, coded("models.good", count=4)),
        ("permissions", OK, coded("permissions.good", account="rollcall")),
        ("claim", OK, coded("claim.good")),
        ("outbox", OK, coded("outbox.good", count=12)),
    )
)
SIGHT = Inspection(
    640,
    480,
    (222.0, 118.0, 196.0, 226.0),
    Hint.TOO_DARK,
    ((VisionStage.DETECT, 11.6), (VisionStage.LANDMARKS, 4.2), (VisionStage.EMBED, 38.4)),
)
NETWORKS = (
    WifiNetwork("School", 82, WifiSecurity.PASSWORD, is_current=True),
    WifiNetwork("School devices", 74, WifiSecurity.PASSWORD),
    WifiNetwork("eduroam", 71, WifiSecurity.OTHER),
    WifiNetwork("Gäste der Bibliothek im Erdgeschoss", 40, WifiSecurity.OPEN),
    WifiNetwork("مدرسة النور", 35, WifiSecurity.PASSWORD),
    WifiNetwork("FRITZ!Box 7590 XY", 22, WifiSecurity.PASSWORD),
)
LOGGED_AT = datetime(2026, 9, 14, 9, 6, 41, tzinfo=UTC)
_ERROR, _WARNING, _INFO = LogLevel.ERROR, LogLevel.WARNING, LogLevel.INFO
_TRACEBACK = """unexpected error in recognition, retrying
models.errors.InferenceError
  File "/opt/rollcall/lib/python3.11/site-packages/kiosk/vision/worker.py", line 172, in _run
    self._turn()
  File "/opt/rollcall/lib/python3.11/site-packages/models/runtime/litert.py", line 88, in run
    raise InferenceError("the interpreter failed") from exc"""


def _lines(*logged: tuple[float, LogLevel, str, str]) -> tuple[LogLine, ...]:
    return tuple(
        LogLine(LOGGED_AT - timedelta(seconds=ago_s), level, source, words)
        for ago_s, level, source, words in logged
    )


LINES = _lines(
    (2, _INFO, "kiosk.app.technician", "technician screen opened"),
    (9, _INFO, "kiosk.sync.downloader", "The gallery is at change 4182, 28 templates"),
    (
        47,
        _WARNING,
        "kiosk.sync.http",
        "server not reachable: HTTPSConnectionPool(host=rollcall.school.example, port=443):"
        " Max retries exceeded with url: /api/v1/kiosks/config (timeout=5.0)",
    ),
    (312, _ERROR, "kiosk.vision.worker", _TRACEBACK),
    (313, _INFO, "kiosk.vision.worker", "network open: sface-2021dec"),
    (4021, _WARNING, "kiosk.vision.camera", "camera is gone: no frame for 2.6 s"),
    (4030, _INFO, "kiosk.sync.mqtt", "Connected to the broker"),
    (61200, _WARNING, "kiosk.storage.clock_file", "clock file unreadable, starting without it"),
    (61201, _INFO, "kiosk.app.main", "The door is open: Room 12"),
)
LOGGED = NewestLines(
    LOGGED_AT, LINES, tuple(one for one in LINES if one.level in (_ERROR, _WARNING))
)
TURNED = CameraChoice(CameraTurn(180), CameraTurn(), TurnKeeping.KEPT)
GOOD_SIGHT = Inspection(640, 480, SIGHT.box_px, None, SIGHT.stages_ms)


def show_technician(name: str, window: KioskWindow) -> None:
    """Open the screen in this state, if the name belongs to the technician screen."""
    if name not in TECHNICIAN_STATES:
        return
    is_claimed = name != "technician-unclaimed"
    presenter = window.shell.technician_presenter
    window.post_facts(DeviceFacts("0.9.0", is_claimed, silent_s=190.0 if is_claimed else None))
    window.post_technician_pin(PIN if is_claimed else None)
    presenter.open()
    if name == "technician-pin":
        _type("481", window)
        return
    if name == "technician-pin-wrong":
        for _ in range(4):
            _type("000000", window)
        return
    if is_claimed:
        _type(PIN, window)
    if name != "technician-checking":
        window.post_findings(FINDINGS)
    if is_claimed:
        window.post_inspection(SIGHT if name == "technician" else GOOD_SIGHT)
    page = next((page for page in _PAGES if name.startswith(f"technician-{page}")), None)
    if page is not None:
        _PAGES[page](name, window)
    QGuiApplication.processEvents()


def _show_wifi(name: str, window: KioskWindow) -> None:
    presenter = window.shell.technician_presenter.wifi_presenter
    presenter.open()
    presenter.show_networks(NETWORKS)
    if name != "technician-wifi":
        presenter.choose("School devices")
        for letter in "correct horse":
            presenter.press(letter)
    if name == "technician-wifi-wrong":
        presenter.join()
        presenter.show_outcome(WifiOutcome.WRONG_PASSWORD)


def _show_logs(name: str, window: KioskWindow) -> None:
    presenter = window.shell.technician_presenter.logs_presenter
    presenter.open()
    if name == "technician-logs-warnings":
        presenter.switch_filter()
    window.post_logs(NewestLines(LOGGED_AT) if name == "technician-logs-empty" else LOGGED)


def _show_camera(name: str, window: KioskWindow) -> None:
    window.shell.technician_presenter.camera_presenter.open()
    if name == "technician-camera-kept":
        window.post_camera_choice(TURNED)
    if name == "technician-camera-failed":
        swapped = TURNED.turn.swapped()
        window.post_camera_choice(replace(TURNED, turn=swapped, keeping=TurnKeeping.FAILED))


_PAGES = {"wifi": _show_wifi, "logs": _show_logs, "camera": _show_camera}


def _type(digits: str, window: KioskWindow) -> None:
    for digit in digits:
        window.shell.technician_presenter.pad_presenter.press(digit)
