"""Do a request with an `Idempotency-Key` once, and answer it again from what is kept.

The key is written in the endpoint's own transaction, so it is there exactly if the change is: no
crash leaves one without the other. That needs an endpoint with one write session, which nearly all
have; the others refuse the header.
"""

import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.types import now
from server.errors import InvalidError
from server.idempotency.service import (
    KeptAnswer,
    KeyedRequest,
    RequestRunningError,
    claim,
    keep,
    release,
)

KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
#: A string of HTTP's structured fields; many clients leave its quotation marks out.
_KEY = re.compile(r'^"?([\x21\x23-\x7e]{1,255})"?$')


class UnusableKeyError(InvalidError):
    """The key is invalid, or the request takes none."""

    code = "idempotency_key_unusable"
    default_message = "This Idempotency-Key is invalid, or this request takes none."


@dataclass(frozen=True)
class RunningKeys:
    """The keys whose requests are running in this process. Safe from any thread."""

    _keys: set[tuple[uuid.UUID, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def holding(self, account_id: uuid.UUID, key: str) -> Iterator[None]:
        """Hold a key while its request runs.

        Raises:
            RequestRunningError: another request holds it.
        """
        mine = (account_id, key)
        with self._lock:
            if mine in self._keys:
                raise RequestRunningError
            self._keys.add(mine)
        try:
            yield
        finally:
            with self._lock:
                self._keys.discard(mine)


@dataclass(frozen=True)
class OnceOnly:
    """A request that is to be done once.

    Attributes:
        request: its key, and what it asks.
        as_response: makes the answer of what the endpoint returns.
    """

    request: KeyedRequest
    as_response: Callable[[Any], Response]


_asked: ContextVar[OnceOnly | None] = ContextVar("once_only", default=None)


def key_of(request: Request) -> str | None:
    """Return the key of a request; None where it has none.

    Raises:
        UnusableKeyError: it is no key.
    """
    sent = request.headers.get(KEY_HEADER)
    if sent is None:
        return None
    if (found := _KEY.match(sent.strip())) is None:
        raise UnusableKeyError
    return found[1]


async def hash_of(request: Request) -> bytes:
    """Return what tells a request apart from another one: of method, address and body."""
    url = request.url
    asked = f"{request.method} {url.path}?{url.query}\0".encode()
    return sha256(asked + await request.body()).digest()


@contextmanager
def once_only(asked: OnceOnly) -> Iterator[None]:
    """Let the endpoint that is called inside do its work once."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def call_once(endpoint: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call an endpoint in its transaction, or return what it answered before."""
    asked = _asked.get()
    sessions = [one for one in arguments.values() if isinstance(one, Session)]
    if asked is None or not sessions:
        return endpoint(**arguments)
    db = sessions[0]
    if (kept := claim(db, asked.request, now())) is not None:
        return _replayed(kept)
    answer = asked.as_response(endpoint(**arguments))
    if answer.status_code >= HTTPStatus.BAD_REQUEST:
        release(db, asked.request)
    else:
        keep(db, asked.request, KeptAnswer(answer.status_code, bytes(answer.body)))
    return answer


def _replayed(kept: KeptAnswer) -> Response:
    media_type = "application/json" if kept.body else None
    return Response(kept.body, kept.status_code, {REPLAYED_HEADER: "true"}, media_type)
