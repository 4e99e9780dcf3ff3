"""The guard of the device API: `Authorization: Device <token>`."""

from typing import Annotated

from fastapi import Depends, Request

from server.db.dependencies import get_database
from server.db.engine import Database
from server.db.types import now
from server.errors import NotSignedInError
from server.kiosks.claiming import is_unheard, kiosk_by_token
from server.kiosks.service import needs_touch
from server.kiosks.tables import Kiosk
from server.web.access import access_guard

SCHEME = "Device"
_LONGEST_TOKEN = 200


class UnknownDeviceError(NotSignedInError):
    """The device token is missing, wrong, or was revoked."""

    code = "unknown_device"
    default_message = "This device is not known here, or was revoked. Claim it again."


@access_guard
def current_kiosk(request: Request) -> Kiosk:
    """The kiosk behind a request, looked up once; notes now and then that it was heard of.

    Raises:
        UnknownDeviceError: no token, a wrong one, or one of a revoked kiosk.
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
    if kiosk is None:
        raise UnknownDeviceError
    if needs_touch(kiosk, at) or is_unheard(kiosk):
        with database.transaction() as db:
            fresh = db.get(Kiosk, kiosk.id)
            if fresh is not None:
                fresh.last_seen_at = at
                db.add(fresh)
    return kiosk


DeviceDep = Annotated[Kiosk, Depends(current_kiosk)]
