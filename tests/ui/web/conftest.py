"""A real server process, a real browser, and a recognition service that can be lost."""

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.ml_server import API_KEY, MLServer, ml_server
from tests.support.ports import free_port
from tests.support.processes import BIN, Process, running

PASSWORD = "correct horse battery"


@dataclass
class Site:
    """A running server.

    Attributes:
        url: its address.
        data_dir: its data folder.
        process: to read its log, or to kill it.
    """

    url: str
    data_dir: Path
    process: Process

    @property
    def one_time_password(self) -> str:
        """What the first start printed."""
        return (self.data_dir / "admin-password.txt").read_text().strip()

    def is_up(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                healthy: bool = json.load(answer)["status"] == "healthy"
                return healthy
        except OSError:
            return False


@pytest.fixture
def recognition() -> Iterator[MLServer]:
    """A recognition service over real HTTP that accepts every photo until told otherwise."""
    with ml_server() as server:
        yield server


@pytest.fixture
def site(tmp_path: Path, recognition: MLServer) -> Iterator[Site]:
    """A server of its own, with an empty database."""
    port = free_port()
    site = Site(f"http://localhost:{port}", tmp_path / "data", Process([], tmp_path / "log"))
    settings = {
        "ROLLCALL_SERVER_DATA_DIR": str(site.data_dir),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_SCHOOL_NAME": "Lindenhof School",
        "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        "ROLLCALL_SERVER_ENROLMENT_LEASE_S": "2",
        "ML_SERVICE_URL": recognition.url,
        "ML_SERVICE_API_KEY": API_KEY,
        "ML_SERVICE_MAX_RETRIES": "0",
    }
    with running(
        [str(BIN / "rollcall-server"), "serve"],
        log_path=tmp_path / "log",
        ready=site.is_up,
        env=settings,
    ) as process:
        site.process = process
        yield site
