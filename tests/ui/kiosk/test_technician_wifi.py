"""Wi-Fi on the technician screen, touched and typed, in every shape and language."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from kiosk.domain.wifi import WifiOutcome
from kiosk.ui.shell import KioskWindow, ShellCallbacks
from kiosk.ui.technician_callbacks import TechnicianCallbacks
from scripts.screens_technician import NETWORKS
from tests.ui.kiosk.legible import faults_of_texts, place, said, texts
from tests.ui.kiosk.test_check_in_scene import READABLE, contrast
from tests.ui.kiosk.test_window import find, tap
from tests.ui.kiosk.windows import NOW, SCREENS, Seconds, still

PASSWORD = "correct horse"
LOOKS = [
    ("en", (800, 480), "light"),
    ("en", (1080, 1920), "dark"),
    ("ar", (800, 480), "dark"),
    ("ar", (1080, 1920), "light"),
]


class Asked:
    """What the screen asked for."""

    def __init__(self) -> None:
        self.scans: list[bool] = []
        self.joins: list[tuple[str, str]] = []

    def scan(self) -> None:
        self.scans.append(True)

    def join(self, name: str, password: str) -> None:
        self.joins.append((name, password))


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def window(
    qtbot: QtBot, clock: Seconds, asked: Asked, request: pytest.FixtureRequest
) -> Iterator[KioskWindow]:
    language, size, theme = getattr(request, "param", LOOKS[0])
    callbacks = ShellCallbacks(
        lambda _answer: None,
        lambda _code: None,
        on_technician=TechnicianCallbacks(find_wifi=asked.scan, join_wifi=asked.join),
    )
    built = KioskWindow(
        still(language, size, theme=theme), callbacks, now=lambda: NOW, monotonic_s=clock
    )
    built.show()
    built.post_screen(SCREENS["ready"])
    built.shell.technician_presenter.open()
    tap(built, "wifi")
    built.post_networks(NETWORKS)
    yield built
    built.close()


def write(window: KioskWindow, words: str) -> None:
    """Type on a keyboard that the technician brought."""
    for letter in words:
        QTest.keyClick(window.view, Qt.Key(ord(letter.upper())))


def test_a_network_is_joined_by_touch(window: KioskWindow, asked: Asked) -> None:
    assert asked.scans == [True]
    tap(window, "wifi-School devices")
    for name in ("key-c", "layer-ABC", "key-O", "layer-123", "key-1", "key-space", "key-erase"):
        tap(window, name)
    for _ in range(5):
        tap(window, "key-&")
    tap(window, "wifiJoin")
    assert asked.joins == [("School devices", "cO1&&&&&")]


def test_a_keyboard_types_the_password(window: KioskWindow, asked: Asked) -> None:
    tap(window, "wifi-School devices")
    write(window, PASSWORD + "x")
    QTest.keyClick(window.view, Qt.Key.Key_Backspace)
    QTest.keyClick(window.view, Qt.Key.Key_Return)
    assert asked.joins == [("School devices", PASSWORD)]


def test_nothing_behind_the_list_is_touched(window: KioskWindow) -> None:
    assert find(window, "sync") is None
    tap(window, "wifiBack")
    assert find(window, "sync") is not None


@pytest.mark.parametrize(
    "window", LOOKS, indirect=True, ids=[f"{one}-{size[0]}-{theme}" for one, size, theme in LOOKS]
)
def test_every_text_is_whole_apart_and_readable(window: KioskWindow) -> None:
    window.post_networks(NETWORKS[:4])
    window.post_wifi(WifiOutcome.WRONG_PASSWORD)
    faults = [*faults_of_texts(window)]
    tap(window, "wifi-School devices")
    write(window, PASSWORD)
    tap(window, "wifiReveal")
    faults += faults_of_texts(window)
    picture = window.view.grabWindow()
    faults += [
        f"pale: {said(one)}" for one in texts(window) if contrast(picture, place(one)) < READABLE
    ]
    assert faults == []
