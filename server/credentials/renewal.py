"""PINs that a revoked kiosk held are renewed: who has the kiosk may guess them in peace."""

import uuid

from sqlmodel import Session, col, delete, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from protocol.v1.checkin import HolderKind
from server.audit.service import SYSTEM
from server.credentials.service import HolderRef, begin_change, renew_pins
from server.credentials.tables import HeldPin, KioskPinKey
from server.db.vault import Vault
from server.kiosks.claims import was_revoked_since
from server.kiosks.tables import Kiosk, KioskState

AT_ONCE = 50
"""Each PIN costs about 30 ms, so a transaction renews few of them."""


def has_held(db: Session) -> bool:
    """Return whether revoked kiosks hold PINs, or keys, that are not renewed yet."""
    kiosks = _revoked()
    held = select(HeldPin.kiosk_id).where(col(HeldPin.kiosk_id).in_(kiosks))
    keys = select(KioskPinKey.kiosk_id).where(col(KioskPinKey.kiosk_id).in_(kiosks))
    return any(db.exec(one.limit(1)).first() for one in (held, keys))


def renew_held(db: Session, vault: Vault) -> int:
    """Renew some PINs of people whose kiosk was revoked.

    The key of such a kiosk goes last: until then the device that has its place gets none.

    Returns:
        How many entries were worked on; 0 when nothing is left to do.
    """
    begin_change(db)
    query = (
        select(HeldPin)
        .where(col(HeldPin.kiosk_id).in_(_revoked()))
        .order_by(col(HeldPin.kiosk_id), col(HeldPin.holder_kind), col(HeldPin.holder_id))
        .limit(AT_ONCE)
    )
    rows = list(db.exec(query))
    holders = {HolderRef(HolderKind(row.holder_kind), row.holder_id): row for row in rows}
    renew_pins(db, vault, list(holders), actor=SYSTEM)
    for row in rows:
        db.delete(row)
    db.flush()
    still_held = select(HeldPin.kiosk_id)
    db.exec(
        delete(KioskPinKey).where(
            col(KioskPinKey.kiosk_id).in_(_revoked()), col(KioskPinKey.kiosk_id).not_in(still_held)
        )
    )
    return len(rows)


def is_awaited(db: Session, kiosk: Kiosk) -> bool:
    """Return whether PINs that an earlier device of this kiosk held are to be renewed first."""
    return db.exec(_revoked().where(Kiosk.id == kiosk.id)).first() is not None


def _revoked() -> SelectOfScalar[uuid.UUID]:
    """Return the kiosks that are revoked, or were since they got their PIN key."""
    was_revoked = select(KioskPinKey.kiosk_id).where(
        was_revoked_since(col(KioskPinKey.kiosk_id), col(KioskPinKey.generation))
    )
    return select(Kiosk.id).where(
        or_(col(Kiosk.state) == KioskState.REVOKED, col(Kiosk.id).in_(was_revoked))
    )
