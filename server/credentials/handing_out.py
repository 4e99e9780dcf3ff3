"""Whose PIN waits to be handed out."""

import uuid

from sqlmodel import Session, col, select

from protocol.v1.checkin import HolderKind
from server.credentials.service import HolderRef
from server.credentials.tables import Pin


def people_to_hand_out(db: Session, *, limit: int) -> list[uuid.UUID]:
    """Return the people whose PIN nobody has shown or printed yet, the oldest first."""
    return _waiting(db, HolderKind.PERSON, limit)


def staff_to_hand_out(db: Session, *, limit: int) -> list[HolderRef]:
    """Return the accounts whose PIN nobody has shown or printed yet, the oldest first."""
    return [HolderRef(HolderKind.STAFF, one) for one in _waiting(db, HolderKind.STAFF, limit)]


def _waiting(db: Session, kind: HolderKind, limit: int) -> list[uuid.UUID]:
    query = select(Pin.holder_id).where(Pin.holder_kind == kind, col(Pin.handed_out_at).is_(None))
    return list(db.exec(query.order_by(col(Pin.issued_at), col(Pin.holder_id)).limit(limit)))
