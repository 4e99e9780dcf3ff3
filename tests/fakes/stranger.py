"""A real HTTP server that answers in a school server's place: portals, proxies and forgers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from protocol.v1.statements import NONCE_HEADER


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    nonce: str
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What goes back. `parts` are sent one by one, and the connection is closed then."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    parts: Iterator[bytes] | None = None


Answering = Callable[[Asked], Reply]


class _Handler(BaseHTTPRequestHandler):
    answering: Answering
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        nonce = self.headers.get(NONCE_HEADER, "")
        reply = type(self).answering(Asked(self.command, self.path, nonce, body))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.parts is None:
            self.send_header("Content-Length", str(len(reply.body)))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        try:
            for part in reply.parts or (reply.body,):
                self.wfile.write(part)
                self.wfile.flush()
        except OSError:
            self.close_connection = True


@contextmanager
def standing_in(answering: Answering) -> Iterator[str]:
    """Answer on 127.0.0.1 as told; gives the URL."""
    handler = type("Handler", (_Handler,), {"answering": staticmethod(answering)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
