from datetime import UTC, datetime

import pytest
from pytestqt.qtbot import QtBot

from kiosk.domain.screens import Welcome
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.welcome import WelcomePresenter
from protocol.v1.messages import ArrivalStatus

AT = datetime(2026, 11, 23, 8, 6, tzinfo=UTC)
MARK = Welcome("Ana L.", ArrivalStatus.PRESENT)


class Seconds:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def presenter(words: Catalogue, clock: Seconds, qtbot: QtBot) -> WelcomePresenter:
    made = WelcomePresenter(words, monotonic_s=clock, undo_s=5.0)
    made.show(MARK, AT)
    return made


def test_not_me_counts_while_it_is_offered(
    presenter: WelcomePresenter, clock: Seconds, qtbot: QtBot
) -> None:
    clock.now_s += 4.9
    with qtbot.waitSignal(presenter.not_me_tapped, timeout=0):
        presenter.undo()


def test_not_me_counts_no_more_afterwards(
    presenter: WelcomePresenter, clock: Seconds, qtbot: QtBot
) -> None:
    clock.now_s += 5.0
    with qtbot.assertNotEmitted(presenter.not_me_tapped):
        presenter.undo()


def test_not_me_counts_once(presenter: WelcomePresenter, qtbot: QtBot) -> None:
    presenter.undo()
    with qtbot.assertNotEmitted(presenter.not_me_tapped):
        presenter.undo()


def test_the_offer_shrinks_and_then_goes(presenter: WelcomePresenter, clock: Seconds) -> None:
    remaining = []
    for _ in range(6):
        presenter.tick()
        remaining.append((presenter.current.remaining, presenter.current.can_undo))
        clock.now_s += 1.0
    assert remaining == [
        (1.0, True), (0.8, True), (0.6, True), (0.4, True), (0.2, True), (0.0, False),
    ]  # fmt: skip


def test_the_next_person_gets_the_whole_time(
    presenter: WelcomePresenter, clock: Seconds, qtbot: QtBot
) -> None:
    clock.now_s += 4.0
    presenter.show(Welcome("Ben M.", ArrivalStatus.PRESENT), AT)
    clock.now_s += 4.0
    with qtbot.waitSignal(presenter.not_me_tapped, timeout=0):
        presenter.undo()


def test_a_repeat_cannot_be_undone(presenter: WelcomePresenter, qtbot: QtBot) -> None:
    presenter.show(Welcome("Ana L.", ArrivalStatus.PRESENT, can_undo=False), AT)
    with qtbot.assertNotEmitted(presenter.not_me_tapped):
        presenter.undo()
