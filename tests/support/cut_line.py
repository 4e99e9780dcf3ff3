"""A line to a server that breaks off after some bytes, as often as a test wants."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_BLOCK = 4096


@dataclass
class CutLine:
    """A port that leads to another one.

    Attributes:
        port: to connect to.
        target: port of the server.
        cuts: for each of the next long answers, after how many bytes of it the line breaks off.
        received: bytes that each connection brought from the server.
    """

    port: int
    target: int
    cuts: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)

    def carry(self, client: socket.socket) -> None:
        """Join a client with the server until one of them ends, or the line breaks off."""
        with client, socket.create_connection(("127.0.0.1", self.target), timeout=30) as server:
            sending = threading.Thread(target=_pump, args=(client, server), daemon=True)
            sending.start()
            come = 0
            with contextlib.suppress(OSError):
                while data := server.recv(_BLOCK):
                    come += len(data)
                    if self.cuts and come > self.cuts[0]:
                        del self.cuts[0]
                        break
                    client.sendall(data)
            self.received.append(come)
            for one in (client, server):
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            sending.join(30)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_BLOCK):
            target.sendall(data)
    with contextlib.suppress(OSError):  # also where the client reset the connection
        target.shutdown(socket.SHUT_WR)


@contextmanager
def cut_line(target: int) -> Iterator[CutLine]:
    """Open a line to a port of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        line = CutLine(listening.getsockname()[1], target)
        thread = threading.Thread(target=_serve, args=(listening, line), daemon=True)
        thread.start()
        yield line
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _serve(listening: socket.socket, line: CutLine) -> None:
    while True:
        try:
            client, _address = listening.accept()
        except OSError:
            return
        line.carry(client)
