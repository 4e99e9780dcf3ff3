"""The claim: from a code on a slip of paper to credentials, however long the server is away."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.screens import SetupStage
from kiosk.errors import (
    ClaimRefusedError,
    SyncError,
    UnprovenAnswerError,
    UntrustedLinkError,
)
from kiosk.sync.backoff import Backoff
from protocol.v1.messages import ClaimRequest, ClaimResponse
from protocol.v1.signing import public_text, sign_document

logger = logging.getLogger(__name__)


class ClaimTarget(Protocol):
    """Who answers a claim: `kiosk.sync.http.ServerClient`."""

    def claim(self, request: ClaimRequest) -> ClaimResponse:
        """Bind this kiosk's keys to its place; raises SyncError."""
        ...


class Waiting(Protocol):
    """What can end the waiting: `threading.Event`."""

    def is_set(self) -> bool:
        """Say whether it is over."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait for the end, at most some seconds."""
        ...


@dataclass(frozen=True, slots=True)
class ClaimOffer:
    """What a kiosk brings to its claim; ``sealing_key`` is the public half, base64."""

    claim_code: str
    signing_key: Ed25519PrivateKey
    sealing_key: str
    software_version: str
    hardware: str


def clean_code(text: str) -> str:
    """A claim code as people type it, brought to its one form (Crockford base32).

    Source: crockford.com/base32.html: case does not count, O reads as 0, I and L as 1, and
    hyphens are ignored.
    """
    plain = text.upper().replace("-", "").replace(" ", "")
    return plain.translate(str.maketrans("OIL", "011"))


def claim_request(offer: ClaimOffer) -> ClaimRequest:
    """The request, with the proof that we hold the key in it.

    Raises:
        ValueError: the code is no claim code.
    """
    body = {
        "claim_code": clean_code(offer.claim_code),
        "signing_key": public_text(offer.signing_key),
        "sealing_key": offer.sealing_key,
        "software_version": offer.software_version,
        "hardware": offer.hardware,
    }
    proof = sign_document(body, offer.signing_key, context="claim")
    return ClaimRequest.model_validate(body | {"proof": proof})


def away_stage(error: SyncError) -> SetupStage:
    """Return what to show after a claim that got no answer of a server."""
    if isinstance(error, UntrustedLinkError):
        return SetupStage.UNTRUSTED
    is_foreign = isinstance(error, UnprovenAnswerError)
    return SetupStage.FOREIGN_ANSWER if is_foreign else SetupStage.SERVER_AWAY


def claim_until_done(
    target: ClaimTarget,
    request: ClaimRequest,
    *,
    stop: Waiting,
    backoff: Backoff,
    on_stage: Callable[[SetupStage], None],
) -> ClaimResponse | None:
    """Claim; while the server is away, try again for ever.

    Args:
        target: the server.
        request: see `claim_request`.
        stop: ends the waiting.
        backoff: between two tries.
        on_stage: hears where we stand.

    Returns:
        The credentials, or None when stopped.

    Raises:
        ClaimRefusedError: the server says no; another code is needed.
    """
    away: SetupStage | None = None
    while not stop.is_set():
        on_stage(away or SetupStage.CLAIMING)
        try:
            response = target.claim(request)
        except ClaimRefusedError:
            on_stage(SetupStage.CLAIM_REFUSED)
            raise
        except SyncError as exc:
            if away is None:
                logger.warning("The claim waits for the server: %s", exc)
            away = away_stage(exc)
            on_stage(away)
            stop.wait(backoff.next_s())
        else:
            logger.info("Claimed as kiosk %s", response.kiosk_id)
            return response
    return None
