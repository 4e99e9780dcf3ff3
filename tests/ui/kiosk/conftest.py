"""Windows of the kiosk, offscreen; any warning of Qt fails the test."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QtMsgType
from pytestqt.logging import _QtMessageCapture
from pytestqt.qtbot import QtBot

from kiosk.ui.shell import KioskWindow, ShellCallbacks, ShellSettings
from tests.ui.kiosk.windows import NOW, WELL, OpenWindow, Seconds, Touched

_NEXT_FONT = "OpenType support missing"
"""Qt's word for a font that lacks an Indian script; it goes on to the next font of the list."""


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def touched() -> Touched:
    return Touched()


@pytest.fixture
def open_window(qtbot: QtBot, clock: Seconds, touched: Touched) -> Iterator[OpenWindow]:
    opened: list[KioskWindow] = []

    def build(settings: ShellSettings) -> KioskWindow:
        callbacks = ShellCallbacks(
            touched.on_not_me,
            touched.codes.append,
            touched.words.append,
            touched.claims_open.append,
            touched.check_in,
            on_direction=touched.on_direction,
        )
        window = KioskWindow(settings, callbacks, now=lambda: NOW, monotonic_s=clock)
        opened.append(window)
        window.show()
        window.post_health(WELL)
        return window

    yield build
    for window in opened:
        window.close()


@pytest.fixture(autouse=True)
def _no_qt_warnings(qtlog: _QtMessageCapture) -> Iterator[None]:
    yield
    bad = (QtMsgType.QtWarningMsg, QtMsgType.QtCriticalMsg)
    messages = [str(record.message) for record in qtlog.records if record.type in bad]
    assert [message for message in messages if _NEXT_FONT not in message] == []
