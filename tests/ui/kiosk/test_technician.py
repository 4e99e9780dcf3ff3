"""The technician screen: how it opens, what it shows, that it closes, and that nothing waits."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kiosk.doctor import CHECK_NAMES
from kiosk.domain.health import AcceleratorState, Health
from kiosk.domain.networks import NetworkState
from kiosk.domain.ports import Frame
from kiosk.domain.technician import OPEN_S, DeviceFacts, Inspection, TechnicianState
from kiosk.ui.catalogue import available_languages
from kiosk.ui.shell import KioskWindow, ShellCallbacks
from kiosk.ui.technician_callbacks import TechnicianCallbacks
from scripts.screens_technician import FINDINGS, PIN, SIGHT
from tests.fakes.capture import noise
from tests.ui.kiosk.legible import faults_of_texts, place, said, texts
from tests.ui.kiosk.test_check_in_scene import READABLE, contrast, small_keys
from tests.ui.kiosk.test_window import find, middle_of, tap
from tests.ui.kiosk.windows import MODELLESS, NOW, SCREENS, TROUBLED, WELL, Seconds, still

SIZES = [(800, 480), (480, 800), (1080, 1920)]
LANGUAGES = available_languages()
FACTS = DeviceFacts("0.9.0", is_serving=True, silent_s=190.0)
BUSY = replace(
    WELL, waiting=12, network=NetworkState("sface-2021dec"), accelerator=AcceleratorState("cpu")
)


@dataclass
class Asked:
    """What the screen asked for."""

    opened: list[bool] = field(default_factory=list)
    checks: int = 0
    syncs: int = 0

    def check(self) -> None:
        self.checks += 1

    def sync(self) -> None:
        self.syncs += 1


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def window(
    qtbot: QtBot, clock: Seconds, asked: Asked, request: pytest.FixtureRequest
) -> Iterator[KioskWindow]:
    language, size, theme = getattr(request, "param", ("en", (800, 480), "light"))
    callbacks = ShellCallbacks(
        lambda _answer: None,
        lambda _code: None,
        on_technician=TechnicianCallbacks(asked.opened.append, asked.check, asked.sync),
    )
    settings = still(language, size, theme=theme)
    built = KioskWindow(settings, callbacks, now=lambda: NOW, monotonic_s=clock)
    built.show()
    built.post_health(BUSY)
    built.post_screen(SCREENS["ready"])
    built.post_technician_pin(PIN)
    built.post_facts(FACTS)
    QCoreApplication.processEvents()
    yield built
    built.close()


def state_of(window: KioskWindow) -> TechnicianState:
    QCoreApplication.processEvents()
    return window.shell.technician_presenter.state


def enter(window: KioskWindow, pin: str) -> None:
    for digit in pin:
        tap(window, f"pin-{digit}")


def opened(window: KioskWindow) -> None:
    window.shell.technician_presenter.open()
    enter(window, PIN)


def shown(window: KioskWindow) -> str:
    QCoreApplication.processEvents()
    return " | ".join(said(item) for item in texts(window))


def test_a_short_press_on_the_corner_opens_nothing_and_a_long_one_asks_for_the_pin(
    window: KioskWindow, asked: Asked, qtbot: QtBot
) -> None:
    corner = find(window, "technicianCorner")
    assert corner is not None
    QTest.mouseClick(window.view, Qt.MouseButton.LeftButton, pos=middle_of(corner).toPoint())
    assert state_of(window) is TechnicianState.CLOSED
    assert corner.property("pressAndHoldInterval") == 5000
    corner.setProperty("pressAndHoldInterval", 1)
    middle = middle_of(corner).toPoint()
    QTest.mousePress(window.view, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.waitUntil(lambda: window.shell.technician_presenter.state is TechnicianState.PIN)
    QTest.mouseRelease(window.view, Qt.MouseButton.LeftButton, pos=middle)
    assert asked.opened == [True]


def test_the_keyboard_opens_types_and_closes(window: KioskWindow, asked: Asked) -> None:
    both = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    window.view.requestActivate()
    QTest.keyClick(window.view, Qt.Key.Key_T, both)
    assert state_of(window) is TechnicianState.PIN
    for digit in PIN:
        QTest.keyClick(window.view, ord(digit))
    assert state_of(window) is TechnicianState.OPEN
    QTest.keyClick(window.view, Qt.Key.Key_Escape)
    assert state_of(window) is TechnicianState.CLOSED
    assert asked.opened == [True, False]


def test_wrong_pins_open_nothing_and_wait(
    window: KioskWindow, asked: Asked, clock: Seconds
) -> None:
    window.shell.technician_presenter.open()
    for _ in range(3):
        enter(window, "000000")
    assert "Try again in 5 seconds" in shown(window)
    enter(window, PIN)
    assert (state_of(window), asked.checks) == (TechnicianState.PIN, 0)
    clock.now_s += 5
    window.shell.tick()
    enter(window, PIN)
    assert (state_of(window), asked.checks) == (TechnicianState.OPEN, 1)


def test_it_closes_when_nobody_touches_it(
    window: KioskWindow, asked: Asked, clock: Seconds
) -> None:
    opened(window)
    clock.now_s += OPEN_S - 1
    tap(window, "paused")
    clock.now_s += OPEN_S - 1
    window.shell.tick()
    assert state_of(window) is TechnicianState.OPEN
    clock.now_s += 1
    window.shell.tick()
    assert state_of(window) is TechnicianState.CLOSED
    assert asked.opened == [True, False]
    assert find(window, "findings") is None


def test_without_a_claim_it_opens_without_a_pin_until_there_is_one(
    window: KioskWindow, asked: Asked
) -> None:
    window.post_technician_pin(None)
    window.post_facts(DeviceFacts("0.9.0"))
    QCoreApplication.processEvents()
    window.shell.technician_presenter.open()
    assert state_of(window) is TechnicianState.OPEN
    tap(window, "sync")
    assert asked.syncs == 0
    window.post_technician_pin(PIN)
    assert state_of(window) is TechnicianState.CLOSED


def test_it_shows_findings_the_worst_first_and_every_figure(window: KioskWindow) -> None:
    opened(window)
    assert "Checking" in shown(window)
    window.post_findings(FINDINGS)
    window.post_inspection(SIGHT)
    words = shown(window)
    expected = (
        "Nobody is recorded while this screen is open.",
        "2 problems found",
        "Fix: Use the power supply that came with the board, and a short, thick cable.",
        "Face 196 px wide",
        "Find 12 ms · Points 4 ms · Network 38 ms",
        "Server answered: 3 minutes ago",
        "Records: 12 records waiting",
        "Version: 0.9.0",
    )
    assert [one for one in expected if one not in words] == []
    assert words.index("Power supply") < words.index("Light") < words.index("Accelerator")


def test_buttons_ask_once_while_the_work_goes_on(window: KioskWindow, asked: Asked) -> None:
    opened(window)
    tap(window, "again")
    assert asked.checks == 1
    window.post_findings(FINDINGS)
    tap(window, "again")
    assert asked.checks == 2
    tap(window, "sync")
    tap(window, "sync")
    assert asked.syncs == 1
    tap(window, "close")
    assert state_of(window) is TechnicianState.CLOSED


def test_the_box_lies_on_the_face_of_the_mirrored_picture(window: KioskWindow) -> None:
    opened(window)
    window.post_frame(Frame(noise(1), 0.0, 0))
    window.post_inspection(Inspection(640, 480, (0.0, 120.0, 160.0, 240.0)))
    picture, box = find(window, "picture"), find(window, "box")
    assert picture is not None
    assert box is not None
    whole, marked = place(picture), place(box)
    assert marked.right() == pytest.approx(whole.right(), abs=1)
    assert marked.width() == pytest.approx(whole.width() / 4, abs=1)
    assert marked.center().y() == pytest.approx(whole.center().y(), abs=1)


@pytest.mark.parametrize(
    ("health", "words"),
    [(TROUBLED, "The camera picture is frozen"), (MODELLESS, "Recognition is off")],
    ids=["camera", "models"],
)
def test_a_fault_takes_the_place_of_old_figures(
    window: KioskWindow, health: Health, words: str
) -> None:
    opened(window)
    window.post_inspection(SIGHT)
    window.post_health(health)
    said_now = shown(window)
    assert "Face 196" not in said_now
    assert words in said_now


def test_a_picture_that_comes_after_it_closed_is_let_go(window: KioskWindow) -> None:
    opened(window)
    window.shell.technician_presenter.close()
    window.post_inspection(SIGHT)
    opened(window)
    assert "Face 196" not in shown(window)


@pytest.mark.parametrize("name", ["claim", "roll-call", "storage"])
def test_it_stands_in_front_of_every_screen(window: KioskWindow, name: str) -> None:
    screens = {"claim": "setup-needs_claim_code", "storage": "storage-file"}
    window.post_screen(SCREENS[screens.get(name, "ready")])
    opened(window)
    assert state_of(window) is TechnicianState.OPEN
    tap(window, "close")
    assert state_of(window) is TechnicianState.CLOSED


LOOKS = [
    (language, size, theme)
    for language in LANGUAGES
    for size in SIZES
    for theme in ("light", "dark")
]


@pytest.mark.parametrize(
    "window", LOOKS, indirect=True, ids=[f"{one}-{size[0]}-{theme}" for one, size, theme in LOOKS]
)
def test_every_text_is_whole_apart_and_readable(window: KioskWindow) -> None:
    window.shell.technician_presenter.open()
    faults = [*faults_of_texts(window), *small_keys(window, "pad")]
    enter(window, PIN)
    window.post_findings(FINDINGS[3:5])
    window.post_inspection(SIGHT)
    window.post_frame(Frame(np.full((480, 640, 3), 128, np.uint8), 0.0, 0))
    faults += [*faults_of_texts(window), *small_keys(window, "screen")]
    picture = window.view.grabWindow()
    faults += [
        f"pale: {said(one)}" for one in texts(window) if contrast(picture, place(one)) < READABLE
    ]
    assert faults == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_check_has_a_name_in_every_language(language: str) -> None:
    from importlib.resources import files

    text = (files("kiosk.ui") / "translations" / f"{language}.json").read_text("utf-8")
    words = json.loads(text)["words"]
    missing = [one for one in CHECK_NAMES if f"tech.check.{one.replace(' ', '_')}" not in words]
    assert missing == []


def test_a_kiosk_at_work_takes_a_new_claim_code_from_here(window: KioskWindow) -> None:
    """Its claim works, so the strip offers none; the camera looks for the QR meanwhile."""
    window.shell.technician_presenter.open()
    enter(window, PIN)
    assert not window.shell.is_claim_open
    tap(window, "claimAgain")
    assert state_of(window) is TechnicianState.CLOSED
    assert window.shell.is_claim_open


def test_a_kiosk_that_does_not_serve_yet_takes_no_new_claim(window: KioskWindow) -> None:
    window.post_facts(DeviceFacts("0.9.0"))
    window.shell.technician_presenter.open()
    enter(window, PIN)
    tap(window, "claimAgain")
    assert not window.shell.is_claim_open
