"""Turning the picture: what a tap asks for, and what is said of the choice."""

import pytest

from kiosk.domain.camera_turn import CameraChoice, CameraTurn, TurnKeeping
from kiosk.domain.health import CameraMounting, Health
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.technician_camera import CameraTurnPresenter


class Bench:
    """The page, and a kiosk that does what it asks for."""

    def __init__(self, words: Catalogue) -> None:
        self.page = CameraTurnPresenter(words)
        self.turns: list[CameraTurn] = []
        self.choice = CameraChoice()
        self.page.turn_wanted.connect(self.turn)
        self.page.reset_wanted.connect(lambda: self.turn(self.choice.settings))
        self.page.open()

    def turn(self, wanted: CameraTurn) -> None:
        self.turns.append(wanted)
        self.choice = CameraChoice(wanted, self.choice.settings, TurnKeeping.KEPT)
        self.page.show(self.choice)

    @property
    def chosen(self) -> list[int]:
        return [item.rotation_deg for item in self.page.current.items if item.is_chosen]


@pytest.fixture
def bench(words: Catalogue) -> Bench:
    return Bench(words)


def test_an_angle_is_asked_for_once_and_keeps_the_sides(bench: Bench) -> None:
    bench.page.swap()
    bench.page.turn(180)
    bench.page.turn(180)
    assert bench.turns == [CameraTurn(0, is_mirrored=True), CameraTurn(180, is_mirrored=True)]
    assert bench.chosen == [180]


def test_a_swap_of_a_picture_on_its_side_keeps_it_upright(bench: Bench) -> None:
    bench.page.turn(90)
    bench.page.swap()
    assert bench.turns[-1] == CameraTurn(270, is_mirrored=True)
    assert (bench.chosen, bench.page.current.is_swapped) == ([270], True)


def test_another_angle_is_refused(bench: Bench) -> None:
    bench.page.turn(45)
    assert bench.turns == []


def test_the_settings_can_be_used_again_only_where_they_are_not(bench: Bench) -> None:
    bench.page.reset()
    assert bench.turns == []
    bench.page.turn(90)
    bench.page.reset()
    assert bench.turns == [CameraTurn(90), CameraTurn()]
    assert not bench.page.current.can_reset


def test_what_the_kiosk_saw_is_said_until_it_is_followed(bench: Bench) -> None:
    bench.page.show_health(Health(mounting=CameraMounting(180, 180)))
    assert bench.page.current.advice == "The kiosk finds upright faces with 180°."
    bench.page.turn(180)
    assert bench.page.current.advice == ""


@pytest.mark.parametrize("keeping", list(TurnKeeping))
def test_each_outcome_has_its_words_in_every_language(
    words: Catalogue, arabic: Catalogue, keeping: TurnKeeping
) -> None:
    for catalogue in (words, arabic):
        page = CameraTurnPresenter(catalogue)
        page.open()
        page.show(CameraChoice(CameraTurn(90), CameraTurn(), keeping))
        assert page.current.message
        assert page.current.is_bad is (keeping is TurnKeeping.FAILED)


def test_nothing_is_turned_after_leaving(bench: Bench) -> None:
    bench.page.leave()
    bench.page.turn(90)
    bench.page.swap()
    bench.page.reset()
    assert bench.turns == []
    assert not bench.page.current.is_open
