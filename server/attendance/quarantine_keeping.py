"""Keep what cannot become part of the record."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col

from server.attendance.tables import QuarantinedEvent
from server.attendance.verification import Rejected
from server.db.types import new_id
from server.db.upsert import insert_into


def keep_in_quarantine(
    db: Session, kiosk_id: str, rejected: Iterable[Rejected], at: datetime
) -> int:
    """Keep what was refused, with the reason; a repeat changes nothing.

    Returns:
        How much of it is new.
    """
    rows = {
        one.body_hash: {
            "id": new_id(),
            "kiosk_id": kiosk_id,
            "event_id": one.event_id,
            "seq": one.seq,
            "reason": one.reason,
            "is_authentic": one.is_authentic,
            "hash": one.hash,
            "body_hash": one.body_hash,
            "body": one.body,
            "received_at": at,
            "due_at": one.due_at,
        }
        for one in rejected
    }
    if not rows:
        return 0
    adding = insert_into(db, QuarantinedEvent).on_conflict_do_nothing()
    return len(db.execute(adding.returning(col(QuarantinedEvent.id)), list(rows.values())).all())
