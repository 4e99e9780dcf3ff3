"""Response headers that keep a browser from doing what our pages never need."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# No inline script or style, nothing from elsewhere, no frames. blob: and data: pictures are the
# webcam's preview; media is the webcam itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
}


class SecurityHeaders:
    """Add the headers to every answer; nothing but static files may be cached."""

    def __init__(self, app: ASGIApp, *, transport_security_s: int | None) -> None:
        self._app = app
        self._headers = dict(_HEADERS)
        if transport_security_s is not None:
            self._headers["Strict-Transport-Security"] = f"max-age={transport_security_s}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", _caching(scope))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _caching(scope: Scope) -> str:
    if not scope["path"].startswith("/static/"):
        return "no-store"
    # Our pages ask for static files by version; see server.web.pages.static_url.
    is_versioned = scope["query_string"].startswith(b"v=")
    return "public, max-age=31536000, immutable" if is_versioned else "no-cache"
