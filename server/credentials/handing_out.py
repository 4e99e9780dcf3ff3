"""Whose PIN waits to be handed out."""

import uuid

from sqlmodel import Session, col, select

from protocol.v1.checkin import HolderKind
from server.credentials.tables import Pin


def people_to_hand_out(db: Session, *, limit: int) -> list[uuid.UUID]:
    """Return the people whose PIN nobody has shown or printed yet, the oldest first."""
    query = select(Pin.holder_id).where(
        Pin.holder_kind == HolderKind.PERSON, col(Pin.handed_out_at).is_(None)
    )
    return list(db.exec(query.order_by(col(Pin.issued_at), col(Pin.holder_id)).limit(limit)))
