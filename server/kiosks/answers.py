"""Sign the answers to kiosks, so that a kiosk can tell them from those of anybody in between."""

import logging
import re
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protocol.v1.fields import MAX_DOCUMENT_BYTES
from protocol.v1.signing import sign_document
from protocol.v1.statements import (
    NONCE_HEADER,
    NONCE_PATTERN,
    SIGNATURE_HEADER,
    TIME_HEADER,
    answer_statement,
)
from server.db.types import now
from server.errors import SealBrokenError
from server.kiosks.server_key import ServerSigner

logger = logging.getLogger(__name__)

_DEVICE_PATHS = ("/api/v1/sync/", "/api/v1/kiosk/")
_OPEN_PATHS = ("/api/v1/devices/claim", "/api/v1/devices/trust")
_NONCE = re.compile(NONCE_PATTERN)


def answer_key(signer: ServerSigner) -> Ed25519PrivateKey | None:
    """Open the server's signing key at start, so that no answer waits for the database.

    Returns:
        None where it does not decrypt: the server works, but kiosks believe none of its answers.
    """
    try:
        return signer.key()
    except SealBrokenError:
        logger.exception("server signing key unreadable, answers to kiosks are not signed")
        return None


class SignedAnswers:
    """Signs each answer of the device API whose request has a nonce, errors included.

    Without a key, and without a valid nonce, answers leave unsigned. A layer that encodes answers,
    such as compression, belongs outside this one.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        find_key: Callable[[], Ed25519PrivateKey | None],
        limit_bytes: int = MAX_DOCUMENT_BYTES,
    ) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            find_key: returns the signing key, which is open only once the application has started.
            limit_bytes: a longer answer leaves unsigned; kiosks refuse it anyway.
        """
        self._app = app
        self._find_key = find_key
        self._limit_bytes = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        nonce = _nonce_of(scope)
        key = self._find_key() if nonce else None
        if nonce is None or key is None:
            await self._app(scope, receive, send)
            return
        answer = _HeldAnswer(scope, send, self._limit_bytes)
        await self._app(scope, receive, answer.take)
        if answer.is_whole:
            answer.sign(nonce, key)
            await answer.release()


class _HeldAnswer:
    """One answer, held back until its last byte is known."""

    def __init__(self, scope: Scope, send: Send, limit_bytes: int) -> None:
        self._scope = scope
        self._send = send
        self._limit_bytes = limit_bytes
        self._start: Message | None = None
        self._body = bytearray()
        self.is_whole = False

    async def take(self, message: Message) -> None:
        """Keep a part of the answer; pass all on at once where it grows too long."""
        if self._start is None and message["type"] == "http.response.start":
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            self.is_whole = not message.get("more_body", False)
            if len(self._body) > self._limit_bytes:
                await self.release()

    def sign(self, nonce: str, key: Ed25519PrivateKey) -> None:
        """Add the time and the signature to the headers."""
        assert self._start is not None
        time = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        statement = answer_statement(
            nonce=nonce,
            time=time,
            method=self._scope["method"],
            target=_target_of(self._scope),
            status=self._start["status"],
            body=bytes(self._body),
        )
        headers = MutableHeaders(scope=self._start)
        headers[TIME_HEADER] = time
        headers[SIGNATURE_HEADER] = sign_document(statement, key, context="answer")

    async def release(self) -> None:
        """Send what is held; anything that follows is passed on."""
        start, self._start = self._start, None
        assert start is not None
        has_more = not self.is_whole
        self.is_whole = False
        await self._send(start)
        await self._send(
            {"type": "http.response.body", "body": bytes(self._body), "more_body": has_more}
        )
        self._body.clear()


def _nonce_of(scope: Scope) -> str | None:
    """Return the nonce of a device call; None: not a device call, or no valid nonce."""
    if scope["type"] != "http" or not _is_device_call(scope["path"]):
        return None
    nonces = Headers(scope=scope).getlist(NONCE_HEADER)
    return nonces[0] if len(nonces) == 1 and _NONCE.fullmatch(nonces[0]) else None


def _is_device_call(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_DEVICE_PATHS)


def _target_of(scope: Scope) -> str:
    """Return path and query as they came, still encoded."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return (path + b"?" + query if query else path).decode("latin-1")
