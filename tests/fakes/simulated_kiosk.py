"""A kiosk without camera or screen: real keys, real chain, for tests of what the server does."""

import base64
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol.v1 import sealing, signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import (
    ClaimRequest,
    ClockSource,
    ClockStamp,
    Erasure,
    EventBatch,
    EventKind,
    EventMethod,
    GapReason,
    GapSpan,
    RawEvent,
    UnsignedEvent,
    Watermark,
)
from protocol.v1.statements import sign_watermark


@dataclass
class SimulatedKiosk:
    """Makes what a kiosk sends."""

    kiosk_id: str = "00000000-0000-7000-8000-000000000001"
    key: Ed25519PrivateKey = field(default_factory=signing.make_key)
    sealing_key: X25519PrivateKey = field(default_factory=sealing.make_sealing_key)
    seq: int = 0
    head: str = signing.GENESIS_HASH

    def claim_request(self, code: str) -> ClaimRequest:
        body = {
            "claim_code": code,
            "signing_key": signing.public_text(self.key),
            "sealing_key": sealing.sealing_public_text(self.sealing_key),
            "software_version": "0.1.0",
            "hardware": "test",
        }
        proof = signing.sign_document(body, self.key, context="claim")
        return ClaimRequest.model_validate(body | {"proof": proof})

    def event(
        self,
        at: datetime,
        *,
        person_id: object = None,
        lesson_id: object = None,
        **fields: Any,
    ) -> RawEvent:
        """The next event of the chain, signed."""
        self.seq += 1
        draft = UnsignedEvent.model_validate(
            {
                "id": str(uuid7()),
                "kiosk_id": self.kiosk_id,
                "seq": self.seq,
                "occurred_at": at,
                "clock": ClockStamp(source=ClockSource.NTP, offset_ms=1.5, age_s=10),
                "lesson_id": None if lesson_id is None else str(lesson_id),
                "person_id": None if person_id is None else str(person_id),
                "kind": EventKind.SEEN,
                "method": EventMethod.FACE,
                "distance": 0.41,
                "margin": 0.2,
                "threshold": 0.5,
                "quality": 0.9,
                "model_id": "dlib-resnet-v1",
            }
            | fields
        )
        signed = signing.sign_event(draft, prev_hash=self.head, key=self.key)
        self.head = signed.hash
        return signing.to_raw(signed)

    def events(self, count: int, at: datetime, **fields: Any) -> list[RawEvent]:
        return [self.event(at, **fields) for _ in range(count)]

    def gap(self, at: datetime, first: int, last: int, **fields: Any) -> RawEvent:
        """The next event of the chain: the word that a span of numbers is lost."""
        bounds = {key: fields.pop(key) for key in ("from_at", "through_at") if key in fields}
        span = GapSpan(first=first, last=last, reason=GapReason.DAMAGED, **bounds)
        nobody = dict.fromkeys(("distance", "margin", "threshold", "quality", "model_id"))
        words = {"kind": EventKind.GAP, "method": EventMethod.NONE, "gap": span}
        return self.event(at, **(nobody | words | fields))

    def renumbered(self, event: RawEvent, seq: int) -> RawEvent:
        """The same event under another number, as a kiosk sends it whose number was taken."""
        draft = UnsignedEvent.model_validate(event | {"seq": seq})
        signed = signing.sign_event(draft, prev_hash=self.head, key=self.key)
        self.seq, self.head = seq, signed.hash
        return signing.to_raw(signed)

    def twin(self) -> "SimulatedKiosk":
        """A second device with everything this one has now: its disk was copied."""
        return replace(self)

    def watermark(self, through: datetime, **fields: Any) -> Watermark:
        """The signed word that everything up to a moment is among the events made so far."""
        draft = {
            "kiosk_id": self.kiosk_id,
            "through": through,
            "seq": self.seq,
            "head": self.head,
            "boot_id": "boot-1",
            "made_at": through,
            "uptime_s": 60.0,
            "clock_source": ClockSource.NTP,
            "signature": base64.b64encode(bytes(64)).decode(),
        }
        return sign_watermark(Watermark.model_validate(draft | fields), self.key)

    def batch(
        self,
        events: list[RawEvent],
        *,
        synced_through: datetime | None = None,
        watermark: Watermark | None = None,
    ) -> bytes:
        """A batch as it goes over the wire, with the word that it is all until `synced_through`."""
        signed = watermark if synced_through is None else self.watermark(synced_through)
        return EventBatch(
            kiosk_id=self.kiosk_id, events=tuple(events), watermark=signed, last_seq=self.seq
        ).to_json()

    def erasure(self, person_id: object, at: datetime) -> Erasure:
        draft = Erasure.model_construct(
            signature="",
            id=str(uuid7()),
            kiosk_id=self.kiosk_id,
            person_id=str(person_id),
            templates=(),
            erased_at=at,
        )
        body = draft.model_dump(mode="json", exclude={"signature"})
        signature = signing.sign_document(body, self.key, context="erasure")
        return Erasure.model_validate(body | {"signature": signature})
