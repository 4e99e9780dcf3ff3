"""Two server processes on one PostgreSQL database share the job queue."""

import base64
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from tests.faults import recognition as world
from tests.faults.recognition import Server
from tests.support.processes import Process
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]
PHOTOS = 10


@pytest.fixture
def ml_url(assets: Path, tmp_path: Path) -> Iterator[str]:
    del assets
    process, url, is_ready = world.ml_service(tmp_path)
    process.start(is_ready)
    yield url
    process.stop()
    process.kill()


@pytest.fixture
def servers(ml_url: str, tmp_path: Path, migrated_postgres_url: str) -> Iterator[list[Server]]:
    shared = {
        "ROLLCALL_SERVER_DATABASE_URL": migrated_postgres_url,
        "ROLLCALL_SERVER_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
    }
    made = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        found = world.server(folder, ml_url)
        found.start(**shared)
        made.append(found)
    made[0].sign_in()
    yield made
    for one in made:
        one.process.stop()
        one.process.kill()


def count(url: str, query: LiteralString) -> int:
    with closing(psycopg.connect(url.replace("postgresql+psycopg", "postgresql"))) as db:
        row = db.execute(query).fetchone()
        assert row is not None
        return int(row[0])


def ended(process: Process) -> int:
    return process.log.count("job ended kind=encode")


def test_each_photo_is_processed_once_though_one_server_is_killed(
    servers: list[Server], assets: Path, migrated_postgres_url: str
) -> None:
    found = sorted(assets.rglob("person-*-a.jpg"))
    if not found:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    photo = found[0].read_bytes()
    first, second = servers
    # A JPEG may be followed by anything: each is another file of the same picture.
    ids = [first.enrol(photo + str(number).encode()) for number in range(PHOTOS)]
    wait_until(lambda: ended(second.process) >= 1, what="a photo on the second", timeout_s=60)
    second.process.kill()
    wait_until(
        lambda: all(first.outcome(one)["status"] == "accepted" for one in ids),
        what="all photos",
        timeout_s=120,
    )
    accepted = "SELECT count(*) FROM audit_entries WHERE action = 'enrolment.accept'"
    assert count(migrated_postgres_url, accepted) == PHOTOS
    per_photo = (
        "SELECT max(n) FROM (SELECT count(*) AS n FROM templates GROUP BY enrolment_id, model_id) t"
    )
    assert count(migrated_postgres_url, per_photo) == 1
    waiting = "SELECT count(*) FROM jobs WHERE kind = 'encode'"
    assert count(migrated_postgres_url, waiting) == 0
