"""What the whole window shows: which screen, and the presenter of each."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal, Slot

from kiosk.domain.health import Health
from kiosk.domain.screens import (
    AskPin,
    CodeRefused,
    ConfirmName,
    Elsewhere,
    Looking,
    Notice,
    NotRecognised,
    ProveAlive,
    Ready,
    RollCall,
    Screen,
    SettingUp,
    SetupStage,
    Welcome,
    is_same,
)
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.answer import AnswerPresenter
from kiosk.ui.presenters.camera import CameraPresenter
from kiosk.ui.presenters.check_in import CheckInPresenter
from kiosk.ui.presenters.claim import ClaimPresenter
from kiosk.ui.presenters.commissioning import CommissioningPresenter
from kiosk.ui.presenters.health import HealthPresenter
from kiosk.ui.presenters.looking import LookingPresenter
from kiosk.ui.presenters.place import PlacePresenter
from kiosk.ui.presenters.proving import ProvingPresenter
from kiosk.ui.presenters.ready import ReadyPresenter
from kiosk.ui.presenters.roll_call import RollCallPresenter
from kiosk.ui.presenters.technician import TechnicianPresenter
from kiosk.ui.presenters.ways import WaysPresenter
from kiosk.ui.presenters.welcome import WelcomePresenter
from kiosk.ui.preview import PreviewFeed
from kiosk.ui.qml_property import qml_property
from kiosk.ui.screen_names import screen_name

if TYPE_CHECKING:
    from kiosk.ui.presenters.view import ViewPresenter

_CLAIM_OPEN_S = 60.0


class ShellPresenter(QObject):
    """Root object of the QML scene; lives in the GUI thread.

    Signals:
        screen_changed: another screen is shown.
        theme_changed: light became dark or the other way round.
        words_changed: another language is spoken.
        claim_changed: the field for a new claim code opened or closed.
    """

    screen_changed = Signal()
    theme_changed = Signal()
    words_changed = Signal()
    claim_changed = Signal()

    def __init__(
        self,
        words: Catalogue,
        *,
        now: Callable[[], datetime],
        monotonic_s: Callable[[], float],
        undo_s: float = 5.0,
        is_animated: bool = True,
    ) -> None:
        super().__init__()
        self._words = words
        self._now = now
        self._screen = "loading"
        self._shown: Screen | None = None
        self._monotonic_s = monotonic_s
        self._claim_until_s: float | None = None
        self._health = Health()
        self._is_dark = False
        self._is_animated = is_animated
        self.feed_object = PreviewFeed(self)
        self.place_presenter = PlacePresenter(words)
        self.camera_presenter = CameraPresenter(words)
        self.ready_presenter = ReadyPresenter(words)
        self.ways_presenter = WaysPresenter(words)
        self.looking_presenter = LookingPresenter(words)
        self.proving_presenter = ProvingPresenter(words)
        self.welcome_presenter = WelcomePresenter(words, monotonic_s=monotonic_s, undo_s=undo_s)
        self.answer_presenter = AnswerPresenter(words)
        self.check_in_presenter = CheckInPresenter(words, monotonic_s=monotonic_s)
        self.roll_call_presenter = RollCallPresenter(words, monotonic_s=monotonic_s)
        self.claim_presenter = ClaimPresenter(words)
        self.health_presenter = HealthPresenter(words)
        self.technician_presenter = TechnicianPresenter(words, monotonic_s=monotonic_s)
        self.commissioning_presenter = CommissioningPresenter(words, monotonic_s=monotonic_s)
        self.technician_presenter.claim_wanted.connect(self._ask_for_claim)
        self._speakers: tuple[ViewPresenter[Any], ...] = (
            self.place_presenter,
            self.camera_presenter,
            self.ready_presenter,
            self.ways_presenter,
            self.looking_presenter,
            self.proving_presenter,
            self.welcome_presenter,
            self.answer_presenter,
            self.check_in_presenter,
            self.roll_call_presenter,
            self.claim_presenter,
            self.health_presenter,
            self.technician_presenter,
            self.commissioning_presenter,
        )
        self.roll_call_presenter.student_tapped.connect(self.check_in_presenter.student_tapped)
        self.commissioning_presenter.touched.connect(self.technician_presenter.touch)
        self.technician_presenter.open_changed.connect(self._on_technician_changed)
        self.claim_presenter.changed.connect(self._keep_claim_open)
        self.feed_object.frame_ready.connect(self.camera_presenter.note_picture)
        self.answer_presenter.show_loading()
        self.tick()

    def show(self, screen: Screen) -> None:
        """Show a state; the same state again changes nothing."""
        if is_same(self._shown, screen):
            return
        self._shown = screen
        self._leave(screen)
        self._present(screen)
        name = "loading" if self._is_claiming_unasked(screen) else screen_name(screen)
        if name != self._screen:
            self._screen = name
            self.screen_changed.emit()

    def show_health(self, health: Health) -> None:
        """Show how the device is."""
        self._health = health
        self.health_presenter.show(health)
        self.camera_presenter.show(health.camera)
        self.ready_presenter.show_health(health)
        self.technician_presenter.show_health(health)

    def use_words(self, words: Catalogue) -> None:
        """Speak this language from now on; a Welcome on screen is left to end in the other."""
        if words == self._words:
            return
        self._words = words
        for presenter in self._speakers:
            presenter.use_words(words)
        if self._shown is None:
            self.answer_presenter.show_loading()
        elif not isinstance(self._shown, Welcome):
            self._present(self._shown)
        self.show_health(self._health)
        self.tick()
        self.words_changed.emit()

    @property
    def words(self) -> Catalogue:
        """The words in use."""
        return self._words

    def set_dark(self, is_dark: bool) -> None:
        """Choose the dark theme or the light one."""
        if is_dark != self._is_dark:
            self._is_dark = is_dark
            self.theme_changed.emit()

    def tick(self) -> None:
        """Let time pass: the clock, the offer of "Not me", and the wait for another PIN."""
        self.place_presenter.show_time(self._now())
        self.welcome_presenter.tick()
        self.check_in_presenter.tick()
        self.roll_call_presenter.tick()
        self.commissioning_presenter.tick()
        self.technician_presenter.tick()
        if self._claim_until_s is not None and self._monotonic_s() > self._claim_until_s:
            self.close_claim()

    @Slot()
    def open_claim(self) -> None:
        """Ask for a new claim code in front of whatever goes on, if the strip offers it."""
        if self.health_presenter.current.claimable:
            self._ask_for_claim()

    def _ask_for_claim(self) -> None:
        """Ask for a new claim code, unless the kiosk asks for one already."""
        if self._screen != "claim" and self._claim_until_s is None:
            self.claim_presenter.clear()
            self._claim_until_s = self._monotonic_s() + _CLAIM_OPEN_S
            self.claim_changed.emit()

    @property
    def is_claim_open(self) -> bool:
        """Whether the field for a new code is in front of a kiosk at work."""
        return self._claim_until_s is not None

    @Slot()
    def close_claim(self) -> None:
        """Show again what goes on."""
        if self._claim_until_s is not None:
            self._claim_until_s = None
            self.claim_changed.emit()

    def _on_technician_changed(self, is_open: bool) -> None:
        if not is_open:
            self.commissioning_presenter.close()

    def _keep_claim_open(self) -> None:
        """Begin the time anew at each key: a field that nobody uses must not hide the kiosk."""
        if self._claim_until_s is not None:
            self._claim_until_s = self._monotonic_s() + _CLAIM_OPEN_S

    def _leave(self, screen: Screen) -> None:
        """Wipe typed digits and names of screens that go."""
        if not isinstance(screen, AskPin | ConfirmName):
            self.check_in_presenter.leave()
        if not isinstance(screen, RollCall):
            self.roll_call_presenter.leave()

    def _present(self, screen: Screen) -> None:
        if isinstance(screen, Ready):
            self.place_presenter.show_room(screen.room_name)
            self.ready_presenter.show(screen)
            self.ways_presenter.show(screen.ways)
        elif isinstance(screen, Looking):
            self.looking_presenter.show(screen)
        elif isinstance(screen, ProveAlive):
            self.proving_presenter.show(screen)
        elif isinstance(screen, Welcome):
            self.welcome_presenter.show(screen, self._now())
            view = self.welcome_presenter.current
            self.answer_presenter.show_sign(view.icon, view.tone)
        elif isinstance(screen, SettingUp):
            self._present_set_up(screen)
        elif isinstance(screen, Elsewhere | NotRecognised | CodeRefused | Notice):
            self.answer_presenter.show(screen)
        else:
            self._present_check_in(screen)

    def _present_check_in(self, screen: AskPin | ConfirmName | RollCall) -> None:
        if isinstance(screen, RollCall):
            self.roll_call_presenter.show(screen)
            return
        if isinstance(screen, ConfirmName):
            self.answer_presenter.show_sign("person", "calm")
        self.check_in_presenter.show(screen)

    def _present_set_up(self, screen: SettingUp) -> None:
        if self._is_claiming_unasked(screen):
            self.answer_presenter.show_connecting(screen.address)
        elif screen.stage is SetupStage.LOADING:
            self.answer_presenter.show_loading()
        elif screen.stage is SetupStage.STORAGE_FAULT:
            self.answer_presenter.show_storage_fault(screen.file)
        else:
            self.claim_presenter.show_setup(screen)

    def _is_claiming_unasked(self, screen: Screen) -> bool:
        """Claiming with a code from the settings: nothing was typed, so no keypad is shown."""
        is_claiming = isinstance(screen, SettingUp) and screen.stage is SetupStage.CLAIMING
        return is_claiming and not self.claim_presenter.current.complete

    screen = qml_property(str, lambda self: self._screen, notify=screen_changed)
    reclaiming = qml_property(bool, lambda self: self.is_claim_open, notify=claim_changed)
    dark = qml_property(bool, lambda self: self._is_dark, notify=theme_changed)
    animated = qml_property(bool, lambda self: self._is_animated)
    mirrored = qml_property(bool, lambda self: self._words.is_rtl, notify=words_changed)
    feed = qml_property(QObject, lambda self: self.feed_object)
    place = qml_property(QObject, lambda self: self.place_presenter)
    camera = qml_property(QObject, lambda self: self.camera_presenter)
    ready = qml_property(QObject, lambda self: self.ready_presenter)
    looking = qml_property(QObject, lambda self: self.looking_presenter)
    proving = qml_property(QObject, lambda self: self.proving_presenter)
    welcome = qml_property(QObject, lambda self: self.welcome_presenter)
    answer = qml_property(QObject, lambda self: self.answer_presenter)
    ways = qml_property(QObject, lambda self: self.ways_presenter)
    check_in = qml_property(QObject, lambda self: self.check_in_presenter)
    roll_call = qml_property(QObject, lambda self: self.roll_call_presenter)
    claim = qml_property(QObject, lambda self: self.claim_presenter)
    health = qml_property(QObject, lambda self: self.health_presenter)
    technician = qml_property(QObject, lambda self: self.technician_presenter)
    commissioning = qml_property(QObject, lambda self: self.commissioning_presenter)
