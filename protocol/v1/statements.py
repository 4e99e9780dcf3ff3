"""What kiosk and server sign besides events: watermark, ack, revocation, and answers over HTTP.

Each signature covers exactly the values listed here. A field that is added later is not covered,
so that an older peer can still check what it knows; a later field that matters needs another
signature.
"""

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocol.v1.device import Revocation
from protocol.v1.errors import BadSignatureError
from protocol.v1.events import Ack, Watermark
from protocol.v1.signing import sign_document, verify_document

NONCE_HEADER = "X-Rollcall-Nonce"
"""Of a request: 16 to 64 letters, digits, `-` or `_`, new for each request."""
TIME_HEADER = "X-Rollcall-Time"
"""Of an answer: the server's clock, ISO 8601 with milliseconds."""
SIGNATURE_HEADER = "X-Rollcall-Signature"
"""Of an answer to a request with a nonce: see `answer_statement`, context `answer`."""
NONCE_PATTERN = r"^[A-Za-z0-9_-]{16,64}$"

Statement = dict[str, Any]


def watermark_statement(watermark: Watermark) -> Statement:
    """Return what a kiosk signs of a watermark (context `watermark`)."""
    names = ("kiosk_id", "through", "seq", "head", "boot_id", "made_at", "uptime_s", "clock_source")
    dumped = watermark.model_dump(mode="json")
    return {name: dumped[name] for name in names}


def ack_statement(ack: Ack) -> Statement:
    """Return what the server signs of an ack (context `ack`)."""
    return {
        "kiosk_id": ack.kiosk_id,
        "stored_through": ack.stored_through,
        "stored_beyond": [[run.first, run.last] for run in ack.stored_beyond],
        "refused": [[one.id, one.seq, one.reason] for one in ack.refused],
        "lost": [[run.first, run.last] for run in ack.lost],
        "server_time": ack.model_dump(mode="json")["server_time"],
    }


def revocation_statement(revocation: Revocation) -> Statement:
    """Return what the server signs of a revocation (context `revocation`)."""
    dumped = revocation.model_dump(mode="json")
    return {name: dumped[name] for name in ("kiosk_id", "claim", "revoked_at")}


def answer_statement(
    *, nonce: str, time: str, method: str, target: str, status: int, body: bytes
) -> Statement:
    """Return what the server signs of an HTTP answer (context `answer`).

    Args:
        nonce: from the request.
        time: of `TIME_HEADER`, exactly as it stands there.
        method: of the request, upper case.
        target: path and query of the request as sent, for example `/api/v1/sync/config`.
        status: of the answer.
        body: of the answer, before any transfer or content coding.
    """
    return {
        "nonce": nonce,
        "time": time,
        "method": method,
        "target": target,
        "status": status,
        "body": hashlib.sha256(body).hexdigest(),
    }


def sign_watermark(unsigned: Watermark, key: Ed25519PrivateKey) -> Watermark:
    """Return the watermark with the kiosk's signature; the one in it is replaced."""
    signature = sign_document(watermark_statement(unsigned), key, context="watermark")
    return unsigned.model_copy(update={"signature": signature})


def verify_watermark(watermark: Watermark, key: Ed25519PublicKey) -> None:
    """Check that the kiosk with this key made the watermark.

    Raises:
        BadSignatureError: it did not.
    """
    verify_document(watermark_statement(watermark), watermark.signature, key, context="watermark")


def sign_ack(ack: Ack, key: Ed25519PrivateKey) -> Ack:
    """Return the ack with the server's signature."""
    return ack.model_copy(
        update={"signature": sign_document(ack_statement(ack), key, context="ack")}
    )


def verify_ack(ack: Ack, key: Ed25519PublicKey) -> None:
    """Check that the server with this key made the ack.

    Raises:
        BadSignatureError: it did not, or the ack has no signature.
    """
    if ack.signature is None:
        raise BadSignatureError("the ack has no signature")
    verify_document(ack_statement(ack), ack.signature, key, context="ack")


def sign_revocation(unsigned: Revocation, key: Ed25519PrivateKey) -> Revocation:
    """Return the revocation with the server's signature; the one in it is replaced."""
    signature = sign_document(revocation_statement(unsigned), key, context="revocation")
    return unsigned.model_copy(update={"signature": signature})


def verify_revocation(revocation: Revocation, key: Ed25519PublicKey) -> None:
    """Check that the server with this key made the revocation.

    Raises:
        BadSignatureError: it did not.
    """
    verify_document(
        revocation_statement(revocation), revocation.signature, key, context="revocation"
    )
