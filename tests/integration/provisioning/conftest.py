"""A real server process with two rooms, on each kind of database."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from kiosk.sync.claim import ClaimOffer, claim_request
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient
from protocol.v1 import sealing, signing
from protocol.v1.messages import ClaimResponse
from provisioning.cli import main
from scripts.demo.school import AdminClient
from tests.support.ports import free_port
from tests.support.processes import BIN, running

PASSWORD = "chosen at the first sign-in"


class Device:
    """A kiosk's keys and its own way to claim."""

    def __init__(self, url: str) -> None:
        self.client = ServerClient(url, SystemClock())
        self.signing_key = signing.make_key()
        self.sealing_key = sealing.sealing_public_text(sealing.make_sealing_key())

    def claim(self, code: str) -> ClaimResponse:
        offer = ClaimOffer(code, self.signing_key, self.sealing_key, "0.1.0", "test")
        return self.client.claim(claim_request(offer))


@dataclass(frozen=True)
class School:
    """A running server and a technician's way to it."""

    url: str
    password_file: Path
    admin: AdminClient

    def claim(self, *more: str, name: str = "Door", room: str = "R12") -> int:
        return self._run("claim", name, room, *more)

    def move(self, *more: str, name: str = "Door", room: str = "R14") -> int:
        return self._run("move", name, room, *more)

    def _run(self, command: str, name: str, room: str, *more: str) -> int:
        signed_in = ["--username", "admin", "--password-file", str(self.password_file)]
        where = ["--server", self.url, "--name", name, "--room", room]
        return main([command, *signed_in, *where, *more])

    def kiosk(self, name: str) -> dict[str, Any]:
        """What the server says about a kiosk, with everywhere it hung."""
        listed = next(one for one in self.admin.get("/kiosks") if one["name"] == name)
        found: dict[str, Any] = self.admin.get(f"/kiosks/{listed['id']}")
        return found


@pytest.fixture(scope="package", params=["sqlite", "postgresql"])
def database_setting(request: pytest.FixtureRequest) -> dict[str, str]:
    """The setting that gives each server a separate, empty database; SQLite needs none."""
    if request.param == "sqlite":
        return {}
    port, name = request.getfixturevalue("postgres_port"), f"provisioning_{uuid.uuid4().hex}"
    admin = f"host=127.0.0.1 port={port} user=rollcall dbname=postgres"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = f"postgresql+psycopg://rollcall@127.0.0.1:{port}/{name}"
    return {"ROLLCALL_SERVER_DATABASE_URL": url}


@pytest.fixture(scope="package")
def school(
    tmp_path_factory: pytest.TempPathFactory, database_setting: dict[str, str]
) -> Iterator[School]:
    folder, port = tmp_path_factory.mktemp("school"), free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        [str(BIN / "rollcall-server"), "serve"],
        log_path=folder / "server.log",
        ready=lambda: _is_up(url),
        env={
            "ROLLCALL_SERVER_DATA_DIR": str(folder / "data"),
            "ROLLCALL_SERVER_PORT": str(port),
            "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
            **database_setting,
        },
    ):
        one_time = (folder / "data" / "admin-password.txt").read_text().strip()
        password_file = folder / "password"
        password_file.write_text(f"{PASSWORD}\n")
        admin = AdminClient(url)
        admin.sign_in("admin", one_time)
        admin.post("/sign-in/password", {"old": one_time, "new": PASSWORD})
        admin.post("/rooms", {"name": "R12"})
        admin.post("/rooms", {"name": "R14"})
        yield School(url, password_file, admin)


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except requests.RequestException:  # also one that waits while the database is made
        return False
