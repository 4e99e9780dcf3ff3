"""Which kiosks should have an account on the broker, and with which password."""

import uuid
from collections.abc import Collection

from sqlmodel import Session, col, select

from server.db.vault import Vault
from server.errors import ForbiddenError, SealBrokenError
from server.kiosks.claiming import broker_password
from server.kiosks.tables import Kiosk, KioskState
from server.mqtt.accounts import BrokerAccount

#: Below the bound of variables in one statement.
_CHUNK = 500


def wanted_accounts(db: Session) -> dict[str, str]:
    """Return the kiosks that should have an account, with its generation."""
    query = select(Kiosk.id, Kiosk.generation).where(Kiosk.state == KioskState.CLAIMED)
    return {str(kiosk_id): str(number) for kiosk_id, number in db.exec(query)}


def read_accounts(db: Session, vault: Vault, kiosk_ids: Collection[str]) -> list[BrokerAccount]:
    """Return the accounts of kiosks, but of those whose password cannot be read or is gone."""
    keys = [uuid.UUID(one) for one in kiosk_ids]
    found = []
    for start in range(0, len(keys), _CHUNK):
        query = select(Kiosk).where(
            col(Kiosk.id).in_(keys[start : start + _CHUNK]), Kiosk.state == KioskState.CLAIMED
        )
        for kiosk in db.exec(query):
            try:
                password = broker_password(vault, kiosk)
            except (SealBrokenError, ForbiddenError):
                continue  # the vault has logged it, once; or revoked in this moment
            found.append(BrokerAccount(kiosk.wire_id, password, str(kiosk.generation)))
    return found
