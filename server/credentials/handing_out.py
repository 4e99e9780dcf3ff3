"""Whose PIN waits to be handed out."""

import uuid

from sqlmodel import Session

from protocol.v1.checkin import HolderKind
from server.credentials import service


def people_to_hand_out(db: Session, *, limit: int) -> list[uuid.UUID]:
    """Return the people whose PIN nobody has shown or printed yet."""
    waiting = service.waiting_holders(db)
    return [ref.id for ref in waiting if ref.kind is HolderKind.PERSON][:limit]
