"""Each way to check in without a face, with a finger on the screen; every transition between."""

import logging
from zoneinfo import ZoneInfo

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest

from kiosk.domain.liveness import Motion
from kiosk.domain.screens import (
    AskPin,
    CodeProblem,
    CodeRefused,
    ConfirmName,
    Looking,
    NotRecognised,
    PinPurpose,
    ProveAlive,
    Ready,
    Screen,
)
from kiosk.ui.shell import KioskWindow, ShellRules
from protocol.v1.messages import Fallback
from tests.ui.kiosk.check_in_screens import LESSON, PIN, READY, SHOWN, WAYS, WELCOME, Calls, Desk
from tests.ui.kiosk.legible import texts
from tests.ui.kiosk.test_window import find, middle_of, tap, tap_at
from tests.ui.kiosk.windows import OpenWindow, Seconds, Touched, still

ASKED = AskPin(PinPurpose.CHECK_IN, SHOWN)


@pytest.fixture
def calls(touched: Touched) -> Calls:
    calls = Calls()
    touched.check_in = calls.callbacks()
    return calls


@pytest.fixture
def desk(touched: Touched) -> Desk:
    desk = Desk()
    touched.check_in = desk.callbacks()
    return desk


class Finger:
    """Taps on the screen and counts the taps."""

    def __init__(self, window: KioskWindow) -> None:
        self._window = window
        self.taps = 0

    def tap(self, *names: str) -> None:
        for name in names:
            tap(self._window, name)
            self.taps += 1

    def type(self, pin: str) -> None:
        self.tap(*(f"pin-{digit}" for digit in pin))


