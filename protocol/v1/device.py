"""Claiming a kiosk, its status, and what the server tells it over MQTT."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from protocol.v1.events import Watermark
from protocol.v1.fields import (
    Base64Text,
    Count,
    EventId,
    Hash,
    Identifier,
    Instant,
    KioskId,
    Label,
    Message,
    ModelId,
    Note,
    OffsetMs,
    PublicKey,
    Seconds,
    Seq,
    Signature,
    Word,
)

ClaimCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJKMNP-TV-Z]{8}$")]
Secret = Annotated[str, StringConstraints(min_length=16, max_length=200)]
CertificateText = Annotated[str, Field(max_length=65536)]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
MAX_STATUS_PARTS = 32


class ClaimRequest(Message):
    """A kiosk's request to be claimed: its claim code and the public halves of its keys.

    `proof` is the kiosk's signature over the rest (`signing.sign_document`, context "claim"):
    it proves that the kiosk holds the signing key.
    """

    claim_code: ClaimCode
    signing_key: PublicKey = Field(description="Ed25519, base64 of 32 bytes")
    sealing_key: PublicKey = Field(description="X25519, base64 of 32 bytes")
    software_version: Label = ""
    hardware: Label = ""
    proof: Signature


class BrokerAccess(Message):
    """The broker's address and the kiosk's credentials for it."""

    host: HostName
    port: Annotated[int, Field(ge=1, le=65535)]
    tls: bool = False
    ca_pem: CertificateText | None = None
    client_id: KioskId
    username: KioskId
    password: Secret


class WrappedKey(Message):
    """The gallery data key, sealed so that only this kiosk can open it."""

    key_id: Identifier
    wrapped: Base64Text


class RoomRef(Message):
    """A room by id and name."""

    id: Identifier
    name: Label


class ClaimResponse(Message):
    """Everything a claimed kiosk needs.

    A kiosk without a stored chain starts at `next_seq` with `chain_head` as `prev_hash`.
    A kiosk that claims again with its old key and has unsent events keeps its own chain.
    """

    kiosk_id: KioskId
    name: Label
    school: Label
    room: RoomRef
    broker: BrokerAccess | None = None
    device_token: Secret
    server_key: PublicKey = Field(description="Ed25519: what commands are signed with")
    gallery_key: WrappedKey
    next_seq: Seq
    chain_head: Hash
    server_time: Instant
    claim: Count = Field(
        default=0, description="counts the claims of this kiosk; a `Revocation` names one"
    )
    ca_pem: CertificateText | None = Field(
        default=None,
        description="certificate authorities of the server's address, PEM, the one that signs now"
        " first; None where the server has no certificate of the school's",
    )


class TrustOffer(Message):
    """What the server says of its certificate before a claim; believed only after a comparison.

    A person compares `trust.six_words` on both sides, or the fingerprint comes by QR or file.
    """

    ca_pem: CertificateText | None = Field(
        default=None,
        description="as in `ClaimResponse`; None where the certificate, if any, is a public one",
    )


class Revocation(Message):
    """The server's signed word that a kiosk's claim has ended; only this ends it for the kiosk.

    It counts for the claim it names alone, so that an old one cannot be used after a new claim.
    Anything else that says "unknown" is a temporary fault.
    """

    kiosk_id: KioskId
    claim: Count
    revoked_at: Instant
    signature: Signature = Field(
        description="by the server's key, see `statements.revocation_statement`"
    )


class PartState(StrEnum):
    """How one part of the kiosk is."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    ABSENT = "absent"


class PartHealth(Message):
    """One line of the kiosk's health, for technicians; no personal data."""

    state: Word
    detail: Note = ""
    since: Instant | None = None


class ShadowCounts(Message):
    """How the next network would have decided, beside the current one; it never decides.

    Counts scans since `since` of people who have templates of both networks, and scans that
    neither network recognised. No person is named.
    """

    model_id: ModelId = Field(description="the next network")
    since: Instant
    agreed: Count = Field(default=0, description="both recognised the same person")
    missed: Count = Field(default=0, description="only the current network recognised the person")
    other_person: Count = Field(default=0, description="they recognised two different people")
    only_next: Count = Field(default=0, description="only the next network recognised a person")
    nobody: Count = Field(default=0, description="neither recognised anybody")


class Status(Message):
    """How a kiosk is; retained, with `{"online": false}` as the last will."""

    online: bool
    at: Instant | None = None
    software_version: Label = ""
    uptime_s: Seconds | None = None
    backlog: Count = Field(default=0, description="events not yet acknowledged")
    set_aside: Count = Field(
        default=0,
        description="events of an earlier identity or a damaged file that still wait here",
    )
    last_seq: Count = 0
    watermark: Watermark | None = None
    gallery_version: Count = 0
    gallery_size: Count = 0
    embedder: Identifier | None = Field(
        default=None, description="model whose templates the kiosk compares"
    )
    shadow: ShadowCounts | None = Field(
        default=None, description="while the school changes its network"
    )
    config_version: Identifier | None = None
    clock_source: Word | None = None
    clock_offset_ms: OffsetMs | None = None
    parts: Annotated[
        dict[Annotated[str, Field(max_length=40)], PartHealth],
        Field(max_length=MAX_STATUS_PARTS),
    ] = Field(default_factory=dict)


class VersionHint(Message):
    """Which versions are current for this kiosk; never the content."""

    gallery: Count
    config: Identifier
    models: Identifier | None = None
    credentials: Identifier | None = Field(
        default=None, description="differs whenever PINs or cards of the school have changed"
    )
    issued_at: Instant


class Command(Message):
    """An order to one kiosk, signed by the server (context "command"), with an expiry."""

    id: EventId
    kiosk_id: KioskId
    kind: Word
    arguments: Annotated[
        dict[Annotated[str, Field(max_length=40)], JsonValue],
        Field(max_length=16),
    ] = Field(default_factory=dict)
    issued_at: Instant
    expires_at: Instant
    signature: Signature


class CommandResult(Message):
    """What became of a command."""

    command_id: EventId
    outcome: Word
    detail: Note = ""
    at: Instant
