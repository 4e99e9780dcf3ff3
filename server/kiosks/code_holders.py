"""Whether a device has a claim code that works, and what a wrong one leads to."""

from fastapi import Request

from protocol.v1.trust import ClaimCodeError, typed_claim_code
from server.audit.service import SYSTEM, record
from server.db.types import now
from server.errors import ForbiddenError, ServerError, TooManyAttemptsError
from server.kiosks import claiming
from server.web.state import Services

SCHEME = "Claim"


class ClaimCodeRefusedError(ForbiddenError):
    """The claim code does not work; which of the ways it fails in is nobody's business."""

    code = "claim_refused"
    default_message = "This claim code does not work. Ask for a new one."


def require_claim_code(request: Request, services: Services) -> None:
    """Refuse a device without a claim code that works; the code stays as it is.

    Wrong codes count as they do at a claim, so this is no other way to guess one.

    Raises:
        ClaimCodeRefusedError: there is none, or it does not work.
        TooManyAttemptsError: too many wrong ones came from its address.
    """
    scheme, _, typed = request.headers.get("authorization", "").partition(" ")
    try:
        code = typed_claim_code(typed)
    except ClaimCodeError:
        raise ClaimCodeRefusedError from None
    if scheme != SCHEME:
        raise ClaimCodeRefusedError
    with services.database.reading() as db:
        is_known = claiming.is_open(db, code, services.claim_guesses, now())
    if not is_known:
        raise note_wrong_code(request, services)


def note_wrong_code(request: Request, services: Services) -> ServerError:
    """Count a wrong claim code; returns what its device is told."""
    address = request.client.host if request.client else "unknown"
    wrong = services.claim_guesses.note(address, now())
    if wrong.untold:  # not each one: guessing must not fill the audit trail
        details = {"guesses": wrong.untold}
        with services.database.transaction() as db:
            record(db, actor=SYSTEM, action="kiosk.claim_refused", subject="kiosk", details=details)
    if wrong.wait_until is not None:
        return TooManyAttemptsError(until=wrong.wait_until.isoformat())
    return ClaimCodeRefusedError()
