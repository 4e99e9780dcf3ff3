"""Signs HTTP answers as the school's server does."""

from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.v1.signing import sign_document
from protocol.v1.statements import SIGNATURE_HEADER, TIME_HEADER, answer_statement
from tests.fakes.school import SERVER_KEY


def signed_headers(
    nonce: str,
    request: tuple[str, str],
    answer: tuple[int, bytes],
    *,
    key: Ed25519PrivateKey = SERVER_KEY,
    ahead: timedelta = timedelta(0),
) -> dict[str, str]:
    """Return time and signature for an answer.

    Args:
        nonce: of the request.
        request: method, and path with query.
        answer: status and body.
        key: of the server.
        ahead: how far the server's clock is ahead of ours.
    """
    time = (datetime.now(UTC) + ahead).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    (method, target), (status, body) = request, answer
    statement = answer_statement(
        nonce=nonce, time=time, method=method, target=target, status=status, body=body
    )
    return {TIME_HEADER: time, SIGNATURE_HEADER: sign_document(statement, key, context="answer")}
