"""The one button for leaving and staying, from the tap to the next screen."""

import pytest
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest

from kiosk.domain.screens import Screen, Welcome
from kiosk.ui.shell import KioskWindow, ShellCallbacks
from protocol.v1.messages import Direction
from tests.ui.kiosk.legible import faults_of_texts
from tests.ui.kiosk.windows import (
    LEAVING,
    NOW,
    WELL,
    OpenWindow,
    Seconds,
    Touched,
    still,
    visible_items,
)
from tests.unit.kiosk.domain.door import Door
from tests.unit.kiosk.domain.test_direction import LEAVING_MIN, asking

SHAPES = [(language, size) for language in ("en", "ar") for size in ((800, 480), (1080, 1920))]


def tap(window: KioskWindow, name: str) -> None:
    QCoreApplication.processEvents()
    item = next(one for one in visible_items(window.view.contentItem()) if one.objectName() == name)
    middle = item.mapToScene(item.boundingRect().center()).toPoint()
    QTest.mouseClick(window.view, Qt.MouseButton.LeftButton, pos=middle)


def names(window: KioskWindow) -> set[str]:
    QCoreApplication.processEvents()
    return {one.objectName() for one in visible_items(window.view.contentItem())}


@pytest.mark.parametrize(("language", "size"), SHAPES)
@pytest.mark.parametrize("name", LEAVING)
def test_every_text_is_legible_beside_two_buttons(
    open_window: OpenWindow, name: str, language: str, size: tuple[int, int]
) -> None:
    window = open_window(still(language, size))
    window.post_screen(LEAVING[name])
    assert faults_of_texts(window, "Maximiliane-Antoinette W.") == []
    screen = LEAVING[name]
    assert isinstance(screen, Welcome)
    assert ("direction" in names(window)) == (screen.offers is not None)
    assert ("notMe" in names(window)) == screen.can_undo


def test_a_tap_reaches_the_kiosk_once(open_window: OpenWindow, touched: Touched) -> None:
    window = open_window(still())
    window.post_screen(LEAVING["goodbye"])
    tap(window, "direction")
    window.shell.welcome_presenter.change_direction()
    window.shell.welcome_presenter.undo()
    assert (len(touched.directions), touched.not_me_count) == (1, 0)


def test_not_me_takes_the_other_button_away(open_window: OpenWindow, touched: Touched) -> None:
    window = open_window(still())
    window.post_screen(LEAVING["goodbye"])
    tap(window, "notMe")
    window.shell.welcome_presenter.change_direction()
    assert (len(touched.directions), touched.not_me_count) == (0, 1)


def test_the_button_outlives_not_me_on_the_same_screen(
    open_window: OpenWindow, clock: Seconds
) -> None:
    window = open_window(still())
    window.post_screen(LEAVING["goodbye"])
    clock.now_s += 5.1
    window.shell.tick()
    assert {"direction", "notMe"} & names(window) == {"direction"}


@pytest.mark.usefixtures("qtbot")
def test_a_tap_is_on_disk_before_the_screen_says_goodbye_and_staying() -> None:
    door = Door(asking())
    shown: list[tuple[int, Screen]] = []

    def change(answer_id: str) -> None:
        screen = door.attendant.change_direction(answer_id)
        shown.append((len(door.outbox.drafts), screen))
        window.post_screen(screen)

    callbacks = ShellCallbacks(lambda _id: None, lambda _code: None, on_direction=change)
    window = KioskWindow(still(), callbacks, now=lambda: NOW, monotonic_s=Seconds())
    window.show()
    window.post_health(WELL)
    door.comes("p1")
    door.later(60)
    window.post_screen(door.comes("p1"))
    said = [window.shell.welcome_presenter.current.direction]
    tap(window, "direction")
    said.append(window.shell.welcome_presenter.current.greeting)
    said.append(window.shell.welcome_presenter.current.direction)
    tap(window, "direction")
    said.append(window.shell.welcome_presenter.current.greeting)
    buttons = names(window)
    window.close()

    assert said == ["I am leaving now", "Goodbye", "I am staying", "You are staying"]
    assert "direction" not in buttons
    assert [count for count, _screen in shown] == [2, 3]
    assert [one.direction for one in door.outbox.drafts] == [
        Direction.IN,
        Direction.OUT,
        Direction.IN,
    ]


def test_a_check_in_in_leaving_time_says_goodbye(open_window: OpenWindow) -> None:
    window = open_window(still())
    window.post_screen(Door(asking(), minutes=LEAVING_MIN).comes("p1"))
    view = window.shell.welcome_presenter.current
    assert (view.greeting, view.status, view.direction) == (
        "Goodbye",
        "Late by 35 minutes",
        "I am staying",
    )
