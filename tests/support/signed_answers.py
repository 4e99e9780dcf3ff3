"""Check the server's signature of an answer, as a kiosk does."""

from typing import TYPE_CHECKING, Any

from protocol.v1.errors import BadSignatureError
from protocol.v1.signing import verify_document
from protocol.v1.statements import (
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIME_HEADER,
    answer_statement,
)

if TYPE_CHECKING:
    import httpx2
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

NONCE = "AbCdEfGhIjKlMnOp-_01"
WITH_NONCE = {NONCE_HEADER: NONCE}


def is_signed(
    answer: "httpx2.Response", key: "Ed25519PublicKey", asked: str, **changed: Any
) -> bool:
    """Say whether the server with this key signed the answer to a request with `NONCE`.

    `asked` is path and query as sent; `changed` takes the place of what was really answered.
    """
    facts: dict[str, Any] = {
        "nonce": NONCE,
        "time": answer.headers[TIME_HEADER],
        "method": answer.request.method,
        "target": asked,
        "status": answer.status_code,
        "body": answer.content,
    }
    statement = answer_statement(**(facts | changed))
    try:
        verify_document(statement, answer.headers[SIGNATURE_HEADER], key, context="answer")
    except BadSignatureError:
        return False
    return True
