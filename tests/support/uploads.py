"""Clients that send bodies badly: stalled, dripping, endless; over plain sockets."""

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def head(
    path: str, headers: Mapping[str, str] | None = None, *, length: int | None = None
) -> bytes:
    """The head of a POST; without a length its body is chunked."""
    lines = [f"POST {path} HTTP/1.1", "Host: localhost"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines.append(
        f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    )
    return "\r\n".join([*lines, "", ""]).encode()


def connect(port: int, *parts: bytes) -> socket.socket:
    """A connection over which these bytes went."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    for part in parts:
        connection.sendall(part)
    return connection


@contextlib.contextmanager
def unfinished(port: int, count: int, *parts: bytes) -> Iterator[list[socket.socket]]:
    """As many connections whose requests have begun and do not end."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect(port, *parts)) for _ in range(count)]


def flood(connections: Sequence[socket.socket], part: bytes, times: int) -> None:
    """Send to every connection as much as it takes, in turn, without waiting for any."""
    for connection in connections:
        connection.settimeout(0)
    for _ in range(times):
        for connection in connections:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                connection.send(part)
    for connection in connections:
        connection.settimeout(30)


def answer_of(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Status, headers in lower case, and the body of the answer."""
    received = bytearray()
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    top, _, body = bytes(received).partition(b"\r\n\r\n")
    first, *lines = top.decode().split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM, less that of files: programs come in as they are used."""
    status = Path(f"/proc/{pid}/status").read_text()
    anonymous = next(line for line in status.splitlines() if line.startswith("RssAnon:"))
    return int(anonymous.split()[1]) * 1024


def unread_bytes(port: int) -> int:
    """Bytes sent to a port of this machine over IPv4 that its process has not read.

    Source: the column tx_queue:rx_queue, https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
    """
    total = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, remote, _, queues = line.split()[1:5]
        unsent, unread = (int(one, 16) for one in queues.split(":"))
        total += unread if int(local.split(":")[1], 16) == port else 0
        total += unsent if int(remote.split(":")[1], 16) == port else 0
    return total
