"""A real Mosquitto with TLS for tests."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.authorities import Leaf
from tests.support.mosquitto import MOSQUITTO
from tests.support.ports import free_port, is_listening
from tests.support.processes import Process


@dataclass
class TLSBroker:
    """Mosquitto on 127.0.0.1, TLS alone, no accounts."""

    folder: Path
    port: int
    process: Process

    def restart_with(self, leaf: Leaf) -> None:
        """Give it another certificate."""
        self.process.kill()
        leaf.write(self.folder)
        self.process.start(lambda: is_listening(self.port))


@contextmanager
def tls_broker(folder: Path, leaf: Leaf) -> Iterator[TLSBroker]:
    """Run a Mosquitto with this certificate inside the block."""
    if MOSQUITTO is None:
        pytest.skip("needs Debian's mosquitto package")
    certificate, key = leaf.write(folder)
    port, file = free_port(), folder / "mosquitto.conf"
    file.write_text(
        f"user {getpass.getuser()}\nlistener {port} 127.0.0.1\nallow_anonymous true\n"
        f"certfile {certificate}\nkeyfile {key}\n"
    )
    process = Process([MOSQUITTO, "-c", str(file)], folder / "mosquitto.log")
    process.start(lambda: is_listening(port))
    try:
        yield TLSBroker(folder, port, process)
    finally:
        process.stop()
