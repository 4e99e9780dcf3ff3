"""A small real HTTP proxy, and a server that redirects, both noting all that they hear.

Run as `python -m tests.support.proxy`: a process that prints its port and then each request.
"""

import contextlib
import select
import socket
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
_HOP = {"proxy-authorization", "proxy-connection", "connection", "keep-alive"}


class _Proxy(BaseHTTPRequestHandler):
    """Forwards one request, or opens a tunnel for TLS."""

    protocol_version = "HTTP/1.0"

    def log_message(self, *_words: object) -> None:
        """Say nothing on standard error."""

    def _note(self) -> None:
        sign_in = self.headers.get("Proxy-Authorization", "")
        _say(f"{self.command} {self.path} {sign_in}".rstrip())

    def _forward(self) -> None:
        self._note()
        target = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        link = HTTPConnection(target.hostname or "", target.port or 80, timeout=10)
        path = target.path + (f"?{target.query}" if target.query else "")
        link.request(self.command, path, body, headers)
        answer = link.getresponse()
        content = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {*_HOP, "transfer-encoding", "content-length"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        link.close()

    def do_GET(self) -> None:
        """Forward it."""
        self._forward()

    def do_POST(self) -> None:
        """Forward it."""
        self._forward()

    def do_DELETE(self) -> None:
        """Forward it."""
        self._forward()

    def do_CONNECT(self) -> None:
        """Join two sockets until one of them ends."""
        self._note()
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as there:
            self.send_response_only(200)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while ready := select.select(list(ends), [], [], 10)[0]:
                for one in ready:
                    data = one.recv(65536)
                    if not data:
                        return
                    ends[one].sendall(data)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve until standard input ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Proxy)
    _say(str(server.server_address[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


@dataclass
class ProxyProcess:
    """A proxy that runs; `heard` holds a line for each request that came through."""

    url: str
    heard: list[str] = field(default_factory=list)

    def heard_since(self, before: int) -> list[str]:
        """Return what came after so many lines; waits for the first of them."""
        wait_until(lambda: len(self.heard) > before, what="a request through the proxy")
        return self.heard[before:]


@contextmanager
def running_proxy(sign_in: str = "") -> Iterator[ProxyProcess]:
    """Run the proxy as a process; `sign_in` is `user:password@` for its address."""
    command = [sys.executable, "-m", "tests.support.proxy"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        proxy = ProxyProcess(f"http://{sign_in}127.0.0.1:{process.stdout.readline().strip()}")
        lines = process.stdout
        reader = threading.Thread(target=lambda: proxy.heard.extend(map(str.strip, lines)))
        reader.start()
        try:
            yield proxy
        finally:
            process.stdin.close()
            reader.join(10)


class _Redirect(BaseHTTPRequestHandler):
    """Sends everybody elsewhere, and notes every byte that it was told."""

    location = ""
    heard: list[str]

    def log_message(self, *_words: object) -> None:
        """Say nothing on standard error."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        said = self.rfile.read(length).decode(errors="replace") if length else ""
        self.heard.append(f"{self.command} {self.path} {self.headers} {said}")
        self.send_response(307)
        self.send_header("Location", self.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """Send elsewhere."""
        self._answer()

    def do_POST(self) -> None:
        """Send elsewhere."""
        self._answer()


@contextmanager
def redirecting(location: str) -> Iterator[tuple[str, list[str]]]:
    """Serve redirects to a place; yield the address and what was heard."""
    heard: list[str] = []
    handler = type("_To", (_Redirect,), {"location": location, "heard": heard})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", heard
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