def screen_of(window: KioskWindow) -> str:
    QCoreApplication.processEvents()
    return str(window.shell.screen)


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("size", [(800, 480), (480, 800)], ids=["landscape", "portrait"])
def test_a_pin_takes_eight_taps(
    open_window: OpenWindow, desk: Desk, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    desk.start(window, READY)
    finger = Finger(window)
    finger.tap("pin")
    finger.type(PIN)
    asked = window.shell.check_in_presenter.current.name
    finger.tap("nameYes")
    assert (asked, screen_of(window), finger.taps) == ("Amina K.", "welcome", 8)


def test_a_pin_takes_eight_taps_for_a_face_that_was_not_recognised(
    open_window: OpenWindow, desk: Desk
) -> None:
    window = open_window(still())
    desk.start(window, NotRecognised(ways=WAYS))
    finger = Finger(window)
    finger.tap("way-pin")
    finger.type(PIN)
    finger.tap("nameYes")
    assert (screen_of(window), finger.taps) == ("welcome", 8)


@pytest.mark.parametrize("purpose", [PinPurpose.CARD, PinPurpose.LOOK_ALIKE])
def test_a_card_and_a_look_alike_take_six_taps(
    open_window: OpenWindow, desk: Desk, purpose: PinPurpose
) -> None:
    window = open_window(still())
    desk.start(window, AskPin(purpose))
    finger = Finger(window)
    finger.type(PIN)
    assert (screen_of(window), finger.taps) == ("welcome", 6)


@pytest.mark.parametrize("before", [READY, Looking(0.5), ASKED], ids=["ready", "looking", "pad"])
def test_a_qr_or_a_card_alone_takes_no_tap(
    open_window: OpenWindow, desk: Desk, before: Screen
) -> None:
    window = open_window(still())
    desk.start(window, before)
    desk.post(WELCOME)
    assert screen_of(window) == "welcome"


def test_a_teacher_marks_the_first_student_with_the_eighth_tap(
    open_window: OpenWindow, desk: Desk
) -> None:
    window = open_window(still())
    desk.start(window, READY)
    finger = Finger(window)
    finger.tap("teacher")
    finger.type(PIN)
    finger.tap("row-p0")
    marked = window.shell.roll_call_presenter.row_model.rows[0].mark
    finger.tap("done")
    assert (marked, screen_of(window), finger.taps) == ("present", "ready", 9)


def test_a_wrong_pin_is_said_and_the_pad_is_empty_again(
    open_window: OpenWindow, desk: Desk
) -> None:
    window = open_window(still())
    desk.start(window, ASKED)
    finger = Finger(window)
    finger.type("000000")
    view = window.shell.check_in_presenter.current
    assert (view.message, view.entered, view.busy) == ("This PIN is not right", 0, False)
    finger.type(PIN)
    assert screen_of(window) == "confirm_name"


def test_typed_digits_are_dots_and_stand_in_no_log(
    open_window: OpenWindow, calls: Calls, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    window = open_window(still())
    window.post_screen(ASKED)
    seen = []
    for digit in PIN:
        tap(window, f"pin-{digit}")
        words = [str(item.property("text")) for item in texts(window)]
        seen.append([word for word in words if not (len(word) == 1 and word.isdigit())])
    assert not [word for words in seen for word in words if any(d in word for d in "0123456789")]
    assert not any(digit in caplog.text for digit in (PIN, PIN[:3]))
    assert calls.named("enter_pin") == [PIN]
    assert len(calls.named("touch")) == 6


def test_a_pin_that_is_being_checked_takes_no_more_digits(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    finger = Finger(window)
    finger.type(PIN)
    tap(window, "pin-1")
    tap(window, "pin-erase")
    assert calls.named("enter_pin") == [PIN]
    assert window.shell.check_in_presenter.current.entered == 6


def test_the_wait_counts_down_and_the_keys_do_nothing_meanwhile(
    open_window: OpenWindow, calls: Calls, clock: Seconds
) -> None:
    window = open_window(still())
    window.post_screen(AskPin(PinPurpose.CHECK_IN, SHOWN, CodeProblem.WRONG_PIN, 5, 3))
    said = []
    for _ in range(6):
        tap(window, "pin-1")
        window.shell.tick()
        said.append(window.shell.check_in_presenter.current.wait)
        clock.now_s += 1
    tap(window, "pin-2")
    assert said[0] == "Try again in 5 seconds"
    assert said[4:] == ["Try again in 1 second", ""]
    assert len(calls.named("touch")) == 1
    assert window.shell.check_in_presenter.current.entered == 1


def test_the_way_back_is_open_while_the_next_try_waits(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(AskPin(PinPurpose.UNLOCK, (), CodeProblem.NOT_STAFF, 30, 3))
    tap(window, "pin-back")
    assert calls.named("close") == [None]


def test_the_last_digit_can_be_taken_back(open_window: OpenWindow, calls: Calls) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    finger = Finger(window)
    finger.type("48")
    finger.tap("pin-erase")
    finger.type("82170")
    assert calls.named("enter_pin") == [PIN]


@pytest.mark.parametrize(
    "after",
    [READY, ConfirmName("Amina K."), CodeRefused(CodeProblem.USED, WAYS), WELCOME],
    ids=lambda screen: type(screen).__name__,
)
def test_a_pad_that_went_forgets_what_was_typed(
    open_window: OpenWindow, calls: Calls, after: Screen
) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    finger = Finger(window)
    finger.type("999")
    window.post_screen(after)
    window.post_screen(ASKED)
    entered = window.shell.check_in_presenter.current.entered
    finger.type(PIN)
    assert entered == 0
    assert calls.named("enter_pin") == [PIN]


def test_a_card_that_is_shown_at_the_pad_empties_it(open_window: OpenWindow, calls: Calls) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    finger = Finger(window)
    finger.type("999")
    window.post_screen(AskPin(PinPurpose.CARD))
    finger.type(PIN)
    assert calls.named("enter_pin") == [PIN]


def test_another_language_keeps_what_was_typed(open_window: OpenWindow, calls: Calls) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    finger = Finger(window)
    finger.type(PIN[:3])
    window.post_rules(ShellRules("ar", ZoneInfo("UTC"), 5.0))
    finger.type(PIN[3:])
    assert window.shell.check_in_presenter.current.title == "أدخل رقمك السري"
    assert calls.named("enter_pin") == [PIN]


@pytest.mark.parametrize(("button", "is_yes"), [("nameYes", True), ("nameNo", False)])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_question_for_the_name_is_answered_once(
    open_window: OpenWindow, calls: Calls, language: str, button: str, *, is_yes: bool
) -> None:
    window = open_window(still(language))
    window.post_screen(ConfirmName("Amina K."))
    tap(window, button)
    tap(window, "nameYes")
    assert calls.made == [("answer_name", is_yes)]


@pytest.mark.parametrize(
    ("screen", "pin", "teacher"),
    [
        (READY, "pin", "teacher"),
        (NotRecognised(ways=WAYS), "way-pin", "way-teacher"),
        (CodeRefused(CodeProblem.EXPIRED, WAYS), "way-pin", "way-teacher"),
    ],
    ids=["ready", "not-recognised", "refused"],
)
@pytest.mark.parametrize("language", ["en", "ar"])
def test_every_way_is_opened_from_where_it_is_offered(
    open_window: OpenWindow, calls: Calls, language: str, screen: Screen, pin: str, teacher: str
) -> None:
    window = open_window(still(language))
    window.post_screen(screen)
    tap(window, pin)
    tap(window, teacher)
    assert calls.made == [("open_pin", None), ("open_roll_call", None)]


def test_the_ways_stay_while_a_person_stands_before_the_camera(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(READY)
    window.post_screen(Looking(0.5))
    tap(window, "pin")
    tap(window, "teacher")
    assert calls.made == [("open_pin", None), ("open_roll_call", None)]


def test_what_is_shown_to_the_camera_is_no_button(open_window: OpenWindow, calls: Calls) -> None:
    window = open_window(still())
    window.post_screen(NotRecognised(ways=WAYS))
    tap(window, "way-show")
    assert calls.made == []


def test_a_way_that_does_not_exist_is_not_offered(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(READY)
    offered = []
    for screen in (
        Ready("Room 12", LESSON),
        NotRecognised(),
        CodeRefused(CodeProblem.USED),
        Ready("Room 12", LESSON, (Fallback.QR,)),
    ):
        window.post_screen(screen)
        buttons = ("pin", "teacher", "way-pin", "way-teacher", "way-show")
        offered += [button for button in buttons if find(window, button) is not None]
    assert offered == []


def test_a_tap_where_a_key_was_does_nothing_on_the_next_screen(
    open_window: OpenWindow, calls: Calls
) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    key = find(window, "pin-6")
    assert key is not None
    middle = middle_of(key)
    window.post_screen(READY)
    QCoreApplication.processEvents()
    tap_at(window, middle)
    assert calls.made == []


def test_no_ways_are_offered_to_a_person_who_proves_to_be_alive(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(READY)
    window.post_screen(ProveAlive(Motion.BLINK))
    assert find(window, "pin") is None


def test_a_card_reader_types_nothing_into_the_pad(open_window: OpenWindow, calls: Calls) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    QCoreApplication.processEvents()
    for digit in PIN:
        QTest.keyClick(window.view, Qt.Key(ord(digit)))
    QTest.keyClick(window.view, Qt.Key.Key_Return)
    assert calls.made == []
    assert window.shell.check_in_presenter.current.entered == 0
