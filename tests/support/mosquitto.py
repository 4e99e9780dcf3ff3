"""A real Mosquitto for tests."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port, is_listening
from tests.support.processes import Process, running

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@dataclass(frozen=True)
class PlainBroker:
    """An open Mosquitto on 127.0.0.1: no accounts, no ACL, higher queue limits."""

    port: int
    process: Process


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[PlainBroker]:
    """A running Mosquitto without accounts, for tests of clients."""
    if MOSQUITTO is None:
        pytest.skip("needs Debian's mosquitto package")
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n"
    )
    with running(
        [MOSQUITTO, "-c", str(config)],
        log_path=tmp_path / "mosquitto.log",
        ready=lambda: is_listening(port),
    ) as process:
        yield PlainBroker(port, process)
