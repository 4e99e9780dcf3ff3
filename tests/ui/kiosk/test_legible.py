"""The checks of texts notice each kind of fault."""

from collections.abc import Callable

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtQuick import QQuickItem

from kiosk.domain.screens import Welcome
from kiosk.ui.shell import KioskWindow
from protocol.v1.messages import ArrivalStatus
from tests.ui.kiosk.legible import faults_of_texts, texts
from tests.ui.kiosk.windows import SCREENS, OpenWindow, still, visible_items

NAME = "Maximiliane Antoinette Wolkenstein W."


def _unbounded(item: QQuickItem) -> None:
    item.setProperty("maximumHeight", -1)
    item.setWidth(60)


def _one_line(item: QQuickItem) -> None:
    item.setProperty("maximumHeight", 1000)
    item.setProperty("maximumLineCount", 1)


def _onto_the_button(item: QQuickItem) -> None:
    shown = visible_items(item.window().contentItem())
    button = next(other for other in shown if other.objectName() == "notMe")
    buttons = button.parentItem()  # gives its items their places, so the text goes beside it
    item.setParentItem(buttons.parentItem())
    item.setPosition(buttons.position() + button.position())


HARMS: dict[str, Callable[[QQuickItem], object]] = {
    "overflows": lambda item: item.setHeight(5),
    "outside": lambda item: item.setX(700),
    "collide": lambda item: item.setY(0),
    "broken_word": _unbounded,
    "cut_too_early": _one_line,
    "boxes_for_letters": lambda item: item.setProperty("text", "Ana \U0010fffd"),
    "no whole name": lambda item: item.setProperty("text", "Ana"),
    "under a button": _onto_the_button,
}


@pytest.fixture
def window(open_window: OpenWindow) -> KioskWindow:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    window.post_screen(Welcome(NAME, ArrivalStatus.PRESENT))
    return window


def test_a_screen_without_a_fault_has_none(window: KioskWindow) -> None:
    assert faults_of_texts(window, NAME) == []


@pytest.mark.parametrize("fault", HARMS)
def test_a_fault_is_noticed(window: KioskWindow, fault: str) -> None:
    QCoreApplication.processEvents()
    window.view.grabWindow()
    name = next(item for item in texts(window) if item.property("text") == NAME)
    HARMS[fault](name)
    assert any(found.startswith(fault) for found in faults_of_texts(window, NAME))
