"""Check-in without a face: the PIN pad, and the question whether a name is the person's."""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Signal, Slot

from kiosk.domain.screens import AskPin, CodeProblem, ConfirmName, PinPurpose
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter
from kiosk.ui.presenters.ways import icon_of, things_to_show
from protocol.v1.checkin import PIN_DIGITS
from protocol.v1.messages import Fallback

_KEYS = "0123456789"
_WITH_REMEDY = frozenset(
    {
        CodeProblem.EXPIRED,
        CodeProblem.USED,
        CodeProblem.FOREIGN,
        CodeProblem.CLOCK,
        CodeProblem.OTHER_PERSON,
        CodeProblem.NOT_SAVED,
    }
)
"""Problems whose remedy is not plain from the pad itself."""
_CARD_FIRST = defaultdict(lambda: "card_first", {PinPurpose.UNSURE: "card_first_unsure"})
"""Words of a pad that takes no PIN before a card, by its purpose."""


@dataclass(frozen=True, slots=True)
class CheckInView:
    """What the pad and the question say; the digits themselves are never part of it.

    Attributes:
        entered: how many digits were typed, 0..digits.
        busy: no digit is taken now: a PIN is being checked, or the next try must wait.
        aims: whether the camera's picture helps to aim a QR.
        name: of the person who is asked; empty while a PIN is asked for.
    """

    title: str = ""
    body: str = ""
    hint: str = ""
    hint_icon: str = ""
    message: str = ""
    wait: str = ""
    entered: int = 0
    digits: int = PIN_DIGITS
    busy: bool = False
    aims: bool = False
    back: str = ""
    name: str = ""
    question: str = ""
    yes: str = ""
    no: str = ""


class CheckInPresenter(ViewPresenter[CheckInView]):
    """Takes a PIN digit by digit and forgets it as soon as it is entered or the screen goes.

    Signals:
        pin_opened: "PIN" was tapped.
        roll_call_opened: "Teacher" was tapped.
        pin_entered: six digits (str).
        touched: a key was pressed, or the roll-call was moved.
        name_answered: whether the name is the person's (bool).
        student_tapped: a row of the roll-call: the person's id, and its mark then (str, str).
        closed: the pad or the roll-call was left.
    """

    pin_opened = Signal()
    roll_call_opened = Signal()
    pin_entered = Signal(str)
    touched = Signal()
    name_answered = Signal(bool)
    student_tapped = Signal(str, str)
    closed = Signal()

    def __init__(self, words: Catalogue, *, monotonic_s: Callable[[], float]) -> None:
        super().__init__(CheckInView(), words)
        self._monotonic_s = monotonic_s
        self._screen: AskPin | ConfirmName | None = None
        self._pin = ""
        self._is_sent = False
        self._free_at_s = 0.0

    def show(self, screen: AskPin | ConfirmName) -> None:
        """Show this state; another try or purpose empties the pad."""
        before, self._screen = self._screen, screen
        if isinstance(screen, AskPin) and screen != before:
            self._begin(screen, before)
        elif isinstance(screen, ConfirmName) and not _is_same_name(screen, before):
            self._forget()
        self._draw()

    def leave(self) -> None:
        """Forget what was typed and shown: another screen is there."""
        self._screen = None
        self._forget()
        self.replace(CheckInView())

    def tick(self) -> None:
        """Let time pass: the wait counts down."""
        if self.current.wait:
            self._draw()

    @Slot()
    def open_pin(self) -> None:
        """Ask for the PIN pad."""
        self.pin_opened.emit()

    @Slot()
    def open_roll_call(self) -> None:
        """Ask for the roll-call."""
        self.roll_call_opened.emit()

    @Slot(str)
    def press(self, digit: str) -> None:
        """Take a digit; the sixth enters the PIN."""
        is_digit = len(digit) == 1 and digit in _KEYS
        if not is_digit or not isinstance(self._screen, AskPin) or self._is_busy():
            return
        self._pin += digit
        self.touched.emit()
        if len(self._pin) < PIN_DIGITS:
            self._draw()
            return
        pin, self._pin, self._is_sent = self._pin, "", True
        self._draw()
        self.pin_entered.emit(pin)

    @Slot()
    def erase(self) -> None:
        """Take the last digit back."""
        if self._pin:
            self._pin = self._pin[:-1]
            self.touched.emit()
            self._draw()

    @Slot(bool)
    def answer(self, is_yes: bool) -> None:
        """Say whether the name is the person's, once."""
        if isinstance(self._screen, ConfirmName) and not self._is_sent:
            self._is_sent = True
            self.name_answered.emit(is_yes)

    @Slot()
    def touch(self) -> None:
        """Say that the screen is in use."""
        self.touched.emit()

    @Slot()
    def close(self) -> None:
        """Leave the pad or the roll-call."""
        self._pin = ""
        self._draw()
        self.closed.emit()

    def _begin(self, screen: AskPin, before: AskPin | ConfirmName | None) -> None:
        is_same_try = (
            isinstance(before, AskPin)
            and (before.purpose, before.attempt) == (screen.purpose, screen.attempt)
            and not self._is_sent
        )
        if not is_same_try:
            self._forget()
        self._free_at_s = self._monotonic_s() + screen.wait_s

    def _forget(self) -> None:
        self._pin = ""
        self._is_sent = False

    def _wait_s(self) -> int:
        return max(0, math.ceil(self._free_at_s - self._monotonic_s()))

    def _is_busy(self) -> bool:
        takes_pin = isinstance(self._screen, AskPin) and self._screen.takes_pin
        return self._is_sent or self._wait_s() > 0 or not takes_pin

    def _draw(self) -> None:
        if isinstance(self._screen, AskPin):
            self.replace(self._pad(self._screen))
        elif isinstance(self._screen, ConfirmName):
            self.replace(self._question(self._screen))

    def _pad(self, screen: AskPin) -> CheckInView:
        words, wait_s = self._words, self._wait_s()
        purpose = screen.purpose.value if screen.takes_pin else _CARD_FIRST[screen.purpose]
        things = things_to_show(screen.ways)
        problem = screen.problem
        has_hint = bool(things) and (screen.takes_pin or Fallback.QR in screen.ways)
        return CheckInView(
            title=words(f"pin.{purpose}"),
            body=words(f"pin.{purpose}.body"),
            hint=words(f"ways.{'or' if screen.takes_pin else 'show'}.{things}") if has_hint else "",
            hint_icon=icon_of(things) if has_hint else "",
            message=_message(problem, words) if problem is not None else "",
            wait=words.count("pin.wait", wait_s) if wait_s else "",
            entered=PIN_DIGITS if self._is_sent else len(self._pin),
            busy=self._is_busy(),
            aims=Fallback.QR in screen.ways,
            back=words("pin.back"),
        )

    def _question(self, screen: ConfirmName) -> CheckInView:
        words = self._words
        return CheckInView(
            body=words("name.busy" if screen.is_busy else "name.body"),
            name=screen.display_name,
            question=words("name.question"),
            yes=words("name.yes"),
            no=words("name.no"),
        )


def _is_same_name(screen: ConfirmName, before: AskPin | ConfirmName | None) -> bool:
    return isinstance(before, ConfirmName) and before.display_name == screen.display_name


def _message(problem: CodeProblem, words: Catalogue) -> str:
    said = words(f"problem.{problem.value}")
    if problem not in _WITH_REMEDY:
        return said
    return f"{said}. {words(f'problem.{problem.value}.body')}"
