"""Whether the code of a phone counts at this kiosk, and that it counts once."""

from datetime import timedelta

from kiosk.domain.clock import Clock
from kiosk.domain.credentials import CredentialBook
from kiosk.domain.ports import UsedCodes
from kiosk.domain.screens import CodeProblem
from kiosk.errors import StorageError
from protocol.v1.checkin import CODE_LIFETIME, CODE_TOLERANCE, CheckInCode


def problem_of(
    code: CheckInCode, clock: Clock, book: CredentialBook, used: UsedCodes | None
) -> CodeProblem | None:
    """Return why a code does not count.

    Args:
        code: whose signature was verified.
        clock: of the kiosk.
        book: names codes that other kiosks accepted.
        used: codes that this kiosk accepted; None: it accepts none.
    """
    reading = clock.reading()
    if not reading.is_trusted:
        return CodeProblem.CLOCK
    if not code.is_valid_at(reading.best_at):
        return CodeProblem.EXPIRED
    if code.code_id in book.used_codes or used is None:
        return CodeProblem.USED
    return None


def use_up(code: CheckInCode, used: UsedCodes | None) -> CodeProblem | None:
    """Note on disk that a code was used; it counts once."""
    if used is None:
        return CodeProblem.USED
    until = code.issued_at + CODE_LIFETIME + CODE_TOLERANCE + timedelta(minutes=1)
    try:
        return None if used.use(code.code_id, until) else CodeProblem.USED
    except StorageError:
        return CodeProblem.NOT_SAVED
