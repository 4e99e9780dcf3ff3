"""Judge what a kiosk sent before it touches the database: whose it is, whole, signed, plausible."""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.v1 import signing
from protocol.v1.canonical import OrderedObject
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MAX_SAFE_INTEGER, parse_message
from protocol.v1.messages import (
    AttendanceEvent,
    ClockSource,
    EventBatch,
    RawEvent,
    RefusalReason,
    corrected_time,
)

FUTURE_TOLERANCE = timedelta(minutes=10)
#: As wide as the other way round: a clock that may be this far ahead may be this far behind too.
CLAIM_TOLERANCE = FUTURE_TOLERANCE
SUPPORTED_VERSION = 1
BODY_LIMIT = 4096


@dataclass(frozen=True)
class Delivery:
    """One batch as it came in.

    Attributes:
        kiosk_id: whose it is by topic or token; what the payload says does not count.
        payload: UTF-8 JSON of an `EventBatch`, from a peer that may be hostile.
        is_earlier: a claimed kiosk delivers it for an identity that may be revoked by now.
    """

    kiosk_id: str
    payload: bytes
    is_earlier: bool = False


@dataclass(frozen=True)
class FromQuarantine:
    """What is known of an event that comes from the quarantine and not from its kiosk.

    Attributes:
        is_authentic: its number is in our keeping, so it may have it.
        accepted_by: the admin; None where it was judged again automatically.
        is_time_doubted: it was refused for its time, and an admin accepted it all the same.
    """

    is_authentic: bool
    accepted_by: str | None = None
    is_time_doubted: bool = False


@dataclass(frozen=True)
class Accepted:
    """An event that passed every check that needs no database.

    Attributes:
        event_id: that of `event`.
        kept: where it comes from the quarantine.
        has_number: whether it is stored under its number; another event may have it.
        earlier_since: where a key that no longer counts signed it: when that key was first claimed.
    """

    event: AttendanceEvent
    body: str
    event_id: uuid.UUID
    lesson_id: uuid.UUID | None
    person_id: uuid.UUID | None
    kept: FromQuarantine | None = None
    has_number: bool = True
    earlier_since: datetime | None = None

    @property
    def stated_at(self) -> datetime:
        """The best time the event itself tells: with the clock offset stated beside it."""
        clock = self.event.clock
        return corrected_time(self.event.occurred_at, clock.source, clock.offset_ms)

    def under(self, event_id: uuid.UUID) -> Self:
        """Return the same event under another id, where another event has its own."""
        event = self.event.model_copy(update={"id": str(event_id)})
        return replace(self, event=event, event_id=event_id)


@dataclass(frozen=True)
class Rejected:
    """Something for the quarantine.

    Attributes:
        is_authentic: its kiosk signed it, and its number counts as received.
        is_signed: its kiosk signed it. Such an event is kept whatever happens.
        due_at: when it is judged again automatically; None where it is not.
    """

    reason: str
    body: str
    event_id: str | None = None
    seq: int | None = None
    hash: str | None = None
    is_authentic: bool = False
    is_signed: bool = False
    due_at: datetime | None = None

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


def judge(
    raw: RawEvent,
    kiosk_id: str,
    key: Ed25519PublicKey,
    at: datetime,
    *,
    claimed_at: datetime | None = None,
) -> Verdict:
    """Judge one event without the database.

    Args:
        raw: exactly as received.
        kiosk_id: of the topic or token it came by.
        key: the public key bound to that kiosk.
        at: the server's clock.
        claimed_at: when the kiosk was first claimed with this key; None where that is not known.
    """
    if raw.get("kiosk_id") != kiosk_id:
        return _rejected(raw, RefusalReason.WRONG_KIOSK)
    try:
        ordered = OrderedObject(raw)
        event = signing.verify_ordered(ordered, key)
    except ProtocolError as exc:
        return _rejected(raw, exc.reason)
    if event.v != SUPPORTED_VERSION:
        return _authentic(raw, event, RefusalReason.UNKNOWN_VERSION)
    accepted = _accepted(ordered, event)
    if accepted is None:
        return _authentic(raw, event, RefusalReason.MALFORMED)
    return _judge_time(accepted, at, claimed_at)


def read_kept(body: str) -> Accepted | None:
    """Read an event from the quarantine again; None where it cannot become part of the record.

    Args:
        body: the whole JSON. Its signature is not checked here.
    """
    try:
        raw = json.loads(body)
        event = signing.read_event(raw)
    except ValueError:
        return None
    return _accepted(OrderedObject(raw), event) if event.v == SUPPORTED_VERSION else None


def _judge_time(accepted: Accepted, at: datetime, claimed_at: datetime | None) -> Verdict:
    """Refuse a time that cannot be, unless the kiosk says itself that it does not know the time.

    A claim that is yet to come was made while the server's clock was ahead, and proves nothing.
    """
    if accepted.event.clock.source == ClockSource.UNSYNCED:
        return accepted
    moment = accepted.stated_at
    if moment > at + FUTURE_TOLERANCE:
        refused = refuse_known(accepted, RefusalReason.FUTURE)
        return replace(refused, due_at=moment - FUTURE_TOLERANCE)
    if claimed_at is not None and claimed_at <= at and moment < claimed_at - CLAIM_TOLERANCE:
        return refuse_known(accepted, RefusalReason.BEFORE_CLAIM)
    return accepted


def _accepted(raw: OrderedObject, event: AttendanceEvent) -> Accepted | None:
    try:
        lesson_id, person_id = _uuid(event.lesson_id), _uuid(event.person_id)
        return Accepted(event, raw.text(), uuid.UUID(event.id), lesson_id, person_id)
    except ValueError:
        return None


def refuse_known(accepted: Accepted, reason: RefusalReason) -> Rejected:
    """Refuse an event that is sound in itself, for what the database says about it."""
    event = accepted.event
    refused = Rejected(reason, accepted.body, event.id, event.seq, event.hash, is_signed=True)
    return replace(refused, is_authentic=reason is not RefusalReason.LEAP)


def _authentic(raw: RawEvent, event: AttendanceEvent, reason: RefusalReason) -> Rejected:
    place = (event.id, event.seq, event.hash)
    return Rejected(reason, _text(raw), *place, is_authentic=True, is_signed=True)


def _rejected(raw: RawEvent, reason: str) -> Rejected:
    event_id, seq = raw.get("id"), raw.get("seq")
    # JSON's true is an int in Python, and no number in the database.
    known_seq = seq if type(seq) is int and 0 <= seq <= MAX_SAFE_INTEGER else None
    known_id = event_id[:64].replace("\0", "") if isinstance(event_id, str) else None
    return Rejected(reason, _text(raw)[:BODY_LIMIT], known_id, known_seq)


def _text(raw: dict[str, Any]) -> str:
    # PostgreSQL keeps no NUL in text; JSON writes it as an escape, so none is left after this.
    return OrderedObject(raw).text()


def _uuid(text: str | None) -> uuid.UUID | None:
    return None if text is None else uuid.UUID(text)
