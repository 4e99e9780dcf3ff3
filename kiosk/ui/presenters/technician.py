"""The technician screen: its gate, its figures, and what its buttons ask for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from kiosk.domain.health import Health
from kiosk.domain.room import clock_difference
from kiosk.domain.technician import (
    DeviceFacts,
    Inspection,
    MachineFinding,
    TechnicianAccess,
    TechnicianState,
)
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.technician_camera import CameraTurnPresenter
from kiosk.ui.presenters.technician_findings import FindingsPresenter
from kiosk.ui.presenters.technician_logs import LogsPresenter
from kiosk.ui.presenters.technician_pad import TechnicianPad
from kiosk.ui.presenters.technician_sight import SightPresenter
from kiosk.ui.presenters.technician_wifi import WifiPresenter
from kiosk.ui.presenters.view import ViewPresenter
from kiosk.ui.qml_property import qml_property

_SYNC_S = 5.0
"""The button for it rests so long; the figures show how it goes."""


@dataclass(frozen=True, slots=True)
class FactItem:
    """One figure of the kiosk."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class TechnicianView:
    """The screen without its picture and its list.

    Attributes:
        state: closed, pin or open.
        can_check: the checks do not run now.
    """

    state: str = TechnicianState.CLOSED.value
    title: str = ""
    paused: str = ""
    facts: tuple[FactItem, ...] = ()
    sync: str = ""
    can_sync: bool = False
    check: str = ""
    can_check: bool = False
    commission: str = ""
    wifi: str = ""
    logs: str = ""
    camera: str = ""
    claim: str = ""
    can_claim: bool = False
    close: str = ""


def fact_items(facts: DeviceFacts, health: Health, words: Catalogue) -> tuple[FactItem, ...]:
    """Choose the figures; none of them names a person."""
    runs = health.accelerator.rung
    network = f"{health.network.current} ({runs})" if health.network.current else ""
    return tuple(
        FactItem(words(f"tech.fact.{name}"), value)
        for name, value in (
            ("contact", _contact(facts, words)),
            ("records", _records(health, words) if facts.is_serving else ""),
            ("faces", str(health.templates) if facts.is_serving else ""),
            ("version", facts.version),
            ("network", network),
        )
        if value
    )


def _contact(facts: DeviceFacts, words: Catalogue) -> str:
    if not facts.is_serving:
        return ""
    if facts.silent_s is None:
        return words("tech.contact.never")
    ago = clock_difference(1000 * facts.silent_s)
    if ago is None:
        return words("tech.contact.now")
    return words.count(f"tech.contact.{ago.unit.value}", ago.number)


def _records(health: Health, words: Catalogue) -> str:
    counts = {
        "waiting": health.waiting,
        "refused": health.refused,
        "lost": health.lost,
        "set_aside": health.set_aside,
    }
    said = [words.count(f"health.{name}", count) for name, count in counts.items() if count]
    return " · ".join(said) or words("tech.records.none")


