"""A TLS server in another's place that writes down every byte that clients send it."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.authorities import Leaf


@dataclass
class Recorded:
    """What reached the server.

    Attributes:
        port: of the server, on 127.0.0.1.
        plain: what clients sent inside TLS, decrypted, and outside it.
        connections: how many clients connected.
    """

    port: int = 0
    plain: bytearray = field(default_factory=bytearray)
    connections: int = 0

    @property
    def url(self) -> str:
        """The address as a kiosk knows it."""
        return f"https://127.0.0.1:{self.port}"


@contextmanager
def recording(
    leaf: Leaf | None, folder: Path, answer: bytes = b"", *, refusal: bytes = b""
) -> Iterator[Recorded]:
    """Accept connections inside the block; a client that trusts the certificate is heard out.

    Args:
        leaf: of the server; None: no TLS.
        folder: for its certificate.
        answer: sent after the first bytes of each client.
        refusal: sent instead to a POST; empty: the same answer.
    """
    heard = Recorded()
    context = None if leaf is None else leaf.server_context(folder)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            heard.connections += 1
            with contextlib.suppress(OSError):
                _listen(self.request, context, heard, (answer, refusal or answer))

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    heard.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listen(
    request: socket.socket,
    context: ssl.SSLContext | None,
    heard: Recorded,
    answers: tuple[bytes, bytes],
) -> None:
    request.settimeout(5)
    with request if context is None else context.wrap_socket(request, server_side=True) as client:
        while data := client.recv(65536):
            heard.plain += data
            if answers[0]:
                client.sendall(answers[data.startswith(b"POST")])
                return
