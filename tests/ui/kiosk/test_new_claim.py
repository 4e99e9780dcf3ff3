"""A kiosk that its server does not know takes a new claim code while it goes on working."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QCoreApplication, QPointF

from kiosk.domain.health import LinkHealth
from kiosk.domain.screens import SettingUp, SetupStage
from kiosk.ui.shell import KioskWindow
from tests.ui.kiosk.test_window import find, tap, tap_at
from tests.ui.kiosk.windows import SCREENS, WELL, OpenWindow, Seconds, Touched, still

UNKNOWN = replace(WELL, server=LinkHealth.UNKNOWN_KIOSK)


def tap_strip(window: KioskWindow) -> None:
    tap_at(window, QPointF(120, 460))


def test_a_new_claim_code_is_typed_while_the_kiosk_works(
    open_window: OpenWindow, touched: Touched
) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    window.post_health(UNKNOWN)
    tap_strip(window)
    for letter in "7KQ2M9TX":
        tap(window, f"key{letter}")
    tap(window, "connect")
    window.post_screen(SCREENS["welcome"])
    window.post_claim_stage(SettingUp(SetupStage.CLAIM_REFUSED))
    message = window.shell.claim_presenter.current.message
    tap(window, "back")

    assert touched.codes == ["7KQ2M9TX"]
    assert message == "This code is not valid or was used before. Ask for a new one."
    assert (window.shell.screen, find(window, "keyA")) == ("welcome", None)


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("size", [(800, 480), (480, 800)], ids=["landscape", "portrait"])
def test_back_leads_back_in_every_shape(
    open_window: OpenWindow, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    window.post_screen(SCREENS["ready"])
    window.post_health(UNKNOWN)
    QCoreApplication.processEvents()
    window.shell.open_claim()
    tap(window, "back")

    assert find(window, "keyA") is None


def test_the_strip_asks_for_no_code_while_the_server_knows_the_kiosk(
    open_window: OpenWindow,
) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    tap_strip(window)

    assert find(window, "keyA") is None


def test_a_code_that_nobody_types_gives_the_screen_back(
    open_window: OpenWindow, clock: Seconds
) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    window.post_health(UNKNOWN)
    tap_strip(window)
    clock.now_s += 59
    tap(window, "key7")
    clock.now_s += 59
    window.shell.tick()
    is_open = find(window, "keyA") is not None
    clock.now_s += 2
    window.shell.tick()

    assert is_open
    assert find(window, "keyA") is None


def test_the_end_of_a_claim_does_not_cover_a_kiosk_that_serves_people(
    open_window: OpenWindow,
) -> None:
    window = open_window(still())
    window.post_screen(SCREENS["ready"])
    window.post_claim_stage(SettingUp(SetupStage.SERVER_AWAY))

    assert window.shell.screen == "ready"
