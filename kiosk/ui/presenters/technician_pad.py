"""The PIN pad in front of the technician screen."""

from PySide6.QtCore import Signal, Slot

from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.check_in import CheckInView
from kiosk.ui.presenters.view import ViewPresenter
from protocol.v1.checkin import PIN_DIGITS

_KEYS = "0123456789"
_COMMAND = "rollcall-kiosk\u00a0status"


class TechnicianPad(ViewPresenter[CheckInView]):
    """Takes six digits and forgets them as soon as they are entered or the pad goes.

    Signals:
        pin_entered: six digits (str).
        touched: a key was pressed.
        closed: "Back" was tapped.
    """

    pin_entered = Signal(str)
    touched = Signal()
    closed = Signal()

    def __init__(self, words: Catalogue) -> None:
        super().__init__(CheckInView(), words)
        self._pin = ""
        self._wait_s = 0
        self._is_wrong = False

    def show(self, *, wait_s: int, is_wrong: bool) -> None:
        """Ask for the PIN, or for a wait of whole seconds after wrong ones."""
        self._wait_s, self._is_wrong = wait_s, is_wrong
        self._draw()

    def leave(self) -> None:
        """Forget what was typed."""
        self._pin = ""
        self.replace(CheckInView())

    @Slot(str)
    def press(self, digit: str) -> None:
        """Take a digit; the sixth enters the PIN."""
        if len(digit) != 1 or digit not in _KEYS or self._wait_s:
            return
        self._pin += digit
        self.touched.emit()
        if len(self._pin) < PIN_DIGITS:
            self._draw()
            return
        pin, self._pin = self._pin, ""
        self.pin_entered.emit(pin)

    @Slot()
    def erase(self) -> None:
        """Take the last digit back."""
        self._pin = self._pin[:-1]
        self.touched.emit()
        self._draw()

    @Slot()
    def close(self) -> None:
        """Leave the pad."""
        self.closed.emit()

    def _draw(self) -> None:
        words = self._words
        self.replace(
            CheckInView(
                title=words("tech.pin"),
                body=words("tech.pin.body", command=_COMMAND),
                message=words("problem.wrong_pin") if self._is_wrong else "",
                wait=words.count("pin.wait", self._wait_s) if self._wait_s else "",
                entered=len(self._pin),
                busy=self._wait_s > 0,
                back=words("pin.back"),
            )
        )
