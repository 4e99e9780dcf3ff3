"""A publisher's storage on this machine, which answers each request as a test has it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, TypeAlias

from models.store import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer: TypeAlias = Callable[["Publisher", BaseHTTPRequestHandler], None]


class Publisher:
    """Serves one file.

    Attributes:
        answers: how to answer the next requests; the last one stays.
        ranges: the Range header of every request so far.
        done: lets silent answers end.
    """

    def __init__(self, content: bytes, port: int) -> None:
        self.content = content
        self.port = port
        self.answers: list[Answer] = [whole]
        self.ranges: list[str | None] = []
        self.done = threading.Event()

    @property
    def file(self) -> SourceFile:
        """The file as a card names it."""
        return SourceFile(
            name="weights.bin",
            url=f"http://127.0.0.1:{self.port}/weights.bin",
            sha256=hashlib.sha256(self.content).hexdigest(),
            size_bytes=len(self.content),
        )


def send(
    request: BaseHTTPRequestHandler,
    body: bytes,
    *,
    status: int = 200,
    length: int | None = None,
    content_range: str | None = None,
) -> None:
    """Send an answer whose announced length may differ from its body's."""
    request.send_response(status)
    request.send_header("Content-Length", str(len(body) if length is None else length))
    if content_range is not None:
        request.send_header("Content-Range", content_range)
    request.end_headers()
    request.wfile.write(body)


def whole(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    """Send the file, or the rest that was asked for."""
    asked = request.headers.get("Range")
    start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
    size = len(publisher.content)
    send(
        request,
        publisher.content[start:],
        status=206 if asked else 200,
        content_range=f"bytes {start}-{size - 1}/{size}" if asked else None,
    )


def deaf_to_ranges(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    send(request, publisher.content)


def another_range(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    send(request, publisher.content[:9], status=206, content_range="bytes 0-8/99")


def truncated(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    """Announce the file and break off in its middle."""
    send(request, publisher.content[: len(publisher.content) // 2], length=len(publisher.content))


def short(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    """Send a third of the file as if that were all of it."""
    send(request, publisher.content[: len(publisher.content) // 3])


def silent(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    """Send some bytes, then nothing until the test is over."""
    send(request, publisher.content[:10], length=len(publisher.content))
    request.wfile.flush()
    publisher.done.wait(30)


def mute(publisher: Publisher, _request: BaseHTTPRequestHandler) -> None:
    """Send nothing at all until the test is over."""
    publisher.done.wait(30)


def trickling(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    """Send a byte every few milliseconds."""
    send(request, b"", length=len(publisher.content))
    for byte in publisher.content:
        if publisher.done.wait(0.005):
            return
        request.wfile.write(bytes([byte]))
        request.wfile.flush()


def altered(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    send(request, bytes(len(publisher.content)))


def endless(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    send(request, publisher.content * 50)


def status(code: int) -> Answer:
    """Answer with a status and no file."""

    def answer(_publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
        send(request, b"no", status=code)

    return answer


@contextmanager
def publishing(content: bytes) -> Iterator[Publisher]:
    """Serve a file while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.ranges.append(self.headers.get("Range"))
            first, *rest = publisher.answers
            publisher.answers = rest or [first]
            try:
                first(publisher, self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    publisher = Publisher(content, server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield publisher
    finally:
        publisher.done.set()
        server.shutdown()
        server.server_close()
        thread.join()
