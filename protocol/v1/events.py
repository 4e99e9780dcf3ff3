"""Attendance events, the batches they travel in, and the server's ack."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue

from protocol.v1.fields import (
    Count,
    EventId,
    Hash,
    Identifier,
    Instant,
    KioskId,
    Message,
    ModelId,
    Note,
    Real,
    Seq,
    Signature,
    Word,
)

MAX_EVENTS_PER_BATCH = 100
MAX_REFUSALS_PER_ACK = 200
MAX_RANGES_PER_ACK = 64


class ClockSource(StrEnum):
    """Where the kiosk's time came from when it made an event."""

    NTP = "ntp"
    RTC = "rtc"
    SERVER = "server"
    UNSYNCED = "unsynced"


class EventKind(StrEnum):
    """What happened in front of the kiosk."""

    SEEN = "seen"
    NOT_ME = "not_me"
    ROLL_CALL = "roll_call"


class EventMethod(StrEnum):
    """How the person was identified."""

    FACE = "face"
    QR = "qr"
    PIN = "pin"
    TEACHER = "teacher"


class RefusalReason(StrEnum):
    """Why an event went to quarantine instead of the record."""

    MALFORMED = "malformed"
    TOO_LARGE = "too_large"
    BAD_HASH = "bad_hash"
    BAD_SIGNATURE = "bad_signature"
    WRONG_KIOSK = "wrong_kiosk"
    UNKNOWN_KIOSK = "unknown_kiosk"
    REVOKED_KIOSK = "revoked_kiosk"
    UNKNOWN_VERSION = "unknown_version"
    FUTURE = "future"
    FORK = "fork"
    REUSED_ID = "reused_id"
    LEAP = "leap"
    BACKEND = "backend"


class ClockStamp(Message):
    """What the kiosk knew about its own clock."""

    source: Word
    offset_ms: Annotated[float, Field(ge=-1e14, le=1e14, allow_inf_nan=False)] | None = Field(
        default=None, description="server time minus kiosk time, when last measured"
    )
    age_s: Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)] | None = Field(
        default=None, description="how long ago the offset was measured"
    )


class Liveness(Message):
    """What the liveness check said about the face."""

    verdict: Word
    score: Real | None = None
    method: Word | None = None


class UnsignedEvent(Message):
    """An attendance event before it is chained and signed.

    A `not_me` event names the event it takes back in `refers_to`.
    """

    v: Annotated[int, Field(ge=1, le=1000)] = 1
    id: EventId
    kiosk_id: KioskId
    seq: Seq
    occurred_at: Instant
    clock: ClockStamp
    lesson_id: Identifier | None = None
    person_id: Identifier | None = None
    kind: Word
    method: Word
    refers_to: EventId | None = None
    distance: Real | None = None
    margin: Real | None = None
    threshold: Real | None = None
    quality: Real | None = None
    liveness: Liveness | None = None
    model_id: ModelId | None = None
    policy_version: Count | None = None
    shown: Word | None = Field(
        default=None, description="the status the person saw: present or late"
    )


class AttendanceEvent(UnsignedEvent):
    """An attendance event as it is kept, sent and stored: chained and signed.

    `hash` is SHA-256 over the canonical JSON of the event without `hash` and `signature`;
    `signature` is Ed25519 over the 32 bytes of `hash`.
    """

    prev_hash: Hash
    hash: Hash
    signature: Signature


RawEvent = dict[str, JsonValue]
"""An event exactly as it came: what its hash was taken over, unknown fields and all."""


class EventBatch(Message):
    """Up to 100 events of one kiosk, oldest first; may be empty to move the watermark.

    Events stay raw here, so that one bad event neither hides the others nor loses the fields
    of a newer version that its hash covers. `synced_through` is the kiosk's word that every
    event up to then has a sequence number of at most `last_seq` and has been sent.
    """

    kiosk_id: KioskId
    events: Annotated[tuple[RawEvent, ...], Field(max_length=MAX_EVENTS_PER_BATCH)]
    synced_through: Instant | None = None
    last_seq: Count = 0


class EventRefusal(Message):
    """One event that went to quarantine."""

    id: Annotated[str, Field(max_length=64)]
    seq: Count | None = None
    reason: Word


class SeqRange(Message):
    """A run of sequence numbers, both ends included."""

    first: Seq
    last: Seq


class Ack(Message):
    """What the server has committed for one kiosk; only this lets the kiosk delete.

    Attributes:
        stored_through: every event up to and with this sequence number is in the server's
            keeping (0: none yet).
        stored_beyond: further runs it keeps past a gap, oldest first.
        refused: events of the batch that went to quarantine, with the reason.
    """

    kiosk_id: KioskId
    stored_through: Count
    stored_beyond: Annotated[tuple[SeqRange, ...], Field(max_length=MAX_RANGES_PER_ACK)] = ()
    refused: Annotated[tuple[EventRefusal, ...], Field(max_length=MAX_REFUSALS_PER_ACK)] = ()
    server_time: Instant
    note: Note | None = None

    def covers(self, seq: int) -> bool:
        """Say whether the event with this sequence number is in the server's keeping."""
        if seq <= self.stored_through:
            return True
        return any(run.first <= seq <= run.last for run in self.stored_beyond)


def never_before(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two watermarks: a watermark never goes back."""
    known = [moment for moment in (one, other) if moment is not None]
    return max(known, default=None)
