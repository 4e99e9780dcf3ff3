"""The proof that an answer comes from this kiosk's server, and that a claim has ended."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kiosk.errors import UnprovenAnswerError
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import ClaimResponse, Revocation
from protocol.v1.signing import public_key, verify_document
from protocol.v1.statements import (
    SIGNATURE_HEADER,
    TIME_HEADER,
    answer_statement,
    verify_revocation,
)

_LONGEST_HEADER = 200
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Question:
    """What a request was about, as the server signs it in its answer.

    Attributes:
        method: upper case.
        target: path and query from `/api/v1` on, as the server sees them.
        nonce: new for each request.
    """

    method: str
    target: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of anybody, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether it is a 2xx."""
        return 200 <= self.status < 300

    @property
    def document(self) -> dict[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return document if isinstance(document, dict) else {}

    @property
    def code(self) -> str:
        """The error code of our server's format; empty where there is none."""
        document = self.document
        error = document.get("error", document)
        code = error.get("code", "") if isinstance(error, dict) else ""
        return str(code)[:64]

    @property
    def has_signature(self) -> bool:
        """Whether the headers of a signed answer are there; they may be anybody's."""
        return all(self.headers.get(name) for name in (TIME_HEADER, SIGNATURE_HEADER))


def question(method: str, target: str) -> Question:
    """Return a question with a nonce that was never used."""
    return Question(method, target, secrets.token_urlsafe(24))


def server_time(asked: Question, answer: Answer, key: Ed25519PublicKey | None) -> datetime:
    """Check that the server with this key answered this question; return its time, UTC.

    Raises:
        UnprovenAnswerError: anything else; the answer means nothing.
    """
    stated = answer.headers.get(TIME_HEADER, "")
    signature = answer.headers.get(SIGNATURE_HEADER, "")
    is_short = max(len(stated), len(signature)) <= _LONGEST_HEADER
    if key is None or not (stated and signature and is_short):
        raise foreign(answer)
    try:
        statement = answer_statement(
            nonce=asked.nonce,
            time=stated,
            method=asked.method,
            target=asked.target,
            status=answer.status,
            body=answer.body,
        )
        verify_document(statement, signature, key, context="answer")
        return datetime.fromisoformat(stated).astimezone(UTC)
    except (ProtocolError, ValueError, OverflowError) as exc:
        raise foreign(answer) from exc


def foreign(answer: Answer) -> UnprovenAnswerError:
    """Return the error for an answer that is not this kiosk's server's."""
    if not answer.document:
        words = "something else answers instead of the server"
    elif answer.has_signature:
        words = "another server answers, or something changes its answers"
    else:
        words = "the server is too old or another one: it does not sign its answers"
    is_redirect = answer.status in _REDIRECTS
    moved_to = answer.headers.get("Location", "")[:_LONGEST_HEADER] if is_redirect else ""
    return UnprovenAnswerError(
        f"{words} (status {answer.status})", is_server=bool(answer.document), moved_to=moved_to
    )


@dataclass(frozen=True, slots=True)
class Peer:
    """This kiosk's server, as it is known from the claim.

    Attributes:
        key: what the server signs with.
        kiosk_id: this kiosk.
        claim: number of the claim; 0 where the server did not number claims yet.
        claimed_at: the server's time at the claim, UTC.
    """

    key: Ed25519PublicKey
    kiosk_id: str
    claim: int
    claimed_at: datetime

    @classmethod
    def of(cls, claim: ClaimResponse) -> "Peer":
        """Return the peer that a claim names.

        Raises:
            ProtocolError: the server's key is none.
        """
        key = public_key(claim.server_key)
        return cls(key, claim.kiosk_id, claim.claim, claim.server_time)

    def ends_claim(self, answer: Answer) -> bool:
        """Say whether an answer holds the server's signed word that this very claim has ended."""
        try:
            revocation = Revocation.model_validate(answer.document.get("revocation"))
            verify_revocation(revocation, self.key)
        except (ProtocolError, ValueError):
            return False
        is_mine = (revocation.kiosk_id, revocation.claim) == (self.kiosk_id, self.claim)
        return is_mine and (self.claim > 0 or revocation.revoked_at > self.claimed_at)
