"""What the attendance record says about the event behind a scan."""

import json
import uuid

from sqlmodel import Session, col, or_, select

from protocol.v1.messages import EventKind
from server.attendance.tables import StoredEvent
from server.enrollment.moved import may_show_another
from server.mark_reviews.tables import MarkReview, ReviewAnswer, ReviewedMark
from server.network_change.rules import EventFacts


def facts_of(db: Session, kiosk_id: uuid.UUID, event_id: uuid.UUID) -> EventFacts | None:
    """Find a kiosk's event; None where it has not arrived."""
    row = db.get(StoredEvent, (kiosk_id, event_id))
    if row is None:
        return None
    body = json.loads(row.body)
    return EventFacts(
        person_id=row.person_id,
        kind=row.kind,
        method=row.method,
        model_id=body.get("model_id"),
        verdict=(body.get("liveness") or {}).get("verdict"),
        counted_at=row.counted_at,
        is_taken_back=is_taken_back(db, row),
    )


def is_taken_back(db: Session, event: StoredEvent) -> bool:
    """Whether the face may be another person's.

    The person said "not me", a person decided so, or the photos that the kiosk knew then were
    moved to another person since.
    """
    is_moved = event.person_id is not None and may_show_another(
        db, event.person_id, counted_at=event.counted_at, received_at=event.received_at
    )
    return is_moved or _was_denied(db, event) or _was_decided(db, event)


def _was_denied(db: Session, event: StoredEvent) -> bool:
    query = select(StoredEvent.id).where(
        StoredEvent.kiosk_id == event.kiosk_id,
        # One that was accepted from quarantine may have no number.
        or_(col(StoredEvent.seq) > (event.seq or 0), col(StoredEvent.seq).is_(None)),
        StoredEvent.kind == EventKind.NOT_ME,
        StoredEvent.refers_to == event.id,
    )
    return db.exec(query.limit(1)).first() is not None


def _was_decided(db: Session, event: StoredEvent) -> bool:
    query = (
        select(ReviewedMark.review_id)
        .join(MarkReview)
        .where(
            ReviewedMark.kiosk_id == event.kiosk_id,
            ReviewedMark.event_id == event.id,
            MarkReview.answer != ReviewAnswer.THEIRS.value,
        )
    )
    return db.exec(query.limit(1)).first() is not None
