"""Check-in without a face in every shape, language and theme: whole, apart, readable, touchable."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QFont, QGuiApplication, QImage
from PySide6.QtQuick import QQuickItem
from pytestqt.qtbot import QtBot

from kiosk.domain.ports import Frame
from kiosk.domain.screens import AskPin, Looking
from kiosk.domain.sightings import Hint
from kiosk.ui.fonts import kiosk_font
from kiosk.ui.shell import KioskWindow
from tests.fakes.capture import noise
from tests.ui.kiosk.check_in_screens import READY, SCREENS
from tests.ui.kiosk.legible import collide, outside, place, texts
from tests.ui.kiosk.test_scene import SMALLEST, faults_of_screen
from tests.ui.kiosk.test_window import find
from tests.ui.kiosk.windows import TROUBLED, WELL, OpenWindow, still, visible_items

SIZES = [(800, 480), (480, 800), (1080, 1920), (1920, 1080)]
LANGUAGES = ["en", "ar"]
FINGER_PX = 48.0
READABLE = 4.5
"""Contrast of text. Source: WCAG 2.2, success criterion 1.4.3."""
LOOKS = [(size, language, "") for size in SIZES for language in LANGUAGES] + [
    (size, language, "DejaVu Sans") for size in SIZES[:2] for language in LANGUAGES
]


@pytest.fixture
def _font(request: pytest.FixtureRequest, qtbot: QtBot) -> Iterator[None]:
    before = QGuiApplication.font()
    QGuiApplication.setFont(QFont(request.param) if request.param else kiosk_font())
    yield
    QGuiApplication.setFont(before)


@pytest.mark.usefixtures("_font")
@pytest.mark.parametrize(
    ("size", "language", "_font"),
    LOOKS,
    indirect=["_font"],
    ids=[f"{size[0]}x{size[1]}-{language}-{font or 'own'}" for size, language, font in LOOKS],
)
def test_every_text_of_check_in_is_whole_and_apart(
    open_window: OpenWindow, size: tuple[int, int], language: str
) -> None:
    window = open_window(still(language, size))
    window.post_health(TROUBLED)
    faults = [
        fault
        for name, screen in SCREENS.items()
        for fault in faults_of_screen(window, name, screen) + small_keys(window, name)
    ]
    assert faults == []


@pytest.mark.parametrize("size", SIZES[:2], ids=["landscape", "portrait"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_ways_stay_apart_from_every_hint_while_a_person_is_seen(
    open_window: OpenWindow, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    window.post_screen(READY)
    faults = [
        fault for hint in Hint for fault in faults_of_screen(window, hint, Looking(0.5, hint))
    ]
    assert faults == []
    assert find(window, "pin") is not None


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_picture_that_helps_to_aim_a_code_covers_nothing(
    open_window: OpenWindow, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    window.post_frame(Frame(noise(1), 0.0, 0))
    QGuiApplication.processEvents()
    pads = {name: screen for name, screen in SCREENS.items() if isinstance(screen, AskPin)}
    faults = []
    finders = 0
    for name, screen in pads.items():
        faults += faults_of_screen(window, name, screen)
        finder = find(window, "finder")
        if finder is not None:
            finders += 1
            faults += [f"{name}: finder outside"] * outside(finder, window)
            faults += [
                f"{name}: {t.property('text')}"
                for t in texts(window)
                if collide(place(t), place(finder))
            ]
    assert faults == []
    assert finders or size == (480, 800)


@pytest.mark.parametrize("size", SIZES[:2], ids=["landscape", "portrait"])
def test_a_code_that_is_no_way_here_gets_no_picture(
    open_window: OpenWindow, size: tuple[int, int]
) -> None:
    window = open_window(still("en", size))
    window.post_frame(Frame(noise(1), 0.0, 0))
    QGuiApplication.processEvents()
    screen = SCREENS["pin-check_in"]
    assert isinstance(screen, AskPin)
    window.post_screen(screen)
    has_picture = find(window, "finder") is not None
    window.post_screen(replace(screen, ways=()))
    assert (has_picture, find(window, "finder")) == (True, None)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_of_check_in_stands_out_from_what_is_behind_it(
    open_window: OpenWindow, theme: str
) -> None:
    window = open_window(still(theme=theme))
    window.post_health(WELL)
    pale = []
    for name, screen in SCREENS.items():
        window.post_screen(screen)
        QGuiApplication.processEvents()
        picture = window.view.grabWindow()
        pale += [
            f"{name}: {item.property('text')}"
            for item in texts(window)
            if contrast(picture, place(item)) < READABLE
        ]
    assert pale == []


@pytest.mark.parametrize("size", [(800, 480), (1080, 1920)], ids=["landscape", "portrait"])
def test_every_screen_of_check_in_looks_different(
    open_window: OpenWindow, size: tuple[int, int]
) -> None:
    window = open_window(still("en", size))
    pictures = set()
    for screen in SCREENS.values():
        window.post_screen(screen)
        QGuiApplication.processEvents()
        pictures.add(bytes(window.view.grabWindow().constBits()))
    assert len(pictures) == len(SCREENS)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_digits_stand_in_the_same_order_in_every_language(
    open_window: OpenWindow, size: tuple[int, int]
) -> None:
    for language in LANGUAGES:
        window = open_window(still(language, size))
        window.post_screen(SCREENS["pin-check_in"])
        keys = [find(window, f"pin-{digit}") for digit in "123"]
        lefts = [place(key).left() for key in keys if key is not None]
        assert len(lefts) == 3
        assert all(left < right for left, right in pairwise(lefts))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_ways_are_written_as_large_as_the_answer(
    open_window: OpenWindow, size: tuple[int, int]
) -> None:
    window = open_window(still("en", size))
    for name in ("not-recognised-no_match", "code-used"):
        window.post_screen(SCREENS[name])
        QGuiApplication.processEvents()
        ways = {item["words"] for item in window.shell.answer.property("view")["ways"]}
        title = window.shell.answer_presenter.current.title
        shown = {str(item.property("text")): item for item in texts(window)}
        sizes = {shown[words].property("font").pixelSize() for words in ways | {title}}
        assert len(ways) == 3
        assert len(sizes) == 1
        assert all(
            shown[words].property("contentWidth") >= SMALLEST * shown[words].property("advance")
            for words in ways
        )


def small_keys(window: KioskWindow, name: str) -> list[str]:
    """Touch targets below a fingertip; the strip at the bottom is none of this screen's."""
    unit = scale_of(window)
    areas = [
        item
        for item in visible_items(window.view.contentItem())
        if item.objectName() == "area" and item.isEnabled()
    ]
    return [
        f"{name}: {item.parentItem().objectName()} is {item.width()} x {item.height()}"
        for item in areas
        if min(item.width(), item.height()) < FINGER_PX * unit - 0.5
    ]


def scale_of(window: KioskWindow) -> float:
    width, height = window.view.width(), window.view.height()
    return min(width / 480, height / 800) if height > width else min(width / 800, height / 480)


def contrast(picture: QImage, area: QRectF) -> float:
    """The contrast of the lightest and the darkest pixel of an area, 1..21."""
    part = picture.copy(area.toRect()).convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(part.constBits(), np.uint32)
    colours = [int(colour) for colour in np.unique(pixels)]
    lights = [luminance(QColor(colour)) for colour in colours]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def luminance(colour: QColor) -> float:
    """Relative luminance, 0..1. Source: WCAG 2.2, definition of relative luminance."""
    parts = (colour.redF(), colour.greenF(), colour.blueF())
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_roll_call_shows_only_whole_rows(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["roll-call"])
    rows = find(window, "rows")
    assert rows is not None
    shown = [item for item in visible_items(rows) if item.objectName().startswith("row-")]
    assert len(shown) == 10
    assert all(inside(place(rows), item) for item in shown)


def inside(frame: QRectF, item: QQuickItem) -> bool:
    return frame.contains(place(item))
