"""Every screen, in every shape and language: nothing cut off, nothing over something else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtGui import QFont, QGuiApplication
from PySide6.QtQuick import QQuickItem
from pytestqt.qtbot import QtBot

from kiosk.domain.health import DiskHealth, Health, LinkHealth
from kiosk.domain.links import LinkSecurity
from kiosk.domain.ports import Frame
from kiosk.domain.screens import Screen
from kiosk.ui.fonts import kiosk_font
from kiosk.ui.shell import KioskWindow
from protocol.v1.messages import ClockSource
from tests.fakes.capture import noise
from tests.ui.kiosk.legible import faults_of_texts, place, said, texts
from tests.ui.kiosk.windows import SCREENS, TROUBLED, WELL, OpenWindow, still

SIZES = [(800, 480), (1024, 600), (1280, 800), (480, 800), (1080, 1920)]
LANGUAGES = ["en", "ar"]
SMALLEST = 0.75
STRIPS = [
    *(
        replace(TROUBLED, server_link=link, clock=ClockSource.UNSYNCED)
        for link in LinkSecurity
        if link.is_fault
    ),
    replace(WELL, server_link=LinkSecurity.PLAIN),
    replace(WELL, broker_link=LinkSecurity.PLAIN_REFUSED),
    replace(WELL, broker_link=LinkSecurity.EXPIRED),
    *(replace(WELL, disk=disk) for disk in DiskHealth),
    replace(WELL, clock=ClockSource.UNSYNCED),
    *(replace(WELL, clock_offset_ms=offset_s * 1000) for offset_s in (-1200, 7200, 9e8)),
    replace(TROUBLED, disk=DiskHealth.NEARLY_FULL, clock=ClockSource.UNSYNCED),
    *(
        replace(
            WELL,
            server=link,
            broker=LinkHealth.DOWN,
            waiting=161_204,
            disk=DiskHealth.OUTBOX_NEARLY_FULL,
            clock_offset_ms=-1560_000,
        )
        for link in (LinkHealth.FOREIGN, LinkHealth.OTHER_SERVER, LinkHealth.UNKNOWN_KIOSK)
    ),
]


@pytest.fixture(params=["", "DejaVu Sans"], ids=["own-fonts", "dejavu-only"])
def _font(request: pytest.FixtureRequest, qtbot: QtBot) -> Iterator[None]:
    before = QGuiApplication.font()
    QGuiApplication.setFont(QFont(request.param) if request.param else kiosk_font())
    yield
    QGuiApplication.setFont(before)


@pytest.mark.usefixtures("_font")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_whole_inside_the_screen_and_apart_from_the_others(
    open_window: OpenWindow, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    window.post_health(TROUBLED)
    faults = [fault for name in SCREENS for fault in faults_of(window, name)]
    assert faults == []


@pytest.mark.usefixtures("_font")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_apart_from_the_picture_that_helps_to_aim_a_code(
    open_window: OpenWindow, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    window.post_frame(Frame(noise(1), 0.0, 0))
    QGuiApplication.processEvents()
    names = [name for name in SCREENS if name.startswith(("setup", "again", "untrusted"))]
    faults = [fault for name in names for fault in faults_of(window, name)]
    assert faults == []


@pytest.mark.usefixtures("_font")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_strip_of_disk_and_clock_is_whole_and_large_enough_to_read(
    open_window: OpenWindow, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    faults = [fault for health in STRIPS for fault in faults_of_strip(window, health)]
    assert faults == []


def faults_of_strip(window: KioskWindow, health: Health) -> list[str]:
    window.post_health(health)
    faults = faults_of(window, "ready")
    small = [
        f"too small: {item.property('text')}"
        for item in texts(window)
        if place(item).height() < SMALLEST * item.height()
    ]
    return faults + small


def faults_of(window: KioskWindow, name: str) -> list[str]:
    return faults_of_screen(window, name, SCREENS[name])


def faults_of_screen(window: KioskWindow, name: str, screen: Screen) -> list[str]:
    window.post_screen(screen)
    QGuiApplication.processEvents()
    faults = faults_of_texts(window)
    shown = texts(window)
    assert shown, f"{name} shows no words"
    faults += [f"cut off: {said(item)}" for item in shown if item.property("truncated")]
    return [f"{name}: {fault}" for fault in faults]


@pytest.mark.parametrize("size", [(800, 480), (1080, 1920)], ids=["landscape", "portrait"])
def test_every_screen_looks_different(open_window: OpenWindow, size: tuple[int, int]) -> None:
    window = open_window(still("en", size))
    pictures = set()
    for screen in SCREENS.values():
        window.post_screen(screen)
        QGuiApplication.processEvents()
        pictures.add(bytes(window.view.grabWindow().constBits()))
    assert len(pictures) == len(SCREENS)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_changes_what_is_behind_the_words(open_window: OpenWindow, theme: str) -> None:
    window = open_window(still(theme=theme))
    window.post_screen(SCREENS["ready"])
    corner = window.view.grabWindow().pixelColor(1, 1)
    assert (corner.lightness() > 128) == (theme == "light")


def test_arabic_mirrors_the_layout(open_window: OpenWindow) -> None:
    sides: list[bool] = []
    for language in LANGUAGES:
        window = open_window(still(language))
        window.post_screen(SCREENS["ready"])
        preview = window.view.rootObject().findChild(QQuickItem, "preview")
        assert preview is not None
        sides.append(place(preview).center().x() < 400)
    assert sides == [True, False]


def test_the_camera_picture_is_drawn_mirrored(open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    picture = noise(1, 0, 1).repeat(10, axis=0).repeat(10, axis=1)
    picture[:, :320] = (0, 0, 255)
    with qtbot.waitSignal(window.shell.feed_object.frame_ready):
        window.post_frame(Frame(picture, 0.0, 0))
    shown = window.view.grabWindow()
    left, right = shown.pixelColor(60, 240), shown.pixelColor(350, 240)
    assert (left.red(), right.red()) == (0, 255)


def test_an_unknown_size_in_between_is_filled(open_window: OpenWindow) -> None:
    window = open_window(still(size=(900, 900)))
    window.post_health(replace(TROUBLED, waiting=1))
    assert faults_of(window, "ready") == []
