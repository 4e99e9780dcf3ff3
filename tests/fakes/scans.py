"""Templates of clear scans for kiosk tests, sealed and signed as a kiosk does it."""

from datetime import UTC, datetime

from protocol.v1 import sealing, signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import ScanTemplate
from tests.fakes.kiosk_clock import START
from tests.fakes.school import DATA_KEY, KEY_ID, KIOSK_ID, SIGNING_KEY

NEXT_ID = "sface-2021dec"
VALUES = [0.5, -0.25, 1.0]


def scan(person_id: str = "p1", at: datetime = START, *, event_id: str = "") -> ScanTemplate:
    """One scan of a person, captured at ``at``."""
    scan_id = str(uuid7())
    body = {
        "id": scan_id,
        "kiosk_id": KIOSK_ID,
        "person_id": person_id,
        "event_id": event_id or str(uuid7()),
        "decided_by": "dlib-resnet-v1",
        "distance": 0.31,
        "strict_limit": 0.39,
        "model_id": NEXT_ID,
        "dimension": len(VALUES),
        "frames": 5,
        "captured_at": at.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
        "key_id": KEY_ID,
        "sealed": sealing.seal_template(sealing.pack_values(VALUES), DATA_KEY, template_id=scan_id),
    }
    signature = signing.sign_document(body, SIGNING_KEY, context="scan")
    return ScanTemplate.model_validate(body | {"signature": signature})


def opened(scan_template: ScanTemplate, key: str | None = None) -> list[float]:
    """Check a scan as the server does: the signature, then the seal; return its values.

    Args:
        scan_template: as it came.
        key: the kiosk's public key; that of the fake school where None.

    Raises:
        ProtocolError: another kiosk signed it, or it was sealed under another key or id.
    """
    public = signing.public_key(key or signing.public_text(SIGNING_KEY))
    body = scan_template.model_dump(mode="json", exclude={"signature"})
    signing.verify_document(body, scan_template.signature, public, context="scan")
    packed = sealing.open_template(
        scan_template.sealed,
        DATA_KEY,
        template_id=scan_template.id,
        dimension=scan_template.dimension,
    )
    return sealing.unpack_values(packed)
