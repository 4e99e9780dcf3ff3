"""Take in what a device recorded under an earlier identity, and note who brought it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MAX_SAFE_INTEGER, parse_message
from protocol.v1.messages import EventBatch, RawEvent
from server.attendance.ingest import Intake, take_in
from server.attendance.verification import Delivery
from server.audit.service import record
from server.errors import MalformedError
from server.kiosks.tables import Kiosk


def open_earlier(payload: bytes) -> tuple[Delivery, EventBatch]:
    """Read whose batch it is: unlike on the ordinary way, the batch itself says so.

    Raises:
        MalformedError: it is not a batch of this protocol.
    """
    try:
        batch = parse_message(EventBatch, payload)
    except ProtocolError as exc:
        raise MalformedError(problem=exc.reason) from exc
    return Delivery(batch.kiosk_id, payload, is_earlier=True), batch


def take_in_earlier(
    db: Session, delivery: Delivery, batch: EventBatch, *, by: Kiosk, at: datetime
) -> Intake:
    """Take in one batch of an earlier identity; its ack is for that identity.

    Args:
        db: the database session; the caller commits.
        delivery: see `open_earlier`.
        batch: what is in it.
        by: the claimed kiosk that brings it.
        at: the server's clock.
    """
    intake = take_in(db, [delivery], at)
    if intake.stored or intake.refused:
        _note_delivery(db, batch, intake, by)
    return intake


def _note_delivery(db: Session, batch: EventBatch, intake: Intake, by: Kiosk) -> None:
    numbers = _numbers(batch.events)
    details = {
        "of": batch.kiosk_id,
        "count": len(batch.events),
        "stored": intake.stored,
        "repeated": intake.repeated,
        "refused": intake.refused,
    }
    if numbers:
        details |= {"from": min(numbers), "to": max(numbers)}
    record(
        db,
        actor=f"kiosk:{by.id}",
        action="attendance.earlier_events",
        subject=f"kiosk:{batch.kiosk_id}",
        details=details,
    )


def _numbers(events: Sequence[RawEvent]) -> list[int]:
    seqs = [raw.get("seq") for raw in events]
    return [seq for seq in seqs if isinstance(seq, int) and 0 < seq <= MAX_SAFE_INTEGER]
