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
    OffsetMs,
    Real,
    Seconds,
    Seq,
    Signature,
    Word,
)

MAX_EVENTS_PER_BATCH = 100
MAX_REFUSALS_PER_ACK = 200
MAX_LOST_PER_ACK = 50
MAX_RANGES_PER_ACK = 64
#: The code of the answer 429 to a batch that came too soon; see `TooManyEvents`.
TOO_MANY_EVENTS = "too_many_events"
MAX_RETRY_AFTER_S = 3600


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
    GAP = "gap"


class GapReason(StrEnum):
    """Why a kiosk no longer has events that it numbered."""

    DAMAGED = "damaged"
    EXPIRED = "expired"


class EventMethod(StrEnum):
    """How the person was identified."""

    NONE = "none"
    FACE = "face"
    QR = "qr"
    CARD = "card"
    PIN = "pin"
    TEACHER = "teacher"


class Direction(StrEnum):
    """Whether a person comes or leaves."""

    IN = "in"
    OUT = "out"


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
    BEFORE_CLAIM = "before_claim"
    AFTER_CLAIM = "after_claim"
    FORK = "fork"
    REUSED_ID = "reused_id"
    LEAP = "leap"
    BACKEND = "backend"


class ClockStamp(Message):
    """What the kiosk knew about its own clock."""

    source: Word
    offset_ms: OffsetMs | None = Field(
        default=None, description="server time minus kiosk time, when last measured"
    )
    age_s: Seconds | None = Field(default=None, description="how long ago the offset was measured")
    boot_id: Identifier | None = Field(
        default=None, description="new at each start of the kiosk's system"
    )
    uptime_s: Seconds | None = Field(
        default=None,
        description="since that start, on a clock that nobody steps: what the server dates an"
        " unsynced event by once it knows the time of another moment of the same boot",
    )


class Liveness(Message):
    """What the liveness check said about the face.

    In an event without a face match: about a face of this person that marked nobody before, and
    that the teacher, card, PIN or code then decided about.
    """

    verdict: Word
    score: Real | None = None
    method: Word | None = None


class GapSpan(Message):
    """Numbers whose events a kiosk no longer has, and when these may have happened (UTC).

    `from_at` and `through_at` are best estimates; None where the kiosk knows no bound.
    """

    first: Seq
    last: Seq
    from_at: Instant | None = None
    through_at: Instant | None = None
    reason: Word = Field(description="`damaged` or `expired`")


class UnsignedEvent(Message):
    """An attendance event before it is chained and signed.

    A `not_me` event names the event it takes back in `refers_to`. A `gap` event names nobody: it
    is the kiosk's word that the events of a span of numbers are lost. A `roll_call` event is a
    teacher's tap: `by` names the teacher, and `shown` is what the teacher chose. `direction` is of
    `seen` and `roll_call` alone, and is left out where it is None: such an event reads as before.
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
    gap: GapSpan | None = None
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
    code_id: Identifier | None = Field(
        default=None, description="of the QR on a phone; one code counts once"
    )
    second: Word | None = Field(
        default=None,
        description="method of the second factor, where a face alone was not enough",
    )
    by: Identifier | None = Field(
        default=None, description="account of the teacher who tapped or confirmed"
    )
    direction: Word | None = Field(
        default=None,
        description="`in` or `out`, where the policy asks for it",
        exclude_if=lambda word: word is None,
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


class Watermark(Message):
    """A kiosk's signed word that every event up to `through` has a number of at most `seq`.

    It counts once the server has all of these, and where its event `seq` has the hash `head`:
    else another device writes another chain in this kiosk's name. The moment it was made,
    `made_at` by the kiosk's best estimate, also dates earlier unsynced events of the same boot.
    """

    kiosk_id: KioskId
    through: Instant
    seq: Count
    head: Hash
    boot_id: Identifier
    made_at: Instant
    uptime_s: Seconds
    clock_source: Word
    signature: Signature = Field(
        description="by the kiosk's key, see `statements.watermark_statement`"
    )


class EventBatch(Message):
    """Up to 100 events of one kiosk, oldest first; may be empty to move the watermark.

    Events stay raw here, so that one bad event neither hides the others nor loses the fields
    of a newer version that its hash covers.
    """

    kiosk_id: KioskId
    events: Annotated[tuple[RawEvent, ...], Field(max_length=MAX_EVENTS_PER_BATCH)]
    watermark: Watermark | None = None
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


class TooManyEvents(Message):
    """Why a batch over HTTP has to wait: the details of the error `too_many_events` (429).

    Nothing of the batch was taken in, and nothing was refused: the kiosk sends it again. The
    header `Retry-After` says the same, but the signature of the answer covers its body alone.

    Attributes:
        retry_after_s: when to send it again, whole seconds.
    """

    retry_after_s: Annotated[int, Field(ge=1, le=MAX_RETRY_AFTER_S)]


class Ack(Message):
    """What the server has committed for one kiosk; only this lets the kiosk delete.

    Attributes:
        stored_through: every event up to and with this sequence number is in the server's
            keeping (0: none yet).
        stored_beyond: further runs it keeps past a gap, oldest first.
        refused: events of the batch that went to quarantine, with the reason.
        lost: runs among these numbers whose events the server does not have, as the kiosk stated
            that it lost them; the newest such spans. A kiosk that has one of these events after
            all sends it.
        signature: by the server's key, see `statements.ack_statement`; a kiosk believes no
            other ack.
    """

    kiosk_id: KioskId
    stored_through: Count
    stored_beyond: Annotated[tuple[SeqRange, ...], Field(max_length=MAX_RANGES_PER_ACK)] = ()
    refused: Annotated[tuple[EventRefusal, ...], Field(max_length=MAX_REFUSALS_PER_ACK)] = ()
    lost: Annotated[tuple[SeqRange, ...], Field(max_length=MAX_LOST_PER_ACK)] = ()
    server_time: Instant
    note: Note | None = None
    signature: Signature | None = None

    @property
    def known_through(self) -> int | None:
        """It is silent about numbers above this, as it names so many runs; None: it names all."""
        runs = self.stored_beyond
        return runs[-1].last if len(runs) >= MAX_RANGES_PER_ACK else None

    def covers(self, seq: int) -> bool:
        """Say whether the event with this sequence number is in the server's keeping."""
        if seq <= self.stored_through:
            return True
        return any(run.first <= seq <= run.last for run in self.stored_beyond)


def never_before(one: datetime | None, other: datetime | None) -> datetime | None:
    """Return the later of two watermarks: a watermark never goes back."""
    known = [moment for moment in (one, other) if moment is not None]
    return max(known, default=None)
