"""What a kiosk downloads: gallery pages and its configuration; and erasure receipts."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from protocol.v1.device import RoomRef
from protocol.v1.fields import (
    Base64Text,
    Count,
    EventId,
    Identifier,
    Instant,
    KioskId,
    Label,
    Message,
    ModelId,
    Signature,
    Word,
)

MAX_PAGE_ENTRIES = 1000
MAX_SESSIONS = 2000
MAX_ROSTER = 5000
MAX_PEOPLE = 20_000


class TombstoneReason(StrEnum):
    """Why a template must leave the kiosk."""

    SCOPE = "scope"
    REPLACED = "replaced"
    ERASED = "erased"


class TemplateUpsert(Message):
    """One template for the kiosk's gallery.

    `sealed` is base64 of nonce and AES-256-GCM of the float16 little-endian values under the
    gallery data key, with the template id as associated data (`sealing.open_template`).
    """

    template_id: Identifier
    person_id: Identifier
    model_id: ModelId
    dimension: Annotated[int, Field(ge=1, le=4096)]
    sealed: Base64Text
    change: Count


class Tombstone(Message):
    """One template that must go; where the reason is `erased`, the kiosk sends an `Erasure`."""

    template_id: Identifier
    person_id: Identifier
    reason: Word
    change: Count


class GalleryPage(Message):
    """Changes after `since`, in order, for this kiosk's scope.

    The kiosk applies the page, keeps `next` in the same transaction, and asks again from there
    until `complete`. Where `reset` is true (first page of a snapshot), whatever it held before
    and is not named by the time the run is `complete` must go.
    """

    since: Count
    next: Count
    complete: bool
    reset: bool = False
    key_id: Identifier = Field(description="which gallery data key seals these templates")
    upserts: Annotated[tuple[TemplateUpsert, ...], Field(max_length=MAX_PAGE_ENTRIES)] = ()
    tombstones: Annotated[tuple[Tombstone, ...], Field(max_length=MAX_PAGE_ENTRIES)] = ()


class School(Message):
    """The school the kiosk stands in."""

    name: Label
    time_zone: Annotated[str, Field(max_length=64)] = Field(description="IANA name")


class RecognitionPolicy(Message):
    """How seldom a stranger may be taken for somebody, and what else a match must keep.

    The kiosk turns the rates into limits with the calibration in its model's card, the people in
    the gallery, and the pictures of each (docs/accuracy.md). Distances and margins are on the
    scale that all cards share (docs/models.md).
    """

    roster_fpir: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=1e-4, description="share of strangers' scans taken for somebody due now"
    )
    wide_fpir: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=1e-5, description="share of strangers' scans taken for anybody else"
    )
    fixed_distance: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="limit of the school's own, in place of calibrated ones"
    )
    limit_ceiling: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="no calibrated limit exceeds it; from the school's own templates"
    )
    minimum_margin: Annotated[float, Field(ge=0, le=10)] = 0.04
    frames_to_agree: Annotated[int, Field(ge=1, le=30)] = 3


class AttendancePolicy(Message):
    """When a sighting counts, and as what (minutes and seconds)."""

    opens_before_min: Annotated[int, Field(ge=0, le=240)] = 15
    late_after_min: Annotated[int, Field(ge=0, le=240)] = 5
    closes_after_start_min: Annotated[int, Field(ge=0, le=1440)] | None = None
    absent_grace_min: Annotated[int, Field(ge=0, le=1440)] = 10
    duplicate_window_s: Annotated[int, Field(ge=0, le=86400)] = 300


class KioskPolicy(Message):
    """What the kiosk may do and say."""

    liveness: Word = "off"
    gallery: Word = Field(
        default="room",
        description="Who can be recognised: `room` (due there within 7 days) or `school`",
    )
    fallbacks: Annotated[tuple[Word, ...], Field(max_length=8)] = ()
    language: Annotated[str, Field(max_length=35)] = "en"
    not_me_s: Annotated[float, Field(ge=0, le=60)] = 5.0


class Policy(Message):
    """The effective policy for one kiosk, computed by the server."""

    version: Count = 0
    recognition: RecognitionPolicy = RecognitionPolicy()
    attendance: AttendancePolicy = AttendancePolicy()
    kiosk: KioskPolicy = KioskPolicy()


class SessionEntry(Message):
    """One session in the kiosk's room, with who is due."""

    id: Identifier
    course_code: Label
    course_title: Label
    room_id: Identifier
    starts_at: Instant
    ends_at: Instant
    roster: Annotated[tuple[Identifier, ...], Field(max_length=MAX_ROSTER)] = ()


class ElsewhereEntry(Message):
    """A person of this gallery who is due in another room for a while."""

    person_id: Identifier
    room_name: Label
    starts_at: Instant
    ends_at: Instant


class PersonName(Message):
    """How the kiosk greets a person."""

    id: Identifier
    display_name: Label


class ConfigDocument(Message):
    """Everything but templates: policy, the next 7 days of the room, names."""

    version: Identifier
    kiosk_id: KioskId
    kiosk_name: Label
    school: School
    room: RoomRef
    policy: Policy
    sessions: Annotated[tuple[SessionEntry, ...], Field(max_length=MAX_SESSIONS)] = ()
    elsewhere: Annotated[tuple[ElsewhereEntry, ...], Field(max_length=MAX_PEOPLE)] = ()
    people: Annotated[tuple[PersonName, ...], Field(max_length=MAX_PEOPLE)] = ()
    look_alikes: Annotated[
        tuple[tuple[Identifier, Identifier], ...], Field(max_length=MAX_PEOPLE)
    ] = Field(default=(), description="people of this gallery who are easily confused")
    holidays: Annotated[
        tuple[Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")], ...], Field(max_length=400)
    ] = ()


class Erasure(Message):
    """A kiosk's signed word that a person's data is gone from it (context "erasure")."""

    id: EventId
    kiosk_id: KioskId
    person_id: Identifier
    templates: Annotated[tuple[Identifier, ...], Field(max_length=100)] = ()
    erased_at: Instant
    signature: Signature
