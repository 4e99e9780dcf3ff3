"""What the window reports of the acceptance test."""

from collections.abc import Callable
from dataclasses import dataclass


def _ignore(*_arguments: object) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class CommissioningCallbacks:
    """What a technician does; called in the GUI thread, must return at once.

    Attributes:
        begin: the test was opened.
        leave: it was closed.
        run: the current step must be tested.
        skip: it is left out, for this reason.
        go_on: the next step is wanted.
        finish: the report must be signed and sent.
        start_again: the results so far are thrown away.
    """

    begin: Callable[[], None] = _ignore
    leave: Callable[[], None] = _ignore
    run: Callable[[], None] = _ignore
    skip: Callable[[str], None] = _ignore
    go_on: Callable[[], None] = _ignore
    finish: Callable[[], None] = _ignore
    start_again: Callable[[], None] = _ignore
