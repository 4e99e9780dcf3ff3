"""What every request passes before the framework sees it. Pure ASGI, outermost first."""

from __future__ import annotations

import logging
import math
import time
from hmac import compare_digest
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from models.service.answers import refusal_answer
from models.service.bodies import GUARDED
from models.service.errors import ErrorCode, RefusalError
from models.service.keys import find_key
from models.service.logs import adopt_correlation_id
from models.service.match_gate import MATCH_PATHS

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from models.service.keys import CallerKey
    from models.service.match_gate import MatchGate
    from models.service.metrics import Metrics
    from models.service.rate import TokenBucket

logger = logging.getLogger(__name__)
CORRELATION_HEADER = "X-Correlation-ID"
KEY_HEADER = "X-API-Key"
METRICS_PATH, DESCRIPTION_PATH = "/metrics", "/openapi.json"
CALLER_KEY = "caller_key"  # in the scope's state: which of the keys it was


class RecordMiddleware:
    """Correlation id, one log line and the metrics of each request; the last resort for errors."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, paths: Container[str]) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            metrics: counts here.
            paths: known paths; any other is recorded as "other", so that nobody can fill the
                logs and the metrics with names.
        """
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        correlation_id = adopt_correlation_id(Headers(scope=scope).get(CORRELATION_HEADER))
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[CORRELATION_HEADER] = correlation_id
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception:  # the edge of the process: whatever fails, the caller gets an answer
            logger.exception("a request failed")
            if status:
                raise
            problem = RefusalError(ErrorCode.INTERNAL_ERROR, "The service failed.")
            await refusal_answer(scope, problem)(scope, receive, send_marked)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, duration_s: float) -> None:
        path = scope["path"] if scope["path"] in self._paths else "other"
        code: ErrorCode | None = scope.get("state", {}).get("error_code")
        self._metrics.requests.labels(path, str(status)).inc()
        self._metrics.seconds.labels(path).observe(duration_s)
        if code is not None:
            self._metrics.refusals.labels(path, code.value).inc()
        facts = {
            "method": scope["method"],
            "path": path,
            "status": status,
            "duration_ms": round(duration_s * 1000, 1),
            "error_code": code,
        }
        is_routine = status < 400 and not path.startswith(GUARDED)
        logger.log(logging.DEBUG if is_routine else logging.INFO, "request", extra=facts)


class KeyMiddleware:
    """Refuses requests without a key, before a byte of their body is read.

    Only health, readiness and the page that asks for the key are open.
    """

    def __init__(
        self, app: ASGIApp, *, keys: Sequence[CallerKey], metrics_token: str | None = None
    ) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            keys: of callers; each opens everything here.
            metrics_token: opens `/metrics` alone, as `Authorization: Bearer`; None: none does.
        """
        self._app = app
        self._keys = keys
        self._bearer = metrics_token and f"Bearer {metrics_token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and _needs_key(scope["path"]):
            headers = Headers(scope=scope)
            key = find_key(self._keys, headers.get(KEY_HEADER, "").encode("latin-1"))
            if key is None and not self._may_read_metrics(scope["path"], headers):
                refusal = RefusalError(
                    ErrorCode.UNAUTHORIZED, f"The header {KEY_HEADER} is missing or wrong."
                )
                await refusal_answer(scope, refusal)(scope, receive, send)
                return
            scope.setdefault("state", {})[CALLER_KEY] = key
        await self._app(scope, receive, send)

    def _may_read_metrics(self, path: str, headers: Headers) -> bool:
        if path != METRICS_PATH or not self._bearer:
            return False
        return compare_digest(headers.get("authorization", "").encode("latin-1"), self._bearer)


def _needs_key(path: str) -> bool:
    return path.startswith(GUARDED) or path in (METRICS_PATH, DESCRIPTION_PATH)


class RateMiddleware:
    """Turns away requests to /api whose key has sent too many. Inside `KeyMiddleware`."""

    def __init__(self, app: ASGIApp, *, buckets: Mapping[str, TokenBucket]) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            buckets: one a key, by its name.
        """
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith(GUARDED):
            wait_s = self._buckets[scope["state"][CALLER_KEY].name].take()
            if wait_s:
                refusal = RefusalError(
                    ErrorCode.RATE_LIMITED,
                    "This key has sent too many requests; come back later.",
                    retry_after_s=math.ceil(wait_s),
                )
                await refusal_answer(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class MatchRightMiddleware:
    """Refuses keys that may not compare vectors, before the body is read. Inside `KeyMiddleware`.

    The endpoints ask the gate again, so that no way of writing a path gets round it.
    """

    def __init__(self, app: ASGIApp, *, gate: MatchGate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"] in MATCH_PATHS:
            try:
                self._gate.check_right(scope["state"][CALLER_KEY], scope["path"])
            except RefusalError as refusal:
                await refusal_answer(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)