class TechnicianPresenter(ViewPresenter[TechnicianView]):
    """Opens, closes and fills the technician screen. Lives in the GUI thread.

    Signals:
        open_changed: pad or screen opened or closed (bool).
        check_wanted: the checks must run.
        sync_wanted: everything must be fetched and delivered now.
        claim_wanted: a new claim code must be asked for; the screen has closed.
    """

    open_changed = Signal(bool)
    check_wanted = Signal()
    sync_wanted = Signal()
    claim_wanted = Signal()

    def __init__(self, words: Catalogue, *, monotonic_s: Callable[[], float]) -> None:
        super().__init__(TechnicianView(), words)
        self._monotonic_s = monotonic_s
        self._syncs_until_s = monotonic_s()
        self._access = TechnicianAccess(monotonic_s)
        self._facts = DeviceFacts()
        self._health = Health()
        self._inspection: Inspection | None = None
        self.pad_presenter = TechnicianPad(words)
        self.sight_presenter = SightPresenter(words)
        self.findings_presenter = FindingsPresenter(words)
        self.wifi_presenter = WifiPresenter(words)
        self.logs_presenter = LogsPresenter(words)
        self.camera_presenter = CameraTurnPresenter(words)
        self._pages = (self.wifi_presenter, self.logs_presenter, self.camera_presenter)
        for page in self._pages:
            page.touched.connect(self.touch)
        self.pad_presenter.pin_entered.connect(self._on_pin_entered)
        self.pad_presenter.touched.connect(self.touch)
        self.pad_presenter.closed.connect(self.close)

    @property
    def state(self) -> TechnicianState:
        """Whether the screen is closed, asks for its PIN, or is open."""
        return self._access.state

    def require(self, pin: str | None) -> None:
        """Ask for this PIN from now on."""
        self._change(lambda: self._access.require(pin))

    def show_facts(self, facts: DeviceFacts) -> None:
        """Show these figures."""
        self._facts = facts
        self._draw()

    def show_health(self, health: Health) -> None:
        """Show how the device is."""
        self._health = health
        self.camera_presenter.show_health(health)
        self._draw()

    def show_inspection(self, inspection: Inspection) -> None:
        """Show what a picture holds; one that comes after the screen closed is let go."""
        if self.state is TechnicianState.OPEN:
            self._inspection = inspection
            self.sight_presenter.show(inspection, self._health)

    def show_findings(self, findings: Sequence[MachineFinding]) -> None:
        """Show what the checks found."""
        self.findings_presenter.show(findings)
        self._draw()

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        for presenter in (self.pad_presenter, self.sight_presenter, self.findings_presenter):
            presenter.use_words(words)
        for page in self._pages:
            page.use_words(words)
        self._draw()

    def tick(self) -> None:
        """Let time pass: waits count down, and what nobody touches closes."""
        if self.state is not TechnicianState.CLOSED:
            self._change(self._access.tick)

    @Slot()
    def open(self) -> None:
        """Ask for the PIN, or show the screen where none is needed."""
        self._change(self._access.open)

    def admit(self) -> None:
        """Show the screen without its PIN: a command of this machine asks for it."""
        self._change(self._access.admit)

    @Slot()
    def close(self) -> None:
        """Leave pad or screen."""
        self._change(self._access.close)

    @Slot()
    def touch(self) -> None:
        """A person is at it."""
        self._access.touch()

    @Slot()
    def check(self) -> None:
        """Run the checks, unless they run already."""
        if self.state is TechnicianState.OPEN and not self.findings_presenter.is_checking:
            self.findings_presenter.begin()
            self._draw()
            self.check_wanted.emit()

    @Slot()
    def sync(self) -> None:
        """Fetch and deliver everything now."""
        if self.current.can_sync:
            self._syncs_until_s = self._monotonic_s() + _SYNC_S
            self._draw()
            self.sync_wanted.emit()

    @Slot()
    def claim(self) -> None:
        """Leave for the field that takes a new claim code, or its QR."""
        if self.current.can_claim:
            self.close()
            self.claim_wanted.emit()

    def _on_pin_entered(self, pin: str) -> None:
        self._change(lambda: self._access.enter(pin))

    def _change(self, action: Callable[[], None]) -> None:
        """Do something to the gate; say so where it opened or closed."""
        before = self.state
        action()
        after = self.state
        if after is not TechnicianState.PIN:
            self.pad_presenter.leave()
        if after is not TechnicianState.OPEN:
            for page in self._pages:
                page.leave()
        self._draw()
        if (before is TechnicianState.CLOSED) != (after is TechnicianState.CLOSED):
            self._inspection = None
            self.open_changed.emit(after is not TechnicianState.CLOSED)
        if after is TechnicianState.OPEN and before is not after:
            self.check()

    def _draw(self) -> None:
        state = self.state
        if state is TechnicianState.PIN:
            self.pad_presenter.show(wait_s=self._access.wait_s, is_wrong=self._access.is_wrong)
        if state is TechnicianState.OPEN:
            self.sight_presenter.show(self._inspection, self._health)
        self.replace(self._open_view() if state is TechnicianState.OPEN else _only(state))

    def _open_view(self) -> TechnicianView:
        words = self._words
        is_syncing = self._monotonic_s() < self._syncs_until_s
        return TechnicianView(
            state=TechnicianState.OPEN.value,
            title=words("tech.title"),
            paused=words("tech.paused"),
            facts=fact_items(self._facts, self._health, words),
            sync=words("tech.syncing" if is_syncing else "tech.sync"),
            can_sync=self._facts.is_serving and not is_syncing,
            check=words("tech.again"),
            can_check=not self.findings_presenter.is_checking,
            commission=words("tech.commission"),
            wifi=words("wifi.title"),
            logs=words("tech.logs"),
            camera=words("tech.camera"),
            claim=words("tech.claim"),
            can_claim=self._facts.is_serving,
            close=words("tech.close"),
        )

    pad = qml_property(QObject, lambda self: self.pad_presenter)
    sight = qml_property(QObject, lambda self: self.sight_presenter)
    findings = qml_property(QObject, lambda self: self.findings_presenter)
    wifi = qml_property(QObject, lambda self: self.wifi_presenter)
    logs = qml_property(QObject, lambda self: self.logs_presenter)
    camera = qml_property(QObject, lambda self: self.camera_presenter)


def _only(state: TechnicianState) -> TechnicianView:
    return TechnicianView(state=state.value)
