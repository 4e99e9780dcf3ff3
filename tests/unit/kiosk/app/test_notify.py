import socket
from pathlib import Path

from kiosk.app.notify import READY, notify


def test_systemd_hears_that_the_kiosk_is_ready(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        notify(str(tmp_path / "notify"), READY)

        assert systemd.recv(100) == b"READY=1"


def test_abstract_socket_is_understood(tmp_path: Path) -> None:
    name = f"rollcall-test-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(f"\0{name}")
        notify(f"@{name}", READY)

        assert systemd.recv(100) == b"READY=1"


def test_nothing_happens_without_systemd(tmp_path: Path) -> None:
    notify(None, READY)
    notify(str(tmp_path / "nobody"), READY)
