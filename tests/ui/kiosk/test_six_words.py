"""A person compares six words on the screen before the claim code is sent."""

from dataclasses import replace

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.domain.screens import SettingUp, SetupStage
from kiosk.ui.shell import KioskWindow
from tests.ui.kiosk.test_window import find, tap
from tests.ui.kiosk.windows import LONG_WORDS, SCREENS, WELL, OpenWindow, Touched, still

ASKED = SettingUp(SetupStage.COMPARE_WORDS, words=LONG_WORDS)


def shown_at(window: KioskWindow, number: int) -> str:
    item = find(window, f"word{number}")
    assert item is not None
    return str(item.property("text"))


@pytest.mark.parametrize(("button", "expected"), [("wordsYes", True), ("wordsNo", False)])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_answer_is_given_once(
    open_window: OpenWindow, touched: Touched, language: str, button: str, *, expected: bool
) -> None:
    window = open_window(still(language))
    window.post_screen(ASKED)
    shown = [shown_at(window, number) for number in range(6)]
    tap(window, button)

    assert shown == list(LONG_WORDS)
    assert touched.words == [expected]
    assert find(window, "wordsYes") is None


def test_there_is_no_keypad_while_words_are_compared(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(ASKED)

    assert find(window, "keyA") is None


def test_the_keypad_is_back_after_a_no(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(ASKED)
    window.post_screen(SettingUp(SetupStage.WORDS_DIFFER))

    assert find(window, "keyA") is not None
    assert "not sent" in window.shell.claim_presenter.current.message


def test_a_kiosk_at_work_asks_in_front_of_what_goes_on(
    open_window: OpenWindow, touched: Touched
) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    window.post_health(replace(WELL, server=LinkHealth.UNKNOWN_KIOSK))
    find(window, "")
    window.shell.open_claim()
    window.post_claim_stage(ASKED)
    tap(window, "wordsYes")
    tap(window, "back")

    assert touched.words == [True]
    assert touched.claims_open == [True, False]
    assert window.shell.screen == "ready"
