"""Run a server process of a checkout, and read how much CPU it uses."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.ml_service import wait_for
from server.config import Settings


@dataclass(frozen=True)
class Running:
    """A server process that answers."""

    port: int
    pid: int

    @property
    def cpu_ms(self) -> float:
        """CPU time of all its threads since its start, milliseconds."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in tasks) / 1e6


@contextmanager
def serving(settings: Settings, source: Path | None = None) -> Iterator[Running]:
    """A server process with this data.

    Args:
        settings: data folder and time zone count.
        source: the checkout whose code runs; None: this one.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    named = {
        "DATA_DIR": str(settings.data_dir),
        "TIMEZONE": settings.school.timezone,
        "PORT": str(port),
        "LOG_LEVEL": "warning",
        "ENROLMENT_WORKERS": "0",
    }
    env = os.environ | {f"ROLLCALL_SERVER_{name}": value for name, value in named.items()}
    env["ML_SERVICE_URL"] = str(settings.ml_service_url)
    env["PYTHONPATH"] = str(source or Path(__file__).parents[2])
    command = [sys.executable, "-P", "-m", "server.main", "serve"]
    child = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}", child)
        yield Running(port, child.pid)
    finally:
        child.terminate()
        child.wait(30)
