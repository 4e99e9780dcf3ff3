"""A real HTTP proxy between kiosk and server that can play a captive portal."""

import http.client
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

#: Does something instead of forwarding, and returns whether it did.
Misbehaviour = Callable[["ProxyHandler"], bool]
_PAGE = b"<html><body>Welcome. Please accept our terms of use.</body></html>"
_PER_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host"})
#: Tuesday, long before the school was there.
_WRONG_DATE = "Tue, 01 Jan 2019 00:00:00 GMT"


@dataclass
class Proxy:
    """What a test sees of the proxy.

    Attributes:
        port: where it listens.
        target: address of the server.
        misbehave: see `Misbehaviour`; None forwards everything.
        answered: how many requests it answered itself.
    """

    port: int
    target: str
    misbehave: Misbehaviour | None = None
    answered: int = 0

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: Proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the tests."""


class ProxyHandler(BaseHTTPRequestHandler):
    """Forwards one connection; headers of both directions are passed on as they are."""

    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """See `BaseHTTPRequestHandler`."""
        self._handle()

    def do_POST(self) -> None:
        """See `BaseHTTPRequestHandler`."""
        self._handle()

    def _handle(self) -> None:
        """Read a request, then forward it or misbehave."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        proxy = self.server.proxy
        if proxy.misbehave is not None and proxy.misbehave(self):
            proxy.answered += 1
            return
        self._forward(body)

    def _forward(self, body: bytes) -> None:
        target = urlsplit(self.server.proxy.target)
        connection = http.client.HTTPConnection(target.netloc, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _PER_HOP}
        try:
            connection.request(self.command, self.path, body, headers)
            found = connection.getresponse()
            content = found.read()
        except OSError:
            self.answer(502, b"<html>Bad gateway</html>")
            return
        finally:
            connection.close()
        passed = {k: v for k, v in found.getheaders() if k.lower() not in _PER_HOP}
        self.answer(found.status, content, passed)

    def answer(self, status: int, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a complete answer."""
        self.send_response_only(status)
        for name, value in (headers or {"Content-Type": "text/html"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != http.HTTPStatus.NOT_MODIFIED:
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""


def portal(handler: ProxyHandler) -> bool:
    """Answer everything with a page and a date of years ago, as a guest network may."""
    handler.answer(200, _PAGE, {"Content-Type": "text/html", "Date": _WRONG_DATE})
    return True


def portal_on_get(handler: ProxyHandler) -> bool:
    """Answer what is fetched with a page; what is sent passes."""
    return handler.command == "GET" and portal(handler)


def portal_on_post(handler: ProxyHandler) -> bool:
    """Answer what is sent with a page; what is fetched passes."""
    return handler.command == "POST" and portal(handler)


def unknown_token(handler: ProxyHandler) -> bool:
    """Answer like a server that does not know the kiosk; nothing is signed."""
    words = b'{"error": {"code": "unknown_device", "message": "not known", "details": {}}}'
    handler.answer(401, words, {"Content-Type": "application/json"})
    return True


@contextmanager
def proxied(target: str) -> Iterator[Proxy]:
    """Run the proxy for the length of the block."""
    server = _Server(("127.0.0.1", 0), ProxyHandler)
    server.proxy = Proxy(server.server_address[1], target)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
