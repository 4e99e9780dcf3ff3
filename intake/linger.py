"""Lets a client that is still sending read the answer that refuses what it sends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from intake.asgi import declared_bytes

if TYPE_CHECKING:
    from intake.asgi import ASGIApp, Message, Receive, Scope, Send

LINGER_S = 10.0
IDLE_S = 2.0


class LingerMiddleware:
    """Discards for a short time what follows an early answer, then closes the connection.

    A connection that is closed while the client sends is reset, and the client never sees the
    answer. Nothing of what is discarded is kept. Add it as the outermost middleware.

    Source: nginx does the same, `lingering_close`, https://nginx.org/en/docs/http/ngx_http_core_module.html
    """

    def __init__(self, app: ASGIApp, *, linger_s: float = LINGER_S, idle_s: float = IDLE_S) -> None:
        """Wrap an application.

        Args:
            app: what is wrapped.
            linger_s: longest time to discard, seconds.
            idle_s: longest wait for more to discard, seconds.
        """
        self._app = app
        self._linger_s = linger_s
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _may_have_body(scope):
            await self._app(scope, receive, send)
            return
        is_whole = False
        is_held = False

        async def receive_noting() -> Message:
            nonlocal is_whole
            message = await receive()
            is_whole = is_whole or not message.get("more_body", False)
            return message

        async def send_noting(message: Message) -> None:
            nonlocal is_held
            if not is_whole and message["type"] == "http.response.start":
                headers = [*message.get("headers", []), (b"connection", b"close")]
                message = {**message, "headers": headers}
                is_held = True
            if is_held and message["type"] == "http.response.body":
                message = {**message, "more_body": True}
            await send(message)

        await self._app(scope, receive_noting, send_noting)
        if is_held:
            await self._discard(receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _discard(self, receive: Receive) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._linger_s
        has_more = True
        while has_more and loop.time() < end_s:
            try:
                async with asyncio.timeout_at(min(end_s, loop.time() + self._idle_s)):
                    has_more = (await receive()).get("more_body", False)
            except TimeoutError:
                return


def _may_have_body(scope: Scope) -> bool:
    try:
        return declared_bytes(scope) != 0
    except ValueError:
        return True
