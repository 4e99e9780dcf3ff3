"""Give each request an id that follows it through every log line and service."""

import logging
import time

from prometheus_client import Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.logs import adopt_correlation_id

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
#: Asked so often by machines that a line each would bury the others while all is well;
#: the metrics count them.
_UNLOGGED = {"/health", "/metrics", "/people/{person_id}/enrol/guidance"}
HEADER = "X-Correlation-ID"
_SECONDS = Histogram(
    "rollcall_http_request_seconds",
    "Time to answer a request, by route template.",
    ["method", "route", "status"],
)
_logger = logging.getLogger("server.requests")


class CorrelationMiddleware:
    """Accept or make the id, return it, and log one line when the request is done.

    The line names the route's template, never the query or the values in the path: a search for a
    person is a name.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        value = adopt_correlation_id(Headers(scope=scope).get(HEADER, ""))
        started = time.perf_counter()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = value
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _log_request(scope, status, time.perf_counter() - started)


def _log_request(scope: Scope, status: int, duration_s: float) -> None:
    route = getattr(scope.get("route"), "path", None) or "unmatched"
    # An unknown method is a stranger's word: it must not become a label.
    method = scope["method"] if scope["method"] in _METHODS else "other"
    _SECONDS.labels(method, route, str(status)).observe(duration_s)
    is_routine = route.startswith("/static") or route in _UNLOGGED
    if is_routine and status < 400:
        return
    _logger.info(
        "request",
        extra={
            "method": method,
            "route": route,
            "status": status,
            "duration_ms": round(duration_s * 1000, 1),
        },
    )
