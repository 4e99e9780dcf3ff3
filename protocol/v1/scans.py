"""Templates that a kiosk makes from clear scans, while a school changes its network."""

from typing import Annotated

from pydantic import Field

from protocol.v1.fields import (
    Base64Text,
    Count,
    EventId,
    Identifier,
    Instant,
    KioskId,
    Message,
    ModelId,
    Signature,
)

MAX_SCANS_PER_BATCH = 50


class ScanTemplate(Message):
    """One person's template of the next network, from a scan that the current one recognised.

    `sealed` is base64 of nonce and AES-256-GCM of the float16 little-endian values under the
    gallery data key `key_id`, with `id` as associated data (`sealing.seal_template`). The signature
    covers everything else (context "scan").
    """

    id: EventId
    kiosk_id: KioskId
    person_id: Identifier
    event_id: EventId = Field(description="the attendance event of the same scan")
    decided_by: ModelId = Field(description="the network that recognised the person")
    distance: Annotated[float, Field(ge=0, le=10)] = Field(description="on the common scale")
    strict_limit: Annotated[float, Field(gt=0, le=10)] = Field(
        description="the strictest limit in force at that scan; `distance` is within it"
    )
    model_id: ModelId = Field(description="the network of this template")
    dimension: Annotated[int, Field(ge=1, le=4096)]
    frames: Count = Field(description="frames fused")
    captured_at: Instant
    key_id: Identifier
    sealed: Base64Text
    signature: Signature


class ScanTemplateBatch(Message):
    """What a kiosk hands over at once (POST /api/v1/kiosk/scan-templates)."""

    scans: Annotated[tuple[ScanTemplate, ...], Field(min_length=1, max_length=MAX_SCANS_PER_BATCH)]


class ScanTemplateReceipt(Message):
    """The scans that the server has judged; the kiosk deletes all of them.

    Scans that are not named were not judged: the kiosk keeps and sends them again.
    """

    accepted: Annotated[tuple[EventId, ...], Field(max_length=MAX_SCANS_PER_BATCH)] = ()
    refused: Annotated[tuple[EventId, ...], Field(max_length=MAX_SCANS_PER_BATCH)] = ()
