"""What the window reports of check-in without a face and of the roll-call."""

from collections.abc import Callable
from dataclasses import dataclass


def _ignore(*_arguments: object) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class CheckInCallbacks:
    """What people do without their face; called in the GUI thread, must return at once.

    Attributes:
        open_pin: "PIN" was tapped.
        open_roll_call: "Teacher" was tapped.
        enter_pin: six digits were typed.
        touch: a key was pressed or the list was moved; the screen is in use.
        answer_name: whether the name on screen is the person's.
        tap_student: a row of the roll-call was tapped; id of the person, and the row's mark.
        close: the pad or the roll-call was left.
        swipe: a line that a card reader typed.
    """

    open_pin: Callable[[], None] = _ignore
    open_roll_call: Callable[[], None] = _ignore
    enter_pin: Callable[[str], None] = _ignore
    touch: Callable[[], None] = _ignore
    answer_name: Callable[[bool], None] = _ignore
    tap_student: Callable[[str, str], None] = _ignore
    close: Callable[[], None] = _ignore
    swipe: Callable[[str], None] = _ignore
