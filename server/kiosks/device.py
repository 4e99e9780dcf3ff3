"""The guard of the device API: `Authorization: Device <token>`."""

import logging
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.exc import OperationalError

from server.db.dependencies import get_database
from server.db.engine import Database
from server.db.types import now
from server.errors import NotSignedInError
from server.kiosks.claiming import is_unheard, kiosk_by_token, token_digest
from server.kiosks.claims import ended_claim, revocation_of
from server.kiosks.presence import needs_touch, touch
from server.kiosks.tables import Kiosk, KioskClaim
from server.web.access import access_guard
from server.web.state import get_services

_logger = logging.getLogger(__name__)

SCHEME = "Device"
_LONGEST_TOKEN = 200


class UnknownDeviceError(NotSignedInError):
    """The device token is missing, or no token that this server ever gave and still knows of.

    A kiosk takes it as a temporary fault: the server may work on an older database.
    """

    code = "unknown_device"
    default_message = "This server does not know this device. Claim it again if this continues."


class RevokedDeviceError(NotSignedInError):
    """The token's claim has ended; the signed statement of it stands beside the error."""

    code = "revoked"
    default_message = "The claim of this device has ended. Make a new claim code to use it again."


@access_guard
def current_kiosk(request: Request) -> Kiosk:
    """The kiosk behind a request, looked up once; notes now and then that it was heard of.

    Raises:
        UnknownDeviceError: no token, or one that this server does not know.
        RevokedDeviceError: the kiosk was revoked, or claimed again since.
    """
    if not hasattr(request.state, "kiosk"):
        request.state.kiosk = _look_up(request, get_database(request))
    kiosk: Kiosk = request.state.kiosk
    return kiosk


def _look_up(request: Request, database: Database) -> Kiosk:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != SCHEME or not 0 < len(token) <= _LONGEST_TOKEN:
        raise UnknownDeviceError
    at = now()
    with database.reading() as db:
        kiosk = kiosk_by_token(db, token)
        ended = None if kiosk else ended_claim(db, token_digest(token))
    if kiosk is None:
        raise _refusal(request, ended)
    if is_unheard(kiosk):
        # Until this is noted, a recorded claim could be used again.
        _note_heard(database, kiosk, at, wait_s=None)
    elif needs_touch(kiosk, at):
        try:
            _note_heard(database, kiosk, at, wait_s=0.0)
        except OperationalError as exc:
            # The next request notes it: nobody waits in line just to be called online.
            _logger.debug("kiosk heard, not noted: %s", type(exc).__name__)
    return kiosk


def _note_heard(database: Database, kiosk: Kiosk, at: datetime, *, wait_s: float | None) -> None:
    with database.transaction(wait_s) as db:
        touch(db, kiosk.id, at)


def _refusal(request: Request, ended: KioskClaim | None) -> NotSignedInError:
    """Say with a signature that a claim has ended; without one, it proves nothing to a kiosk."""
    services = get_services(request)
    key = services.answer_key
    if ended is not None and key is not None:
        error = RevokedDeviceError()
        error.beside = {"revocation": revocation_of(ended, key).model_dump(mode="json")}
        return error
    if ended is None:
        address = request.client.host if request.client else "unknown"
        services.strangers.note(address, now())
    return UnknownDeviceError()


DeviceDep = Annotated[Kiosk, Depends(current_kiosk)]
