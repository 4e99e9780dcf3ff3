"""PINs that a revoked kiosk held are renewed: who has the kiosk may guess them in peace."""

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from protocol.v1.checkin import HolderKind
from server.audit.service import SYSTEM
from server.credentials.new_pins import NewPins
from server.credentials.service import HolderRef, begin_change, has_pin, renew_pins
from server.credentials.tables import HeldPin, KioskPinKey
from server.db.vault import Vault
from server.kiosks.claims import was_revoked_since
from server.kiosks.tables import Kiosk, KioskState

AT_ONCE = 10
"""How many a transaction renews, so that nobody waits long for it."""


def has_held(db: Session) -> bool:
    """Return whether revoked kiosks hold PINs, or keys, that are not renewed yet."""
    kiosks = _revoked()
    held = select(HeldPin.kiosk_id).where(col(HeldPin.kiosk_id).in_(kiosks))
    keys = select(KioskPinKey.kiosk_id).where(col(KioskPinKey.kiosk_id).in_(kiosks))
    return any(db.exec(one.limit(1)).first() for one in (held, keys))


def count_next_held(db: Session) -> int:
    """Return how many PINs the next `renew_held` needs."""
    return sum(has_pin(db, holder) for holder in {_holder(row) for row in _next_held(db)})


def renew_held(db: Session, vault: Vault, pins: NewPins | None = None) -> int:
    """Renew some PINs of people whose kiosk was revoked.

    The key of such a kiosk goes last: until then the device that has its place gets none.

    Args:
        db: the database session.
        vault: encrypts PINs.
        pins: those made ahead, as many as `count_next_held`.

    Returns:
        How many entries were worked on; 0 when nothing is left to do.
    """
    begin_change(db)
    rows = [(row.kiosk_id, _holder(row)) for row in _next_held(db)]
    holders = list(dict.fromkeys(holder for _kiosk, holder in rows))
    renew_pins(db, vault, holders, actor=SYSTEM, pins=pins or NewPins())
    for kiosk_id, holder in rows:  # of those without a PIN; the others went with their old PIN
        of_kiosk = col(HeldPin.kiosk_id) == kiosk_id
        db.exec(delete(HeldPin).where(of_kiosk, *_is_of(holder)))
    still_held = select(HeldPin.kiosk_id)
    db.exec(
        delete(KioskPinKey).where(
            col(KioskPinKey.kiosk_id).in_(_revoked()), col(KioskPinKey.kiosk_id).not_in(still_held)
        )
    )
    return len(rows)


def renew_if_held(db: Session, vault: Vault, holder: HolderRef) -> None:
    """Renew a PIN that waits for it, before a person sees it: soon it would be another one."""
    begin_change(db)
    waits = select(HeldPin.kiosk_id).where(col(HeldPin.kiosk_id).in_(_revoked()), *_is_of(holder))
    if db.exec(waits.limit(1)).first() is not None:
        renew_pins(db, vault, [holder], actor=SYSTEM, pins=NewPins())


def is_awaited(db: Session, kiosk: Kiosk) -> bool:
    """Return whether PINs that an earlier device of this kiosk held are to be renewed first."""
    return db.exec(_revoked().where(Kiosk.id == kiosk.id)).first() is not None


def _next_held(db: Session) -> Sequence[HeldPin]:
    query = (
        select(HeldPin)
        .where(col(HeldPin.kiosk_id).in_(_revoked()))
        .order_by(col(HeldPin.kiosk_id), col(HeldPin.holder_kind), col(HeldPin.holder_id))
        .limit(AT_ONCE)
    )
    return db.exec(query).all()


def _is_of(holder: HolderRef) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(HeldPin.holder_kind) == holder.kind, col(HeldPin.holder_id) == holder.id


def _holder(row: HeldPin) -> HolderRef:
    return HolderRef(HolderKind(row.holder_kind), row.holder_id)


def _revoked() -> SelectOfScalar[uuid.UUID]:
    """Return the kiosks that are revoked, or were since they got their PIN key."""
    was_revoked = select(KioskPinKey.kiosk_id).where(
        was_revoked_since(col(KioskPinKey.kiosk_id), col(KioskPinKey.generation))
    )
    return select(Kiosk.id).where(
        or_(col(Kiosk.state) == KioskState.REVOKED, col(Kiosk.id).in_(was_revoked))
    )
