"""The process of an HTTP service, and what it tells the service manager."""

import contextlib
import gc
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from intake.service_manager import ALIVE, READY, STOPPING, ServiceManager
from intake.serving import SettledServer


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket on which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(20)
        yield listener


def _config(app: object = None, **options: object) -> uvicorn.Config:
    return uvicorn.Config(app or (lambda: None), lifespan="off", log_config=None, **options)  # type: ignore[arg-type]


def _empty(listener: socket.socket) -> None:
    """Read all that has come; a service that went on talking would keep this from its end."""
    listener.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        while True:
            listener.recv(100)


def test_a_started_service_does_not_look_for_garbage_in_what_it_started_with() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        SettledServer(_config(limit_max_requests=0)).run([listener])
    looked_through, aside = len(gc.get_objects()), gc.get_freeze_count()
    gc.unfreeze()

    assert aside > 100 * looked_through


def test_systemd_hears_that_it_is_ready_that_it_lives_and_that_it_stops(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    server = SettledServer(_config())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        heard = [systemd.recv(100).decode() for _ in range(3)]
        server.should_exit = True
        while heard[-1] != STOPPING:
            heard.append(systemd.recv(100).decode())
        thread.join(20)
    gc.unfreeze()

    assert heard[:3] == [READY, ALIVE, ALIVE]


def test_a_blocked_service_is_silent(
    systemd: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", systemd.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", "40000")
    is_blocked, goes_on = threading.Event(), threading.Event()

    async def blocks(scope: object, receive: object, send: object) -> None:
        is_blocked.set()
        goes_on.wait(20)

    server = SettledServer(_config(blocks))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
            assert is_blocked.wait(20)
            _empty(systemd)
            goes_on.set()
            systemd.settimeout(20)
            assert systemd.recv(100).decode() == ALIVE
        server.should_exit = True
        thread.join(20)
    gc.unfreeze()


@pytest.mark.parametrize(
    ("environment", "address", "interval_s"),
    [
        ({}, "", None),
        ({"NOTIFY_SOCKET": "@abstract"}, "@abstract", None),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "14000000"}, "/run/n", 14.0),
        ({"WATCHDOG_USEC": "14000000", "WATCHDOG_PID": str(os.getpid())}, "", 14.0),
        ({"WATCHDOG_USEC": "14000000", "WATCHDOG_PID": "1"}, "", None),
        ({"WATCHDOG_USEC": "0"}, "", None),
        ({"WATCHDOG_USEC": "soon"}, "", None),
    ],
    ids=["nothing", "abstract", "both", "own-pid", "of-another", "zero", "no-number"],
)
def test_what_systemd_sets_is_read(
    environment: dict[str, str], address: str, interval_s: float | None
) -> None:
    assert ServiceManager.of(environment) == ServiceManager(address, interval_s)


def test_nothing_fails_where_nobody_listens(tmp_path: Path) -> None:
    ServiceManager().tell(READY)
    ServiceManager(str(tmp_path / "nobody")).tell(READY)


def test_an_abstract_socket_is_reached() -> None:
    name = f"rollcall-{os.getpid()}-serving"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        ServiceManager(f"@{name}").tell(READY)

        assert listener.recv(100) == READY.encode()
