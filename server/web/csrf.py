"""Refuse state-changing requests that another site made our user's browser send."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from server.errors import CrossSiteError
from server.web.errors import json_error

_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
#: Called by devices with their own token or code, never with a cookie, so there is nothing to ride.
_DEVICE_PATHS = ("/api/v1/devices/", "/api/v1/sync/", "/api/v1/kiosk/")
_PROGRAM_PATHS = "/api/v1/"
CLIENT_HEADER = "X-Requested-With"
CLIENT_NAME = "rollcall"


class CrossSiteGuard:
    """Trust Sec-Fetch-Site, else Origin; a client that is no browser says so in a header.

    Another site cannot forge the first two, nor send the third without a preflight that we deny.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http" or _is_allowed(scope):
            await self._app(scope, receive, send)
            return
        await json_error(CrossSiteError())(scope, receive, send)


def _is_allowed(scope: Scope) -> bool:
    if scope["method"] in _SAFE_METHODS or scope["path"].startswith(_DEVICE_PATHS):
        return True
    headers = Headers(scope=scope)
    if _is_by_token(scope["path"], headers):
        return True
    if (site := headers.get("sec-fetch-site")) is not None:
        return site == "same-origin"
    if (origin := headers.get("origin")) is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return headers.get(CLIENT_HEADER) == CLIENT_NAME


def _is_by_token(path: str, headers: Headers) -> bool:
    """Whether a request has an API token, which no browser adds on its own.

    Another site would need a preflight to send the header, and we deny it. A cookie beside it is
    refused later.
    """
    return path.startswith(_PROGRAM_PATHS) and headers.get("authorization", "").lower().startswith(
        "bearer "
    )
