"""From screen, camera and card reader to the attendant: what people do without their face."""

from collections.abc import Callable, Collection

from kiosk.app.attending import AttendantLoop
from kiosk.domain.screens import RollMark
from kiosk.ui.check_in_callbacks import CheckInCallbacks
from protocol.v1.messages import Fallback

_SCANNED = frozenset({Fallback.QR, Fallback.CARD, Fallback.CARD_ALONE})


def is_scanned(fallbacks: Collection[Fallback]) -> bool:
    """Say whether the camera looks for codes: QR on a phone, or a printed card."""
    return not _SCANNED.isdisjoint(fallbacks)


class CheckIn:
    """Passes on to the attendant's thread, once the door is open. From any thread."""

    def __init__(self) -> None:
        self._loop: AttendantLoop | None = None

    def use(self, loop: AttendantLoop) -> None:
        """Pass on to this attendant from now on."""
        self._loop = loop

    def callbacks(self) -> CheckInCallbacks:
        """Return what the window calls."""
        return CheckInCallbacks(
            open_pin=lambda: self._tell(lambda loop: loop.open_pin()),
            open_roll_call=lambda: self._tell(lambda loop: loop.open_roll_call()),
            enter_pin=lambda pin: self._tell(lambda loop: loop.enter_pin(pin)),
            touch=lambda: self._tell(lambda loop: loop.touch()),
            answer_name=lambda is_yes: self._tell(lambda loop: loop.answer_name(is_yes)),
            tap_student=lambda person, seen: self._tell(
                lambda loop: loop.tap_student(person, RollMark(seen))
            ),
            close=lambda: self._tell(lambda loop: loop.close()),
            swipe=lambda text: self._tell(lambda loop: loop.swipe(text)),
        )

    def scan(self, text: str) -> None:
        """Pass on the text of a code that the camera saw."""
        self._tell(lambda loop: loop.scan(text))

    def _tell(self, word: Callable[[AttendantLoop], None]) -> None:
        if self._loop is not None:
            word(self._loop)
