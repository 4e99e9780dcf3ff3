"""The acceptance test on the screen: its buttons, its words, and when it closes."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from kiosk.domain.commissioning import CommissionView
from kiosk.domain.technician import TechnicianState
from kiosk.ui.catalogue import available_languages
from kiosk.ui.commissioning_callbacks import CommissioningCallbacks
from kiosk.ui.shell import KioskWindow, ShellCallbacks
from scripts.screens_commissioning import COMMISSIONING_STATES, show_commissioning
from tests.ui.kiosk.legible import faults_of_texts
from tests.ui.kiosk.test_technician import shown, state_of
from tests.ui.kiosk.test_window import find, tap
from tests.ui.kiosk.windows import NOW, SCREENS, WELL, Seconds, still

SIZES = [(800, 480), (1080, 1920)]


@dataclass
class AskedTest:
    """What the screen asked for, in order."""

    calls: list[str] = field(default_factory=list)

    def callbacks(self) -> CommissioningCallbacks:
        return CommissioningCallbacks(
            begin=lambda: self.calls.append("begin"),
            leave=lambda: self.calls.append("leave"),
            run=lambda: self.calls.append("run"),
            skip=self.calls.append,
            go_on=lambda: self.calls.append("go_on"),
            finish=lambda: self.calls.append("finish"),
            start_again=lambda: self.calls.append("start_again"),
        )


@pytest.fixture
def asked() -> AskedTest:
    return AskedTest()


@pytest.fixture
def window(
    qtbot: QtBot, clock: Seconds, asked: AskedTest, request: pytest.FixtureRequest
) -> Iterator[KioskWindow]:
    language, size = getattr(request, "param", ("en", (800, 480)))
    callbacks = ShellCallbacks(
        lambda _answer: None, lambda _code: None, on_commissioning=asked.callbacks()
    )
    settings = still(language, size)
    built = KioskWindow(settings, callbacks, now=lambda: NOW, monotonic_s=clock)
    built.show()
    built.post_health(WELL)
    built.post_screen(SCREENS["ready"])
    built.post_technician_pin("481926")
    QCoreApplication.processEvents()
    yield built
    built.close()


def show(window: KioskWindow, name: str) -> None:
    show_commissioning(name, window)
    QCoreApplication.processEvents()


def test_technician_screen_leads_there(window: KioskWindow, asked: AskedTest) -> None:
    window.shell.technician_presenter.admit()
    QCoreApplication.processEvents()
    tap(window, "commission")
    assert asked.calls == ["begin"]
    tap(window, "leave")
    assert asked.calls == ["begin", "leave"]
    assert window.shell.technician_presenter.state is TechnicianState.OPEN


@pytest.mark.parametrize(
    ("state", "button", "call"),
    [
        ("commission", "main", "run"),
        ("commission-failed", "main", "go_on"),
        ("commission-failed", "second", "run"),
        ("commission-end", "main", "finish"),
        ("commission-end", "second", "start_again"),
        ("commission-sent", "main", "start_again"),
    ],
)
def test_buttons_ask_for_what_they_say(
    window: KioskWindow, asked: AskedTest, state: str, button: str, call: str
) -> None:
    show(window, state)
    tap(window, button)
    assert asked.calls == ["begin", call]


def test_skip_asks_for_a_reason_first(window: KioskWindow, asked: AskedTest) -> None:
    show(window, "commission")
    tap(window, "second")
    tap(window, "second")
    assert asked.calls == ["begin"]
    tap(window, "second")
    tap(window, "reason-later")
    assert asked.calls == ["begin", "later"]


def test_nothing_can_be_asked_for_while_a_step_runs(window: KioskWindow, asked: AskedTest) -> None:
    show(window, "commission-testing")
    assert "Testing, 8 seconds left" in shown(window)
    assert find(window, "main") is None
    assert find(window, "second") is None


def test_problem_and_fix_are_shown(window: KioskWindow) -> None:
    show(window, "commission-failed")
    text = shown(window)
    assert "The picture was accepted as a living person (try 3)." in text
    assert "Choose a stricter check of faces" in text


def test_screen_stays_open_while_a_step_runs_and_closes_when_forgotten(
    window: KioskWindow, asked: AskedTest, clock: Seconds
) -> None:
    show(window, "commission-testing")
    for _ in range(10):
        clock.now_s += 100
        window.shell.tick()
    assert state_of(window) is TechnicianState.OPEN
    window.post_commissioning(COMMISSIONING_STATES["commission"])
    QCoreApplication.processEvents()
    clock.now_s += 901
    window.shell.tick()
    window.shell.tick()
    assert state_of(window) is TechnicianState.CLOSED
    assert asked.calls[-1] == "leave"


def test_new_claim_closes_the_test_of_the_old_one(window: KioskWindow, asked: AskedTest) -> None:
    show(window, "commission")
    window.post_technician_pin("000000")
    QCoreApplication.processEvents()
    assert asked.calls == ["begin", "leave"]
    assert not window.shell.commissioning_presenter.current.is_open


@pytest.mark.parametrize(
    "window",
    [(language, size) for language in available_languages() for size in SIZES],
    indirect=True,
)
def test_every_state_is_legible(window: KioskWindow) -> None:
    for name in COMMISSIONING_STATES:
        show(window, name)
        assert faults_of_texts(window) == [], name
        window.shell.commissioning_presenter.close()
        window.post_commissioning(CommissionView())
