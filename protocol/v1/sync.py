"""What a kiosk downloads: gallery pages and its configuration; and erasure receipts."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from protocol.v1.device import CertificateText, RoomRef
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
from protocol.v1.policy import AttendancePolicy, Policy

MAX_PAGE_ENTRIES = 1000
MAX_LESSONS = 2000
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


class SchoolRef(Message):
    """The school the kiosk stands in."""

    name: Label
    time_zone: Annotated[str, Field(max_length=64)] = Field(description="IANA name")


class LessonEntry(Message):
    """One lesson in the kiosk's room, with who is due."""

    id: Identifier
    course_code: Label
    course_title: Label
    room_id: Identifier
    starts_at: Instant
    ends_at: Instant
    policy_version: Count | None = Field(
        default=None,
        description="of the policy that judges this lesson, where it is not the newest",
    )
    attendance: AttendancePolicy | None = Field(
        default=None, description="its windows; None: those of the document's policy"
    )
    roster: Annotated[tuple[Identifier, ...], Field(max_length=MAX_ROSTER)] = ()


class ElsewhereEntry(Message):
    """A person of this gallery who is due in another room for a while."""

    person_id: Identifier
    room_name: Label
    starts_at: Instant
    ends_at: Instant


class LimitGroup(StrEnum):
    """Whose limits apply to a person: those measured on adults do not hold for children."""

    ADULT = "adult"
    TEEN = "teen"
    CHILD = "child"


class PersonName(Message):
    """How the kiosk greets a person, and which limits apply to them."""

    id: Identifier
    display_name: Label
    limit_group: Word = Field(
        default=LimitGroup.CHILD,
        description="`adult`, `teen` or `child`; unknown words and people who are not named count"
        " as `child`",
    )


class NetworkChoice(Message):
    """Which network decides, and which one is to replace it."""

    current: ModelId = Field(description="the network that decides")
    next: ModelId | None = Field(
        default=None, description="compared beside it and counted, but never decides"
    )
    collects_scans: bool = Field(
        default=False,
        description="whether the kiosk sends templates of the next network, made from clear scans",
    )


class MeasuredLimit(Message):
    """What the school's own measurement allows with one network; only ever makes limits stricter.

    From 30 `people` on it takes the place of the limits for children that rest on other faces.
    """

    model_id: ModelId
    distance: Annotated[float, Field(gt=0, le=10)] = Field(
        description="no limit exceeds it; on the scale that all cards share"
    )
    people: Count = Field(
        description="young people it was measured on; 0 where most of those measured are adults"
    )


class ConfigDocument(Message):
    """Everything but templates: policy, the next 7 days of the room, names."""

    version: Identifier
    kiosk_id: KioskId
    kiosk_name: Label
    school: SchoolRef
    room: RoomRef
    policy: Policy
    lessons: Annotated[tuple[LessonEntry, ...], Field(max_length=MAX_LESSONS)] = ()
    elsewhere: Annotated[tuple[ElsewhereEntry, ...], Field(max_length=MAX_PEOPLE)] = ()
    people: Annotated[tuple[PersonName, ...], Field(max_length=MAX_PEOPLE)] = ()
    look_alikes: Annotated[
        tuple[tuple[Identifier, Identifier], ...], Field(max_length=MAX_PEOPLE)
    ] = Field(default=(), description="people of this gallery who are easily confused")
    network: NetworkChoice | None = Field(
        default=None, description="None: the kiosk uses the network of its own settings"
    )
    measured_limits: Annotated[tuple[MeasuredLimit, ...], Field(max_length=8)] = ()
    holidays: Annotated[
        tuple[Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")], ...], Field(max_length=400)
    ] = ()
    ca_pem: CertificateText | None = Field(
        default=None,
        description="as in `ClaimResponse`; so that kiosks know a new authority before it signs",
    )
    broker_ca_pem: CertificateText | None = Field(
        default=None,
        description="authorities of the broker, as in `BrokerAccess.ca_pem`; None: not stated",
    )


class Erasure(Message):
    """A kiosk's signed word that a person's data is gone from it (context "erasure")."""

    id: EventId
    kiosk_id: KioskId
    person_id: Identifier
    templates: Annotated[tuple[Identifier, ...], Field(max_length=100)] = ()
    erased_at: Instant
    signature: Signature
