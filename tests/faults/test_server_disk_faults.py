"""The disk of the server fills up under real processes, and is freed again without a restart."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from tests.faults.conftest import Report
from tests.faults.school.world import World, world
from tests.support.postgres import postgres_account
from tests.support.small_disk import fill, small_disk
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow_fault, pytest.mark.timeout(300)]


@pytest.fixture
def disk(kept_in: str) -> Iterator[Path]:
    """The disk of the server's database, 48 MiB; not below pytest's folders, which are ours."""
    owner = postgres_account() if kept_in == "postgresql" else None
    folder = Path(tempfile.mkdtemp(prefix="rollcall-disk-"))
    folder.chmod(0o755)
    with small_disk(folder, "48m", owner) as mounted:
        yield mounted
    folder.rmdir()


@pytest.fixture
def cramped(
    kept_in: str, disk: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[World]:
    """A school whose database is on the small disk."""
    url, data = None, disk / "server"
    if kept_in == "postgresql":
        url = _on_the_disk(request.getfixturevalue("migrated_postgres_url"), disk)
        data = tmp_path / "server"
    with world(tmp_path, url, data=data) as made:
        made.kiosk.start()
        yield made
    if url is not None:
        _leave_the_disk(url)


def test_events_wait_while_the_server_has_no_room_and_arrive_when_it_has(
    cramped: World, disk: Path, report: Report
) -> None:
    """Server's disk full, freed without a restart."""
    kiosk, people = cramped.kiosk, cramped.people
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    filler = fill(disk)
    kiosk.ask("many 3000")
    wait_until(lambda: _health(cramped)["disk"] == "full", what="the full disk", timeout_s=60)
    waiting = kiosk.ask("waiting")
    page = cramped.school.http.get(f"{cramped.school.url}/", timeout=30).text
    filler.unlink()
    kiosk.wait_delivered()
    cramped.wait_stored(cramped.marks())
    outcome = cramped.settle()
    report(outcome)

    assert waiting > 0
    assert "disk is full" in page
    outcome.assert_kept()
    assert outcome.undecided == 0
    wait_until(lambda: _health(cramped)["disk"] == "ok", what="room")


def _health(world: World) -> dict[str, str]:
    found: dict[str, str] = requests.get(f"{world.school.url}/health", timeout=30).json()
    return found


def _admin(url: str) -> psycopg.Connection[tuple[object, ...]]:
    base = url.rpartition("/")[0].replace("postgresql+psycopg", "postgresql")
    return psycopg.connect(f"{base}/postgres", autocommit=True)


def _on_the_disk(url: str, disk: Path) -> str:
    """Move a database to a tablespace on the disk."""
    with _admin(url) as connection:
        connection.execute(f"CREATE TABLESPACE cramped LOCATION '{disk}'".encode())
        name = url.rpartition("/")[2]
        connection.execute(f'ALTER DATABASE "{name}" SET TABLESPACE cramped'.encode())
    return url


def _leave_the_disk(url: str) -> None:
    name = url.rpartition("/")[2]
    with _admin(url) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
        connection.execute(b"DROP TABLESPACE cramped")
        connection.execute(f'CREATE DATABASE "{name}"'.encode())  # the fixture drops it
