"""A kiosk from start to end: window first, then whatever it takes to serve people."""

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PySide6.QtCore import QTimer

from kiosk.app.attending import AttendantLoop
from kiosk.app.board import Eyes, HealthBoard
from kiosk.app.camera_turning import CAMERA_FILE, CameraTurning, turn_of
from kiosk.app.check_in import CheckIn, is_scanned
from kiosk.app.commissioning_parts import Commissioning
from kiosk.app.commissioning_socket import SOCKET_NAME, CommissioningSocket
from kiosk.app.device import Device, DeviceHooks
from kiosk.app.ending import FAILED, KEY_REFUSED, REVOKED, Ending
from kiosk.app.new_claim import NewClaim, start_anew
from kiosk.app.notify import ALIVE, READY, STOPPING, notify
from kiosk.app.onboarding import CLOCK_FILE, server_client
from kiosk.app.sight import Sight, build_camera
from kiosk.app.startup import Startup
from kiosk.app.technician import TechnicianDesk, TechnicianOutput, checks_of
from kiosk.config import Settings
from kiosk.domain.configuration import MatchOverrides, timetable_from
from kiosk.domain.health import (
    AcceleratorState,
    CameraHealth,
    CameraMounting,
    Health,
    RecognitionState,
)
from kiosk.domain.log_lines import NewestLines
from kiosk.domain.networks import NetworkState
from kiosk.domain.ports import Frame
from kiosk.domain.screens import SCANNED_STAGES, Screen, SettingUp
from kiosk.domain.technician import Inspection, technician_pin
from kiosk.domain.timetable import Timetable
from kiosk.errors import KioskError
from kiosk.logs import keep_newest_lines
from kiosk.storage.camera_turn import CameraTurnFile
from kiosk.storage.clock_file import ClockFile
from kiosk.sync.clock import SystemClock
from kiosk.ui.catalogue import available_languages
from kiosk.ui.shell import (
    KioskWindow,
    ShellCallbacks,
    ShellRules,
    ShellSettings,
    build_application,
)
from kiosk.vision.check_in_codes import check_in_scanner
from kiosk.vision.claim_codes import claim_scanner
from kiosk.vision.knowledge import Knowledge

logger = logging.getLogger(__name__)

_LOOK_S = 0.2
_FIRST_FRAME_S = 5.0
_BLIND = (CameraHealth.GONE, CameraHealth.FROZEN)
_DEFAULT_LANGUAGE = "en"


def run(settings: Settings) -> int:
    """Run a kiosk until it is told to end; returns the exit status.

    Raises:
        KioskError: it cannot even begin; the message says why.
    """
    platform = ["-platform", "offscreen"] if settings.headless else []
    application = build_application(["rollcall-kiosk", *platform])
    kiosk = KioskProcess(settings, keep_newest_lines().newest)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: kiosk.end(0))
    watchdog = _watchdog(settings, kiosk.is_alive)
    kiosk.start()
    notify(settings.notify_socket, READY)
    application.exec()
    notify(settings.notify_socket, STOPPING)
    watchdog.stop()
    kiosk.stop()
    if kiosk.has_new_claim:
        start_anew()
    return kiosk.exit_status


