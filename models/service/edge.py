"""What every request passes before the framework sees it. Pure ASGI, outermost first."""

from __future__ import annotations

import hmac
import logging
import math
import time
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders

from models.service.answers import refusal_answer
from models.service.errors import ErrorCode, RefusalError
from models.service.logs import adopt_correlation_id
from models.service.pool import overloaded

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from models.service.metrics import Metrics
    from models.service.rate import TokenBucket

logger = logging.getLogger(__name__)
CORRELATION_HEADER = "X-Correlation-ID"
KEY_HEADER = "X-API-Key"
GUARDED = "/api/"
_KEY_NUMBER = "key_number"  # in the scope's state: which of the keys it was


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
    """Refuses requests to /api without a key, before a byte of their body is read."""

    def __init__(self, app: ASGIApp, *, keys: Sequence[str]) -> None:
        self._app = app
        self._keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith(GUARDED):
            offered = Headers(scope=scope).get(KEY_HEADER, "").encode("latin-1")
            # All are compared, so that the time taken says nothing of which one is nearly right.
            fits = [hmac.compare_digest(offered, key) for key in self._keys]
            if not any(fits):
                refusal = RefusalError(
                    ErrorCode.UNAUTHORIZED, f"The header {KEY_HEADER} is missing or wrong."
                )
                await refusal_answer(scope, refusal)(scope, receive, send)
                return
            scope.setdefault("state", {})[_KEY_NUMBER] = fits.index(True)
        await self._app(scope, receive, send)


class RateMiddleware:
    """Turns away requests to /api whose key has sent too many. Inside `KeyMiddleware`."""

    def __init__(self, app: ASGIApp, *, buckets: Sequence[TokenBucket]) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            buckets: one a key, in the keys' order.
        """
        self._app = app
        self._buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith(GUARDED):
            wait_s = self._buckets[scope["state"][_KEY_NUMBER]].take()
            if wait_s:
                refusal = RefusalError(
                    ErrorCode.RATE_LIMITED,
                    "This key has sent too many requests; come back later.",
                    retry_after_s=math.ceil(wait_s),
                )
                await refusal_answer(scope, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class AdmissionMiddleware:
    """Bounds how many requests to /api are in flight, and so the memory of their bodies."""

    def __init__(self, app: ASGIApp, *, limit: int, metrics: Metrics) -> None:
        self._app = app
        self._limit = limit
        self._metrics = metrics
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED):
            await self._app(scope, receive, send)
            return
        if self._in_flight >= self._limit:
            await refusal_answer(scope, overloaded())(scope, receive, send)
            return
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)


class BodyLimitMiddleware:
    """Refuses bodies over a limit, by their declared length or while they arrive."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self._max_bytes:
            await refusal_answer(scope, self._too_large())(scope, receive, send)
            return
        received = 0
        is_over = False

        async def receive_counted() -> Message:
            nonlocal received, is_over
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                is_over = True
                # An empty end makes the framework stop reading; its answer is replaced below.
                return {"type": "http.request", "body": b"", "more_body": False}
            return message

        async def send_replaced(message: Message) -> None:
            if not is_over:
                await send(message)

        await self._app(scope, receive_counted, send_replaced)
        if is_over:
            await refusal_answer(scope, self._too_large())(scope, receive, send)

    def _too_large(self) -> RefusalError:
        return RefusalError(
            ErrorCode.REQUEST_TOO_LARGE, f"The body is larger than {self._max_bytes} bytes."
        )
