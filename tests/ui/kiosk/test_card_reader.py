"""A card reader types; people at a keyboard do too, and neither is taken for the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent

from kiosk.domain.screens import AskPin, PinPurpose, Ready, SettingUp, SetupStage
from kiosk.ui.card_reader import MAX_GAP_S, CardReaderFilter, TypedLine
from kiosk.ui.check_in_callbacks import CheckInCallbacks
from kiosk.ui.shell import KioskWindow
from protocol.v1.checkin import MAX_SCAN_CHARS
from tests.ui.kiosk.windows import OpenWindow, Touched, still

NONE = Qt.KeyboardModifier.NoModifier
ENTER = Qt.Key.Key_Return


class Keyboard:
    """Sends keys to a filter, each some seconds after the one before."""

    def __init__(self, *, is_wanted: bool = True) -> None:
        self.now_s = 50.0
        self.lines: list[str] = []
        self.watched = QObject()
        self.filter = CardReaderFilter(self.lines.append, lambda: is_wanted, lambda: self.now_s)

    def press(
        self,
        text: str,
        key: int = Qt.Key.Key_A,
        gap_s: float = 0.01,
        modifiers: Qt.KeyboardModifier = NONE,
    ) -> bool:
        self.now_s += gap_s
        event = QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text)
        return self.filter.eventFilter(self.watched, event)

    def type(self, text: str, gap_s: float = 0.01) -> list[bool]:
        return [self.press(one, gap_s=gap_s) for one in text]

    def enter(self, gap_s: float = 0.01, key: int = ENTER) -> bool:
        return self.press("\r", key, gap_s)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab])
def test_a_fast_line_is_a_card_and_only_its_end_is_kept_from_the_window(key: Qt.Key) -> None:
    keyboard = Keyboard()

    assert keyboard.type("04A224B1") == [False] * 8
    assert keyboard.enter(key=key)
    assert keyboard.lines == ["04A224B1"]


def test_a_busy_kiosk_reads_a_card_by_when_its_keys_were_pressed() -> None:
    keyboard = Keyboard()
    keys = [*((one, Qt.Key.Key_A) for one in "04A224B1"), ("\r", ENTER)]
    for number, (text, key) in enumerate(keys):
        keyboard.now_s += 10 * MAX_GAP_S
        event = QKeyEvent(QEvent.Type.KeyPress, key, NONE, text)
        event.setTimestamp(5000 + 2 * number)
        keyboard.filter.eventFilter(keyboard.watched, event)

    assert keyboard.lines == ["04A224B1"]


def repeated(keyboard: Keyboard, text: str, gap_s: float) -> bool:
    keyboard.now_s += gap_s
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, NONE, text, autorep=True)
    return keyboard.filter.eventFilter(keyboard.watched, event)


def test_equal_digits_that_a_fast_reader_types_are_no_held_key() -> None:
    keyboard = Keyboard()
    keyboard.type("04A2")
    repeated(keyboard, "2", gap_s=0.001)
    repeated(keyboard, "2", gap_s=0.001)
    keyboard.type("49")
    assert keyboard.enter()

    assert keyboard.lines == ["04A22249"]


def test_a_key_that_is_held_down_types_once() -> None:
    keyboard = Keyboard()
    keyboard.type("12345")
    repeated(keyboard, "5", gap_s=0.25)
    repeated(keyboard, "5", gap_s=0.03)
    repeated(keyboard, "5", gap_s=0.03)
    assert not keyboard.enter()
    keyboard.type("12345")
    assert keyboard.enter()

    assert keyboard.lines == ["12345"]


def test_slow_typing_is_no_card() -> None:
    keyboard = Keyboard()
    keyboard.type("482915", gap_s=MAX_GAP_S + 0.05)

    assert not keyboard.enter()
    assert keyboard.lines == []


def test_a_pause_before_the_end_or_inside_starts_anew() -> None:
    keyboard = Keyboard()
    keyboard.type("0001112")
    assert not keyboard.enter(gap_s=0.5)
    keyboard.type("999")
    keyboard.press("5", gap_s=1.0)
    keyboard.type("5556")
    assert keyboard.enter()

    assert keyboard.lines == ["55556"]


def test_a_line_that_is_too_long_is_dropped_whole() -> None:
    keyboard = Keyboard()
    keyboard.type("7" * (MAX_SCAN_CHARS + 10))
    assert not keyboard.enter()
    keyboard.type("7" * MAX_SCAN_CHARS)
    assert keyboard.enter()

    assert keyboard.lines == ["7" * MAX_SCAN_CHARS]


def test_commands_and_strange_characters_spoil_a_line() -> None:
    keyboard = Keyboard()
    for spoil in ("é", "\x1b", "", "٣"):
        keyboard.type("1234")
        keyboard.press(spoil)
        keyboard.type("5678")
        assert not keyboard.enter()
    keyboard.type("1234")
    keyboard.press("c", modifiers=Qt.KeyboardModifier.ControlModifier)
    assert not keyboard.enter()

    assert keyboard.lines == []


def test_shift_between_letters_is_no_character() -> None:
    keyboard = Keyboard()
    keyboard.type("AB")
    keyboard.press("", Qt.Key.Key_Shift)
    keyboard.type("CD")
    keyboard.enter()

    assert keyboard.lines == ["ABCD"]


def test_no_key_is_kept_while_no_card_is_wanted() -> None:
    keyboard = Keyboard(is_wanted=False)
    keyboard.type("04A224B1")

    assert not keyboard.enter()
    assert keyboard.lines == []


@given(
    st.lists(
        st.tuples(
            st.text(max_size=3),
            st.sampled_from([ENTER, Qt.Key.Key_Tab, Qt.Key.Key_A, Qt.Key.Key_Shift]),
            st.sampled_from([-5.0, 0.0, 0.01, 0.19, 0.25, 9.0]),
        )
    )
)
def test_no_sequence_of_keys_gives_a_line_that_no_reader_typed(
    keys: list[tuple[str, Qt.Key, float]],
) -> None:
    keyboard = Keyboard()
    for text, key, gap_s in keys:
        is_kept = keyboard.press(text, key, gap_s)
        assert not is_kept or key in (ENTER, Qt.Key.Key_Tab)

    for line in keyboard.lines:
        assert 4 <= len(line) <= MAX_SCAN_CHARS
        assert line.isascii()
        assert line.isprintable()


@given(st.lists(st.tuples(st.text(max_size=2), st.floats(0, 1)), max_size=40))
def test_a_line_is_what_was_typed_since_the_last_pause(typed: list[tuple[str, float]]) -> None:
    line, at_s = TypedLine(), 0.0
    since: list[str] = []
    for text, gap_s in typed:
        at_s += gap_s
        since = [*since, text] if gap_s <= MAX_GAP_S * 0.999 else [text]
        line.add(text, at_s)
    found = line.end(at_s)

    assert found in ("", "".join(since)[-len(found) :])


def test_a_swipe_at_a_real_window_is_reported_while_the_door_is_open(
    open_window: OpenWindow, touched: Touched
) -> None:
    swipes: list[str] = []
    touched.check_in = CheckInCallbacks(swipe=swipes.append)
    window = open_window(still())
    for screen in (Ready("R12", None), AskPin(PinPurpose.UNLOCK)):
        window.post_screen(screen)
        swipe(window, "04A224B1")
    window.post_screen(SettingUp(SetupStage.NEEDS_CLAIM_CODE))
    swipe(window, "7KQ2M9TX")

    assert swipes == ["04A224B1", "04A224B1"]


def swipe(window: KioskWindow, number: str) -> None:
    """Type as a reader does, all at one moment."""
    for key in [*map(ord, number), ENTER]:
        text = "\r" if key == ENTER else chr(key)
        QCoreApplication.sendEvent(window.view, QKeyEvent(QEvent.Type.KeyPress, key, NONE, text))
