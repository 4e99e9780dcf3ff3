"""The kiosk's window: loads the scene and takes states from any thread."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from time import monotonic
from typing import Literal
from zoneinfo import ZoneInfo

from PySide6.QtCore import QObject, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QColor, QGuiApplication, QScreen
from PySide6.QtQuick import QQuickView, QQuickWindow, QSGRendererInterface

from kiosk.domain.camera_turn import CameraChoice
from kiosk.domain.commissioning import CommissionView
from kiosk.domain.health import Health
from kiosk.domain.log_lines import NewestLines
from kiosk.domain.ports import Frame
from kiosk.domain.screens import Screen, SettingUp
from kiosk.domain.technician import DeviceFacts, Inspection, MachineFinding, TechnicianState
from kiosk.domain.wifi import WifiNetwork, WifiOutcome
from kiosk.errors import KioskError
from kiosk.ui.card_reader import CardReaderFilter
from kiosk.ui.catalogue import available_languages, load_catalogue
from kiosk.ui.check_in_callbacks import CheckInCallbacks
from kiosk.ui.commissioning_callbacks import CommissioningCallbacks
from kiosk.ui.fitting import register_fitting
from kiosk.ui.fonts import kiosk_font, log_missing_fonts
from kiosk.ui.preview import register_preview
from kiosk.ui.screenshots import ScreenshotTaker
from kiosk.ui.shell_presenter import ShellPresenter
from kiosk.ui.technician_callbacks import TechnicianCallbacks

logger = logging.getLogger(__name__)

_TICK_MS = 100


class SceneError(KioskError):
    """The QML scene could not be loaded: the installation is damaged."""


@dataclass(frozen=True, slots=True)
class ShellSettings:
    """How the window looks.

    Attributes:
        language: a code of translations/.
        theme: light or dark.
        zone: of the times shown.
        is_fullscreen: covers the display; otherwise a window of the size below.
        width_px: of the window.
        height_px: of the window.
        screenshots_dir: where a PNG of each screen goes the first time it is shown, or None.
        undo_s: how long "Not me" is offered.
        is_animated: rings grow and cards fade; always off with ``screenshots_dir``.
    """

    language: str = "en"
    theme: Literal["light", "dark"] = "light"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    is_fullscreen: bool = True
    width_px: int = 800
    height_px: int = 480
    screenshots_dir: Path | None = None
    undo_s: float = 5.0
    is_animated: bool = True


@dataclass(frozen=True, slots=True)
class ShellRules:
    """What the server says about the window; may change while it is open.

    Attributes:
        language: a code of translations/; one that is not there changes nothing.
        zone: of the times shown.
        undo_s: how long "Not me" is offered.
    """

    language: str
    zone: ZoneInfo
    undo_s: float


@dataclass(frozen=True, slots=True)
class ShellCallbacks:
    """What people do at the screen; called in the GUI thread.

    Attributes:
        on_not_me: "Not me" was tapped while it was offered; id of the mark's event.
        on_claim_code: a complete claim code (8 characters) was entered.
        on_words: whether the six words are the same as on the kiosk's page.
        on_claim_open: the field for a new code opened or closed, in front of a kiosk at work.
        on_check_in: what people do to check in without their face, and in the roll-call.
        on_direction: the person leaves now, or stays after all; id of the mark's event.
        on_technician: what a technician does on their screen.
        on_commissioning: what they do in the acceptance test.
    """

    on_not_me: Callable[[str], None]
    on_claim_code: Callable[[str], None]
    on_words: Callable[[bool], None] = lambda _are_same: None
    on_claim_open: Callable[[bool], None] = lambda _is_open: None
    on_check_in: CheckInCallbacks = field(default_factory=CheckInCallbacks)
    on_direction: Callable[[str], None] = lambda _answer_id: None
    on_technician: TechnicianCallbacks = field(default_factory=TechnicianCallbacks)
    on_commissioning: CommissioningCallbacks = field(default_factory=CommissioningCallbacks)


def build_application(
    arguments: Sequence[str], *, is_software_drawn: bool = True
) -> QGuiApplication:
    """Make the one Qt application of this process; the first thing of Qt to be called.

    Args:
        arguments: of the command line, as Qt reads them; the first is the program's name.
        is_software_drawn: draw without a GPU, which costs little at 30 fps and always works.
    """
    if is_software_drawn:
        QQuickWindow.setGraphicsApi(QSGRendererInterface.GraphicsApi.Software)
    application = QGuiApplication(list(arguments))
    application.setApplicationName("rollcall-kiosk")
    application.setFont(kiosk_font())
    log_missing_fonts()
    return application


class KioskWindow(QObject):
    """The window with all its screens.

    Built and shown in the GUI thread; ``post_*`` and ``quit`` may be called from any thread
    and return at once.

    Signals:
        screen_posted, stage_posted, health_posted, rules_posted, quit_posted, pin_posted,
            facts_posted, inspection_posted, findings_posted, commissioning_posted,
            commissioning_opened, networks_posted, wifi_posted, logs_posted, camera_posted:
            (internal) cross into the GUI thread.
    """

    screen_posted = Signal(object)
    stage_posted = Signal(object)
    health_posted = Signal(object)
    rules_posted = Signal(object)
    quit_posted = Signal()
    pin_posted = Signal(object)
    facts_posted = Signal(object)
    inspection_posted = Signal(object)
    findings_posted = Signal(object)
    commissioning_posted = Signal(object)
    commissioning_opened = Signal()
    networks_posted = Signal(object)
    wifi_posted = Signal(object)
    logs_posted = Signal(object)
    camera_posted = Signal(object)

    def __init__(
        self,
        settings: ShellSettings,
        callbacks: ShellCallbacks,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic_s: Callable[[], float] = monotonic,
    ) -> None:
        """Load the scene.

        Raises:
            SceneError: a QML file is missing or broken.
            SettingsError: the language is not translated.
        """
        super().__init__()
        self._settings = settings
        self.shell = ShellPresenter(
            load_catalogue(settings.language, settings.zone),
            now=now,
            monotonic_s=monotonic_s,
            undo_s=settings.undo_s,
            is_animated=settings.is_animated and settings.screenshots_dir is None,
        )
        self.shell.set_dark(settings.theme == "dark")
        self._connect(callbacks)
        self.view = self._load_scene()
        self._display: QScreen | None = None
        self._reader = CardReaderFilter(callbacks.on_check_in.swipe, self._is_card_wanted)
        self.view.installEventFilter(self._reader)
        self._taker = self._screenshot_taker()
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self.shell.tick)

    def show(self) -> None:
        """Put the window on the display."""
        if self._settings.is_fullscreen:
            self.view.setCursor(Qt.CursorShape.BlankCursor)
            self._cover(self.view.screen())
            self.view.screenChanged.connect(self._cover)
            self.view.showFullScreen()
        else:
            self.view.show()
        self._timer.start()

    def post_frame(self, frame: Frame) -> None:
        """Show a camera frame. From any thread."""
        self.shell.feed_object.post(frame)

    def post_screen(self, screen: Screen) -> None:
        """Show a state. From any thread."""
        self.screen_posted.emit(screen)

    def post_claim_stage(self, stage: SettingUp) -> None:
        """Say how a new claim goes, where its code was typed; the screen stays. Any thread."""
        self.stage_posted.emit(stage)

    def post_health(self, health: Health) -> None:
        """Show how the device is. From any thread."""
        self.health_posted.emit(health)

    def post_rules(self, rules: ShellRules) -> None:
        """Follow other rules from now on. From any thread."""
        self.rules_posted.emit(rules)

    def post_technician_pin(self, pin: str | None) -> None:
        """Ask technicians for this PIN; None: for none. From any thread."""
        self.pin_posted.emit(pin)

    def post_facts(self, facts: DeviceFacts) -> None:
        """Show figures to a technician. From any thread."""
        self.facts_posted.emit(facts)

    def post_inspection(self, inspection: Inspection) -> None:
        """Show a technician what a picture holds. From any thread."""
        self.inspection_posted.emit(inspection)

    def post_findings(self, findings: Sequence[MachineFinding]) -> None:
        """Show a technician what the checks found. From any thread."""
        self.findings_posted.emit(findings)

    def post_commissioning(self, shown: CommissionView) -> None:
        """Show how far the acceptance test is. From any thread."""
        self.commissioning_posted.emit(shown)

    def open_commissioning(self) -> None:
        """Show the acceptance test in front of everything, without a PIN. From any thread."""
        self.commissioning_opened.emit()

    def post_networks(self, found: Sequence[WifiNetwork] | WifiOutcome) -> None:
        """Show a technician the wireless networks, or why there are none. From any thread."""
        self.networks_posted.emit(found)

    def post_wifi(self, outcome: WifiOutcome) -> None:
        """Show a technician how joining a network ended. From any thread."""
        self.wifi_posted.emit(outcome)

    def post_logs(self, newest: NewestLines) -> None:
        """Show a technician what was logged last. From any thread."""
        self.logs_posted.emit(newest)

    def post_camera_choice(self, choice: CameraChoice) -> None:
        """Show a technician how pictures are turned. From any thread."""
        self.camera_posted.emit(choice)

    def quit(self) -> None:
        """End the Qt event loop. From any thread."""
        self.quit_posted.emit()

    def close(self) -> None:
        """Take the window down. GUI thread; what is posted after this is not shown."""
        self._timer.stop()
        self.view.close()
        self.view.setSource(QUrl())  # the scene goes before the presenters that it reads

    def _cover(self, display: QScreen | None) -> None:
        """Take the size of a display, and follow it: without a window manager nobody else does."""
        if self._display is not None:
            self._display.geometryChanged.disconnect(self.view.setGeometry)
        self._display = display
        if display is not None:
            display.geometryChanged.connect(self.view.setGeometry)
            self.view.setGeometry(display.geometry())

    def _connect(self, callbacks: ShellCallbacks) -> None:
        self.shell.welcome_presenter.not_me_tapped.connect(callbacks.on_not_me)
        self.shell.welcome_presenter.direction_tapped.connect(callbacks.on_direction)
        self.shell.claim_presenter.code_entered.connect(callbacks.on_claim_code)
        self.screen_posted.connect(self._on_screen_posted)
        self.shell.claim_presenter.words_answered.connect(callbacks.on_words)
        self.shell.claim_changed.connect(lambda: callbacks.on_claim_open(self.shell.is_claim_open))
        self._connect_check_in(callbacks.on_check_in)
        self._connect_technician(callbacks.on_technician)
        self._connect_commissioning(callbacks.on_commissioning)
        self.stage_posted.connect(self.shell.claim_presenter.show_setup)
        self.health_posted.connect(self._on_health_posted)
        self.rules_posted.connect(self._on_rules_posted)
        self.quit_posted.connect(self._on_quit_posted)

    def _connect_check_in(self, callbacks: CheckInCallbacks) -> None:
        presenter = self.shell.check_in_presenter
        presenter.pin_opened.connect(callbacks.open_pin)
        presenter.roll_call_opened.connect(callbacks.open_roll_call)
        presenter.pin_entered.connect(callbacks.enter_pin)
        presenter.touched.connect(callbacks.touch)
        presenter.name_answered.connect(callbacks.answer_name)
        presenter.student_tapped.connect(callbacks.tap_student)
        presenter.closed.connect(callbacks.close)

    def _connect_technician(self, callbacks: TechnicianCallbacks) -> None:
        presenter = self.shell.technician_presenter
        presenter.open_changed.connect(callbacks.open_changed)
        presenter.check_wanted.connect(callbacks.check)
        presenter.sync_wanted.connect(callbacks.sync)
        self.pin_posted.connect(presenter.require)
        self.facts_posted.connect(presenter.show_facts)
        self.inspection_posted.connect(presenter.show_inspection)
        self.findings_posted.connect(presenter.show_findings)
        wifi = presenter.wifi_presenter
        wifi.scan_wanted.connect(callbacks.find_wifi)
        wifi.join_wanted.connect(callbacks.join_wifi)
        self.networks_posted.connect(wifi.show_networks)
        self.wifi_posted.connect(wifi.show_outcome)
        presenter.logs_presenter.lines_wanted.connect(callbacks.read_logs)
        self.logs_posted.connect(presenter.logs_presenter.show)
        camera = presenter.camera_presenter
        camera.choice_wanted.connect(callbacks.show_camera)
        camera.turn_wanted.connect(callbacks.turn_camera)
        camera.reset_wanted.connect(callbacks.reset_camera)
        self.camera_posted.connect(camera.show)

    def _connect_commissioning(self, callbacks: CommissioningCallbacks) -> None:
        presenter = self.shell.commissioning_presenter
        presenter.begin_wanted.connect(callbacks.begin)
        presenter.left.connect(callbacks.leave)
        presenter.run_wanted.connect(callbacks.run)
        presenter.skip_wanted.connect(callbacks.skip)
        presenter.go_on_wanted.connect(callbacks.go_on)
        presenter.finish_wanted.connect(callbacks.finish)
        presenter.start_again_wanted.connect(callbacks.start_again)
        self.commissioning_posted.connect(presenter.show)
        self.commissioning_opened.connect(self.shell.technician_presenter.admit)
        self.commissioning_opened.connect(presenter.open)

    def _is_card_wanted(self) -> bool:
        """Say whether a card may be read: not while a code or a technician's PIN is typed."""
        is_claiming = self.shell.is_claim_open or self.shell.screen == "claim"
        return not is_claiming and (self.shell.technician_presenter.state is TechnicianState.CLOSED)

    def _load_scene(self) -> QQuickView:
        register_preview()
        register_fitting()
        view = QQuickView()
        view.setTitle("Rollcall")
        view.setColor(QColor("#f4f6f3"))
        view.setResizeMode(QQuickView.ResizeMode.SizeRootObjectToView)
        view.setInitialProperties({"shell": self.shell})
        view.resize(self._settings.width_px, self._settings.height_px)
        view.setSource(QUrl.fromLocalFile(str(files("kiosk.ui") / "qml" / "Main.qml")))
        if view.status() != QQuickView.Status.Ready:
            problems = "; ".join(error.toString() for error in view.errors())
            raise SceneError(f"the screen could not be loaded: {problems}")
        return view

    def _screenshot_taker(self) -> ScreenshotTaker | None:
        folder = self._settings.screenshots_dir
        return ScreenshotTaker(self.view, self.shell, folder) if folder is not None else None

    def _on_screen_posted(self, screen: Screen) -> None:
        self.shell.show(screen)

    def _on_health_posted(self, health: Health) -> None:
        self.shell.show_health(health)

    def _on_rules_posted(self, rules: ShellRules) -> None:
        self.shell.welcome_presenter.offer_undo_for(rules.undo_s)
        known = self.shell.words.code
        code = rules.language if rules.language in available_languages() else known
        self.shell.use_words(load_catalogue(code, rules.zone))

    def _on_quit_posted(self) -> None:
        application = QGuiApplication.instance()
        if application is not None:
            application.quit()
