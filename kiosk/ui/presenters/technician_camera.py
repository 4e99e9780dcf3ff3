"""How the camera's picture is turned, on the technician screen."""

from dataclasses import dataclass

from PySide6.QtCore import Signal, Slot

from kiosk.domain.camera_turn import TURNS_DEG, CameraChoice, CameraTurn, TurnKeeping
from kiosk.domain.health import CameraMounting, Health
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter


@dataclass(frozen=True, slots=True)
class TurnItem:
    """One way to turn the picture."""

    rotation_deg: int
    label: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class CameraTurnView:
    """What is shown.

    Attributes:
        is_open: it is in front of the technician screen.
        how: what to do.
        advice: which turn the kiosk would choose; empty where it knows of none.
        message: whether the choice is kept.
        is_bad: the message is about a failure.
        is_swapped: left and right are swapped.
        can_reset: the choice is not what the settings say.
    """

    is_open: bool = False
    title: str = ""
    how: str = ""
    advice: str = ""
    message: str = ""
    is_bad: bool = False
    items: tuple[TurnItem, ...] = ()
    swap: str = ""
    is_swapped: bool = False
    reset: str = ""
    can_reset: bool = False
    back: str = ""


class CameraTurnPresenter(ViewPresenter[CameraTurnView]):
    """Lets a technician turn and mirror the picture; each tap counts at once.

    Signals:
        choice_wanted: how pictures are turned now must be shown.
        turn_wanted: pictures must be turned like this (CameraTurn).
        reset_wanted: pictures must be turned as the settings say.
        touched: a button was pressed.
    """

    choice_wanted = Signal()
    turn_wanted = Signal(object)
    reset_wanted = Signal()
    touched = Signal()

    def __init__(self, words: Catalogue) -> None:
        super().__init__(CameraTurnView(), words)
        self._choice = CameraChoice()
        self._mounting = CameraMounting()
        self._is_open = False

    @Slot()
    def open(self) -> None:
        """Show the picture and the buttons."""
        self._is_open = True
        self._touch()
        self.choice_wanted.emit()

    @Slot()
    def leave(self) -> None:
        """Go back to the technician screen."""
        if self._is_open:
            self._is_open = False
            self._draw()

    @Slot(int)
    def turn(self, rotation_deg: int) -> None:
        """Turn the picture by this, clockwise as people see it before the mirror."""
        if self._is_open and rotation_deg in TURNS_DEG:
            self._want(CameraTurn(rotation_deg, self._choice.turn.is_mirrored))

    @Slot()
    def swap(self) -> None:
        """Swap left and right of the picture on the screen."""
        if self._is_open:
            self._want(self._choice.turn.swapped())

    @Slot()
    def reset(self) -> None:
        """Turn pictures as the settings say."""
        if self.current.can_reset:
            self._touch()
            self.reset_wanted.emit()

    def show(self, choice: CameraChoice) -> None:
        """Show how pictures are turned now."""
        self._choice = choice
        self._draw()

    def show_health(self, health: Health) -> None:
        """Show which turn the kiosk would choose."""
        self._mounting = health.mounting
        self._draw()

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self._draw()

    def _want(self, turn: CameraTurn) -> None:
        self._touch()
        if turn != self._choice.turn:
            self.turn_wanted.emit(turn)

    def _touch(self) -> None:
        self.touched.emit()
        self._draw()

    def _draw(self) -> None:
        if not self._is_open:
            self.replace(CameraTurnView())
            return
        words, choice = self._words, self._choice
        self.replace(
            CameraTurnView(
                is_open=True,
                title=words("turn.title"),
                how=words("turn.how"),
                advice=self._advice(),
                message=words(f"turn.keeping.{choice.keeping.value}"),
                is_bad=choice.keeping is TurnKeeping.FAILED,
                items=tuple(self._item(deg) for deg in TURNS_DEG),
                swap=words("turn.swap"),
                is_swapped=choice.turn.is_mirrored,
                reset=words("turn.reset"),
                can_reset=choice.turn != choice.settings,
                back=words("pin.back"),
            )
        )

    def _advice(self) -> str:
        """Say it until it is followed; what the kiosk saw before that is old."""
        wanted_deg = self._mounting.rotation_deg
        if not self._mounting.fault or wanted_deg == self._choice.turn.rotation_deg:
            return ""
        return self._words("turn.advice", deg=_degrees(wanted_deg))

    def _item(self, rotation_deg: int) -> TurnItem:
        is_chosen = rotation_deg == self._choice.turn.rotation_deg
        return TurnItem(rotation_deg, _degrees(rotation_deg), is_chosen)


def _degrees(rotation_deg: int) -> str:
    return f"{rotation_deg}°"