class KioskProcess:
    """The window, and a thread that brings up the rest behind it."""

    def __init__(
        self, settings: Settings, newest_lines: Callable[[], NewestLines] | None = None
    ) -> None:
        self._settings = settings
        self._clock = SystemClock(ClockFile(settings.data_dir / CLOCK_FILE))
        self._stopping = threading.Event()
        self._configuring = threading.Lock()
        self._downloaded = threading.Event()
        self._ending = Ending(settings.exit_timeout_s, self._clock.monotonic_s())
        self._client = server_client(settings, self._clock)
        self._startup = Startup(
            settings,
            self._clock,
            self._client,
            stop=self._stopping,
            on_screen=self._on_screen,
        )
        self._startup.lock()
        self._check_in = CheckIn()
        self._technician = TechnicianDesk(
            checks_of(settings, self._newest_frame), newest_lines=newest_lines
        )
        self._turning = CameraTurning(
            turn_of(settings), CameraTurnFile(settings.data_dir / CAMERA_FILE)
        )
        self._commissioning = Commissioning(settings, self._newest_frame, self._clock)
        self._window = self._build_window()
        self._technician.show_on(_shown_in(self._window, self._commissioning))
        self._commissioning.desk.show_on(self._window.post_commissioning)
        self._commission_socket = CommissioningSocket(
            settings.data_dir / SOCKET_NAME,
            self._commissioning.desk,
            self._window.open_commissioning,
        )
        self._camera = build_camera(settings, self._window.post_frame, self._turning.now)
        self._turning.use(self._camera)
        self._turning.show_on(self._window.post_camera_choice)
        self._scanner = claim_scanner(self._camera, self._startup.onboarding.enter_link)
        self._check_in_scanner = check_in_scanner(self._camera, self._check_in.scan)
        self._device: Device | None = None
        self._loop: AttendantLoop | None = None
        self._sight: Sight | None = None
        self._board: HealthBoard | None = None
        self._new_claim: NewClaim | None = None
        self._thread = threading.Thread(target=self._run, name="kiosk", daemon=True)
        self.exit_status = 0
        self.has_new_claim = False

    def start(self) -> None:
        """Show the window and begin. GUI thread."""
        self._window.show()
        self._scanner.start()
        self._check_in_scanner.start()
        self._commission_socket.start()
        self._thread.start()

    def end(self, status: int) -> None:
        """End the process soon, with this exit status. From any thread."""
        self.exit_status, self.has_new_claim = status, False
        self._stopping.set()
        self._window.quit()

    def stop(self) -> None:
        """Take everything down, in the reverse order. GUI thread."""
        self._stopping.set()
        self._commission_socket.stop()
        self._commissioning.desk.leave()
        self._thread.join(1.0)
        self._scanner.stop()
        self._check_in_scanner.stop()
        for part in (self._sight, self._loop, self._device):
            if part is not None:
                part.stop()
        self._camera.stop()
        self._window.close()
        self._startup.release()

    def is_alive(self) -> bool:
        """Whether the thread behind the window still does its work."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            if self._bring_up():
                self._watch()
        except KioskError as exc:
            logger.critical("The kiosk cannot go on: %s", exc)
            self.end(FAILED)
        except Exception:
            logger.exception("unexpected error, shutting down")
            self.end(FAILED)

    def _bring_up(self) -> bool:
        """Claim, open, download, look; False when told to end meanwhile."""
        watcher = threading.Thread(target=self._end_if_never_ready, daemon=True)
        if self._settings.exit_after_replay:
            watcher.start()
        identity = self._startup.claimed()
        if identity is not None:
            self._window.post_technician_pin(technician_pin(identity.keys.signing))
        self._scanner.want(is_wanted=False)
        device = None if identity is None else self._startup.opened(identity, self._hooks())
        if identity is None or device is None:
            return False
        self._device = device
        onboarding, store = self._startup.onboarding, self._startup.identity
        self._new_claim = NewClaim(onboarding, store, identity.claim)
        self._window.post_rules(self._rules(device.roster.timetable))
        eyes = Eyes(
            lambda: self._camera.report().health,
            self._recognition,
            self._accelerator,
            self._network,
            self._mounting,
        )
        self._board = HealthBoard(self._clock, device, eyes, self._on_health)
        device.start()
        self._technician.serve(device)
        self._commissioning.serve(device)
        if not self._wait_for_data(device, self._board):
            return False
        self._open_the_door(device, self._board)
        return True

    def _hooks(self) -> DeviceHooks:
        return DeviceHooks(
            lambda _timetable: self._on_timetable(),
            self._on_revoked,
            self._send_status,
            self._on_key_refused,
            lambda _book: self._on_book(),
        )

    def _wait_for_data(self, device: Device, board: HealthBoard) -> bool:
        """Wait for a configuration; a replay waits for the whole first download."""
        while not self._stopping.is_set():
            is_fresh = device.downloader.is_fresh
            is_enough = is_fresh if self._settings.exit_after_replay else device.has_configuration
            if is_enough:
                return True
            board.refresh()
            self._look_for_new_claim()
            self._stopping.wait(_LOOK_S)
        return False

    def _open_the_door(self, device: Device, board: HealthBoard) -> None:
        settings = self._settings
        attendant = device.attendant()
        loop = AttendantLoop(attendant, on_screen=self._window.post_screen, on_turn=board.refresh)
        knowledge = Knowledge(device.gallery, device.roster)
        hooks = device.changeover.hooks()
        self._sight = Sight(settings, self._camera, knowledge, loop.see, hooks)
        self._loop = loop
        self._check_in.use(loop)
        self._technician.attend(loop, self._sight)
        self._commissioning.attend(self._sight)
        self._on_timetable()  # it may have changed since it was read above
        self._on_book()
        loop.start()
        self._sight.start()
        logger.info("The door is open: %s", device.roster.timetable.room_name)

    def _watch(self) -> None:
        """Wait until the process must stop; end it automatically after a replay."""
        while not self._stopping.wait(_LOOK_S):
            self._look_for_new_claim()
            status = self._status_after_replay() if self._settings.exit_after_replay else None
            if status is not None:
                logger.info("The replay is over, exit status %d", status)
                self.end(status)

    def _look_for_new_claim(self) -> None:
        """End, so that the process starts again with new credentials, once there are any."""
        if self._new_claim is not None and self._new_claim.look(self._clock.monotonic_s()):
            self.end(0)
            self.has_new_claim = True

    def _status_after_replay(self) -> int | None:
        if self._sight is None or self._loop is None or self._device is None:
            return None
        now_s = self._clock.monotonic_s()
        status = self._ending.unreadable(now_s, is_broken=self._sight.is_broken)
        if status is not None:
            logger.error("clip unreadable: %s", self._camera.report().detail)
            return status
        device = self._device
        undelivered = device.outbox.waiting + device.outbox.refused + device.recorder.unsaved_count
        return self._ending.after_replay(
            now_s,
            is_over=self._sight.is_over,
            is_idle=self._loop.is_idle,
            undelivered=undelivered,
        )

    def _end_if_never_ready(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            if self._sight is not None and self._sight.is_ready:
                return
            status = self._ending.not_ready(self._clock.monotonic_s())
            if status is not None:
                logger.error("The kiosk did not become ready in time")
                self.end(status)

    def _build_window(self) -> KioskWindow:
        settings = self._settings
        kept = self._startup.files.config.load()
        timetable = timetable_from(kept.document, MatchOverrides()) if kept else Timetable()
        rules = self._rules(timetable)
        return KioskWindow(
            ShellSettings(
                language=settings.language or _translated(rules.language),
                theme=settings.theme,
                zone=rules.zone,
                is_fullscreen=settings.fullscreen,
                width_px=settings.width_px,
                height_px=settings.height_px,
                screenshots_dir=settings.screenshots_dir,
                undo_s=rules.undo_s,
            ),
            ShellCallbacks(
                on_not_me=self._on_not_me,
                on_direction=self._on_direction,
                on_claim_code=self._startup.onboarding.enter_code,
                on_words=self._startup.onboarding.answer_words,
                on_claim_open=self._scan,
                on_check_in=self._check_in.callbacks(),
                on_technician=replace(
                    self._technician.callbacks(),
                    open_changed=self._on_technician,
                    show_camera=self._turning.tell,
                    turn_camera=self._turning.turn,
                    reset_camera=self._turning.reset,
                ),
                on_commissioning=self._commissioning.callbacks(),
            ),
        )

    def _rules(self, timetable: Timetable) -> ShellRules:
        language = self._settings.language or timetable.language
        return ShellRules(language, _zone(timetable.time_zone), timetable.not_me_s)

    def _recognition(self) -> RecognitionState:
        return RecognitionState() if self._sight is None else self._sight.state()

    def _accelerator(self) -> AcceleratorState:
        return AcceleratorState() if self._sight is None else self._sight.accelerator()

    def _mounting(self) -> CameraMounting:
        return CameraMounting() if self._sight is None else self._sight.mounting()

    def _network(self) -> NetworkState:
        return NetworkState() if self._sight is None else self._sight.network()

    def _on_screen(self, screen: Screen) -> None:
        """Show a step of the start; a new claim of a kiosk at work does not cover what it shows."""
        if self._device is not None and isinstance(screen, SettingUp):
            self._window.post_claim_stage(screen)
            return
        self._window.post_screen(screen)
        if isinstance(screen, SettingUp):
            self._scan(screen.stage in SCANNED_STAGES)

    def _scan(self, is_wanted: bool) -> None:
        """Look for a claim QR while a code is asked for; a clip shows none."""
        if self._camera.spec.is_replay:
            return
        if is_wanted:
            self._camera.start()
        self._scanner.want(is_wanted)

    def _on_technician(self, is_open: bool) -> None:
        """Open the camera for a technician too, where the start did not get that far."""
        if is_open and not self._camera.spec.is_replay:
            self._camera.start()
        self._technician.change(is_open)

    def _newest_frame(self) -> Frame | None:
        """Return what the camera sees now, after a wait for the first picture; None: nothing."""
        frame = self._camera.wait_newer(-1, _FIRST_FRAME_S)
        return None if self._camera.report().health in _BLIND else frame

    def _on_not_me(self, answer_id: str) -> None:
        if self._loop is not None:
            self._loop.not_me(answer_id)

    def _on_direction(self, answer_id: str) -> None:
        if self._loop is not None:
            self._loop.change_direction(answer_id)

    def _on_timetable(self) -> None:
        """Take over the newest timetable; two threads may hear of changes at once."""
        with self._configuring:
            if self._device is None:
                return
            timetable = self._device.roster.timetable
            self._window.post_rules(self._rules(timetable))
            if self._loop is not None:
                self._loop.configure(timetable)
                self._check_in_scanner.want(is_scanned(timetable.fallbacks))
            if self._sight is not None:
                self._sight.follow(timetable.network)

    def _on_book(self) -> None:
        """Take over the newest credentials."""
        with self._configuring:
            if self._loop is not None and self._device is not None:
                device = self._device
                self._loop.equip(device.credentials.book, device.server_key, device.used_codes)

    def _on_health(self, health: Health) -> None:
        self._window.post_health(health)

    def _send_status(self) -> None:
        if self._device is None or self._board is None:
            return
        link = self._device.link
        if link is None or not link.send_status(self._board.status()):
            self._device.uploader.tell_watermark()

    def _on_revoked(self) -> None:
        """The server signed that the claim ended: what it gave us must go; our records stay."""
        logger.error("The server revoked this kiosk: its credentials and gallery are destroyed")
        try:
            if self._device is not None:
                self._device.wipe()
        finally:
            self._forget_and_end()

    def _on_key_refused(self) -> None:
        """The server knows another key for us: nothing counts until there is a new claim."""
        try:
            self._startup.identity.note_key_refused()
        finally:
            self.end(KEY_REFUSED)

    def _forget_and_end(self) -> None:
        try:
            self._startup.identity.forget_claim()
            self._startup.files.erase_if_revoked()
        finally:
            self.end(REVOKED)


def _shown_in(window: KioskWindow, commissioning: Commissioning) -> TechnicianOutput:
    def inspected(inspection: Inspection) -> None:
        window.post_inspection(inspection)
        commissioning.see(inspection)

    return TechnicianOutput(
        window.post_facts,
        inspected,
        window.post_findings,
        window.post_networks,
        window.post_wifi,
        window.post_logs,
    )


def _translated(language: str) -> str:
    return language if language in available_languages() else _DEFAULT_LANGUAGE


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def _watchdog(settings: Settings, is_alive: Callable[[], bool]) -> QTimer:
    """Tell systemd at half its interval that window and thread are alive."""
    timer = QTimer()
    if settings.watchdog_usec:
        timer.timeout.connect(lambda: notify(settings.notify_socket, ALIVE) if is_alive() else None)
        timer.start(max(1, settings.watchdog_usec // 2000))
    return timer
