"""Decisions of an admin about events that will not come, each in the audit trail."""

import uuid
from datetime import datetime

from sqlmodel import Session

from server.attendance.gaps import bounds_of
from server.attendance.watermarks import settle_watermark
from server.audit.service import record
from server.errors import ConflictError, NotFoundError
from server.kiosks import lost_spans
from server.kiosks.lost_spans import NEVER_ARRIVED, Closing, Loss
from server.kiosks.runs import MissingNumbers, Run, missing_numbers
from server.kiosks.service import kiosk_of, lock_chain
from server.kiosks.tables import KioskProgress, LostSpan


def missing_events(db: Session, kiosk_id: uuid.UUID) -> MissingNumbers | None:
    """Return which events of a kiosk have not arrived yet; None where all have.

    Raises:
        NotFoundError: there is no such kiosk.
    """
    kiosk_of(db, kiosk_id)
    progress = db.get(KioskProgress, kiosk_id)
    return None if progress is None else missing_numbers(db, progress)


def close_span(
    db: Session, kiosk_id: uuid.UUID, span_id: uuid.UUID, decision: Closing, at: datetime
) -> LostSpan:
    """Stop waiting for events that a kiosk said it lost.

    Raises:
        NotFoundError: there is no such kiosk, or it has no such span.
        ConflictError: the span is closed already.
    """
    kiosk = kiosk_of(db, kiosk_id)
    row = lost_spans.close_span(db, kiosk, span_id, decision, at)
    _record(db, "kiosk.close_lost_events", row, decision)
    return row


def close_missing(
    db: Session, kiosk_id: uuid.UUID, span: Run, decision: Closing, at: datetime
) -> LostSpan:
    """Stop waiting for numbers that have not arrived; those in between that have stay.

    Raises:
        NotFoundError: there is no such kiosk.
        ConflictError: none of these numbers is missing.
    """
    kiosk, progress = lock_chain(db, kiosk_id)
    if kiosk is None:
        raise NotFoundError("There is no such kiosk.", problem="no_kiosk")
    if progress is None:
        raise ConflictError("None of these events is missing.", problem="none_missing")
    loss = Loss(span, bounds_of(db, kiosk, span, at), NEVER_ARRIVED)
    row = lost_spans.close_missing(db, progress, loss, decision, at)
    settle_watermark(db, progress)
    db.add(progress)
    _record(db, "kiosk.close_missing_events", row, decision)
    return row


def _record(db: Session, action: str, row: LostSpan, decision: Closing) -> None:
    record(
        db,
        actor=decision.actor,
        action=action,
        subject=f"kiosk:{row.kiosk_id}",
        details={"first": row.first, "last": row.last, "missing": row.missing},
    )
