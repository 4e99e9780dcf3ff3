"""Card readers that type: a USB or NFC reader is a keyboard that ends each number with Enter."""

from collections.abc import Callable
from time import monotonic

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent

from protocol.v1.checkin import MAX_SCAN_CHARS

MAX_GAP_S = 0.2
"""A reader's characters follow each other within this time; people type more slowly."""
_REPEATS_AFTER_S = 0.15
"""A key that is held down repeats after this time at the earliest. Qt calls a key repeated that is
let go and pressed again within a millisecond, as a fast reader does for two digits that are equal.
Source: the shortest delay that keyboards of PCs can be set to is 250 ms; X.Org waits 660 ms.
"""
_ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab)
_SHIFTS = (Qt.Key.Key_Shift, Qt.Key.Key_CapsLock, Qt.Key.Key_AltGr)
_COMMANDS = (
    Qt.KeyboardModifier.ControlModifier
    | Qt.KeyboardModifier.AltModifier
    | Qt.KeyboardModifier.MetaModifier
)
_LEAST_CHARS = 4


class TypedLine:
    """Gathers the characters of one line that is typed fast; anything else starts it again."""

    def __init__(self) -> None:
        self._text = ""
        self._is_spoilt = False
        self._last_s = float("-inf")

    def add(self, text: str, at_s: float) -> None:
        """Take a character; one that is no printable ASCII character spoils the line.

        Args:
            text: as the key gives it.
            at_s: when, by a clock that only grows.
        """
        self._follow(at_s)
        is_plain = len(text) == 1 and text.isascii() and text.isprintable()
        if not is_plain or len(self._text) >= MAX_SCAN_CHARS:
            self._text, self._is_spoilt = "", True
        elif not self._is_spoilt:
            self._text += text

    def end(self, at_s: float) -> str:
        """End the line; return it, or an empty text where no reader can have typed it."""
        self._follow(at_s)
        text = self._text
        self._text, self._is_spoilt = "", False
        self._last_s = float("-inf")
        return text if len(text) >= _LEAST_CHARS else ""

    def _follow(self, at_s: float) -> None:
        if not 0 <= at_s - self._last_s <= MAX_GAP_S:
            self._text, self._is_spoilt = "", False
        self._last_s = at_s


class CardReaderFilter(QObject):
    """Watches the keys of a window for lines that a card reader types.

    Every key goes on to the window, so that a keyboard works as before, but for the Enter or Tab
    that ends a reader's line.

    Args:
        on_line: hears each line; GUI thread.
        is_wanted: whether a card may be read now.
        now_s: a clock that only grows, for keys that do not say when they were pressed.
    """

    def __init__(
        self,
        on_line: Callable[[str], None],
        is_wanted: Callable[[], bool],
        now_s: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__()
        self._on_line = on_line
        self._is_wanted = is_wanted
        self._now_s = now_s
        self._line = TypedLine()
        self._pressed_s = float("-inf")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Watch a key; True where it ended a reader's line and must go no further."""
        del watched
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        at_s = event.timestamp() / 1000 or self._now_s()  # when it was pressed, not when we see it
        if event.key() in _SHIFTS or self._is_held(event, at_s):
            return False
        if event.key() not in _ENDS:
            is_command = bool(event.modifiers() & _COMMANDS)
            self._line.add("" if is_command else event.text(), at_s)
            return False
        text = self._line.end(at_s)
        if not text or not self._is_wanted():
            return False
        self._on_line(text)
        return True

    def _is_held(self, event: QKeyEvent, at_s: float) -> bool:
        """Say whether a key is held down since it was pressed."""
        if event.isAutoRepeat() and not 0 <= at_s - self._pressed_s < _REPEATS_AFTER_S:
            return True
        self._pressed_s = at_s
        return False
