"""A service that ends answers everybody who has connected, and lets nobody else connect."""

import asyncio
import select
import socket
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn

from intake.draining import drain, refuse_new
from intake.service_manager import STOPPING
from intake.serving import SettledServer


def _connecting(address: tuple[str, int]) -> socket.socket:
    client = socket.socket()
    client.settimeout(0)
    client.connect_ex(address)
    return client


def _is_connected(client: socket.socket) -> bool:
    """On loopback a connection stands as soon as it was asked for, or waits."""
    return bool(select.select([], [client], [], 0)[1])


def test_who_has_connected_is_accepted_and_nobody_else_connects() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        _connecting(listener.getsockname()) as first,
    ):
        refuse_new(listener)
        with _connecting(listener.getsockname()) as second:
            assert _is_connected(first)
            assert not _is_connected(second)
            listener.settimeout(5)
            accepted, peer = listener.accept()
            accepted.close()
            assert peer == first.getsockname()


def test_an_end_waits_for_the_first_request_of_each_connection() -> None:
    connection = SimpleNamespace(cycle=None)

    async def end() -> list[bool]:
        ending = asyncio.create_task(drain([], lambda: [connection], within_s=60))
        await asyncio.wait([ending], timeout=0.05)
        seen = [ending.done()]
        connection.cycle = "a request"
        await asyncio.wait_for(ending, 20)
        return seen

    assert asyncio.run(end()) == [False]


def test_an_end_does_not_wait_for_ever() -> None:
    asyncio.run(drain([], lambda: [SimpleNamespace(cycle=None)], within_s=0.02))


async def _app(scope: object, receive: object, send: object) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"answered"})  # type: ignore[operator]


def test_a_request_that_comes_while_the_service_stops_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    systemd.settimeout(20)
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
    server = SettledServer(uvicorn.Config(_app, lifespan="off", log_config=None))
    with systemd, socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        systemd.recv(100)
        with socket.create_connection(listener.getsockname(), timeout=20) as client:
            server.should_exit = True
            while systemd.recv(100).decode() != STOPPING:
                continue
            client.sendall(b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n\r\n")
            answer = b""
            while part := client.recv(1000):
                answer += part
        thread.join(20)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"answered" in answer
