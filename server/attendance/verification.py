"""Judge what a kiosk sent before it touches the database: whose it is, whole, signed, plausible."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.v1 import signing
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MAX_SAFE_INTEGER, parse_message
from protocol.v1.messages import (
    AttendanceEvent,
    ClockSource,
    EventBatch,
    RawEvent,
    RefusalReason,
)

FUTURE_TOLERANCE = timedelta(minutes=10)
SUPPORTED_VERSION = 1
BODY_LIMIT = 4096


@dataclass(frozen=True)
class Delivery:
    """One batch as it came in.

    Attributes:
        kiosk_id: whose it is by topic or token; what the payload says does not count.
        payload: UTF-8 JSON of an `EventBatch`, from a peer that may be hostile.
    """

    kiosk_id: str
    payload: bytes


@dataclass(frozen=True)
class Accepted:
    """An event that passed every check that needs no database."""

    event: AttendanceEvent
    body: str
    lesson_id: uuid.UUID | None
    person_id: uuid.UUID | None


@dataclass(frozen=True)
class Rejected:
    """Something for the quarantine."""

    reason: str
    body: str
    event_id: str | None = None
    seq: int | None = None
    hash: str | None = None
    is_authentic: bool = False

    @property
    def body_hash(self) -> bytes:
        """What makes a repeat of it a repeat."""
        return hashlib.sha256(f"{self.reason}\0{self.body}".encode()).digest()


Verdict = Accepted | Rejected


def open_batch(delivery: Delivery) -> EventBatch | Rejected:
    """Read a batch; one that cannot be read goes to quarantine whole."""
    try:
        batch = parse_message(EventBatch, delivery.payload)
    except ProtocolError as exc:
        text = bytes(delivery.payload[:BODY_LIMIT]).decode("utf-8", "replace").replace("\0", "")
        return Rejected(exc.reason, text)
    if batch.kiosk_id != delivery.kiosk_id:
        return Rejected(RefusalReason.WRONG_KIOSK, f"a batch in the name of {batch.kiosk_id}")
    return batch


def reject_all(events: Iterable[RawEvent], reason: RefusalReason) -> list[Rejected]:
    """Refuse events unread, for a reason that lies in the kiosk."""
    return [_rejected(raw, reason) for raw in events]


def judge(raw: RawEvent, kiosk_id: str, key: Ed25519PublicKey, at: datetime) -> Verdict:
    """Judge one event on its own.

    Args:
        raw: exactly as received.
        kiosk_id: whose topic or token it came by.
        key: the public key bound to that kiosk.
        at: the server's clock.
    """
    if raw.get("kiosk_id") != kiosk_id:
        return _rejected(raw, RefusalReason.WRONG_KIOSK)
    try:
        event = signing.verify_event(raw, key)
    except ProtocolError as exc:
        return _rejected(raw, exc.reason)
    if event.v != SUPPORTED_VERSION:
        return _authentic(raw, event, RefusalReason.UNKNOWN_VERSION)
    if event.clock.source != ClockSource.UNSYNCED and event.occurred_at > at + FUTURE_TOLERANCE:
        return _authentic(raw, event, RefusalReason.FUTURE)
    try:
        lesson_id, person_id = _uuid(event.lesson_id), _uuid(event.person_id)
    except ValueError:
        return _authentic(raw, event, RefusalReason.MALFORMED)
    return Accepted(event, _text(raw), lesson_id, person_id)


def refuse_known(accepted: Accepted, reason: RefusalReason) -> Rejected:
    """Refuse an event that is sound in itself, for what the database says about it."""
    event = accepted.event
    keeps_place = reason is not RefusalReason.LEAP
    return Rejected(
        reason, accepted.body, event.id, event.seq, event.hash, is_authentic=keeps_place
    )


def _authentic(raw: RawEvent, event: AttendanceEvent, reason: RefusalReason) -> Rejected:
    return Rejected(reason, _text(raw), event.id, event.seq, event.hash, is_authentic=True)


def _rejected(raw: RawEvent, reason: str) -> Rejected:
    event_id, seq = raw.get("id"), raw.get("seq")
    known_seq = seq if isinstance(seq, int) and 0 <= seq <= MAX_SAFE_INTEGER else None
    known_id = event_id[:64].replace("\0", "") if isinstance(event_id, str) else None
    return Rejected(reason, _text(raw)[:BODY_LIMIT], known_id, known_seq)


def _text(raw: dict[str, Any]) -> str:
    # PostgreSQL keeps no NUL in text; JSON writes it as an escape, so none is left after this.
    return json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _uuid(text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(text)
