"""PINs that a revoked kiosk held are renewed: who has the kiosk may guess them in peace."""

from sqlmodel import Session, col, delete, select

from protocol.v1.checkin import HolderKind
from server.audit.service import SYSTEM
from server.credentials.service import HolderRef, renew_pins
from server.credentials.tables import HeldPin, KioskPinKey
from server.db.vault import Vault
from server.kiosks.tables import Kiosk, KioskState

AT_ONCE = 50
"""Each PIN costs about 30 ms, so a transaction renews few of them."""


def has_held(db: Session) -> bool:
    """Return whether revoked kiosks hold PINs, or keys, that are not renewed yet."""
    held = select(HeldPin.kiosk_id).join(Kiosk, col(Kiosk.id) == col(HeldPin.kiosk_id))
    keys = select(KioskPinKey.kiosk_id).join(Kiosk, col(Kiosk.id) == col(KioskPinKey.kiosk_id))
    is_revoked = col(Kiosk.state) == KioskState.REVOKED
    return any(db.exec(one.where(is_revoked).limit(1)).first() for one in (held, keys))


def renew_held(db: Session, vault: Vault) -> int:
    """Renew some PINs of people whose kiosk was revoked.

    Returns:
        How many entries were worked on; 0 when nothing is left to do.
    """
    query = (
        select(HeldPin)
        .join(Kiosk, col(Kiosk.id) == col(HeldPin.kiosk_id))
        .where(col(Kiosk.state) == KioskState.REVOKED)
        .order_by(col(HeldPin.kiosk_id), col(HeldPin.holder_kind), col(HeldPin.holder_id))
        .limit(AT_ONCE)
    )
    rows = list(db.exec(query))
    holders = {HolderRef(HolderKind(row.holder_kind), row.holder_id): row for row in rows}
    renew_pins(db, vault, list(holders), actor=SYSTEM)
    for row in rows:
        db.delete(row)
    revoked = select(Kiosk.id).where(Kiosk.state == KioskState.REVOKED)
    db.exec(delete(KioskPinKey).where(col(KioskPinKey.kiosk_id).in_(revoked)))
    return len(rows)
