"""The disk of the database is full: said in words, nothing lost, and over without a restart."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, event, text
from starlette.testclient import TestClient

from server.config import Settings
from server.db.engine import Database
from server.web.disk import DiskState, disk_of
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.services import replace_services

_TRIGGER = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON people EXECUTE FUNCTION no_room();
"""
FullDisk = Callable[[], None]


@pytest.fixture
def full_disk(database: Database, office: TestClient) -> Iterator[FullDisk]:
    """Let the database find no room, until the function given is called."""
    make = _full_sqlite if database.is_sqlite else _full_postgres
    with make(database) as free:
        yield free


@contextmanager
def _full_sqlite(database: Database) -> Iterator[FullDisk]:
    """SQLite itself refuses to grow beyond the pages it has."""

    def keep_small(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")

    def free() -> None:
        event.remove(database.engine, "begin", keep_small)
        database.close()

    event.listen(database.engine, "begin", keep_small)
    yield free


@contextmanager
def _full_postgres(database: Database) -> Iterator[FullDisk]:
    """PostgreSQL itself raises what it raises where a file cannot grow."""
    with database.transaction() as db:
        db.execute(text(_TRIGGER))

    def free() -> None:
        with database.transaction() as db:
            db.execute(text("DROP TRIGGER no_room ON people"))

    yield free


def _add_until_refused(client: TestClient) -> int:
    """Add people until there is no room; returns how many were added."""
    for number in range(500):
        body = {"student_number": f"S{number}", "given_name": "A" * 60, "family_name": "B" * 60}
        answer = client.post("/api/v1/people", json=body)
        if answer.status_code != 201:
            assert answer.status_code == 507, answer.text
            assert answer.json()["error"]["code"] == "disk_full"
            assert answer.headers["Retry-After"] == "60"
            return number
    raise AssertionError("the disk never got full")


@pytest.mark.usefixtures("full_disk")
def test_full_disk_is_named_by_api_page_health_and_today(
    office: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    _add_until_refused(office)
    form = {"student_number": "Z" * 40, "given_name": "A" * 60, "family_name": "B" * 60}
    page = office.post("/people/new", data=form)
    health = office.get("/health").json()
    office.cookies.set("rollcall_language", "ar")

    assert page.status_code == 507
    assert "The disk is full" in page.text
    assert (health["status"], health["disk"]) == ("healthy", "full")
    assert "Free space on it" in health["disk_problem"]
    assert "قرص الخادم ممتلئ" in office.get("/").text
    caplog.clear()


def test_everything_that_was_saved_stays_readable_and_saving_goes_on_once_there_is_room(
    office: TestClient, full_disk: FullDisk, caplog: pytest.LogCaptureFixture
) -> None:
    added = _add_until_refused(office)
    kept = office.get("/api/v1/people").json()["total"]
    full_disk()
    body = {"student_number": "S-after", "given_name": "Ada", "family_name": "Berg"}
    again = office.post("/api/v1/people", json=body)

    assert kept == added
    assert again.status_code == 201
    assert office.get("/health").json()["disk"] == "ok"
    assert "full" not in office.get("/").text
    caplog.clear()


def test_filling_disk_warns_those_who_run_the_server(
    app: FastAPI, settings: Settings, database: Database, sign_in: SignIn
) -> None:
    filling = settings.model_copy(update={"disk_low_bytes": 2**62})
    replace_services(app, settings=filling)
    teacher, technician = sign_in(Role.TEACHER), sign_in(Role.TECHNICIAN)

    assert disk_of(database, filling).state is DiskState.LOW
    assert "almost full" in technician.get("/").text
    assert "almost full" not in teacher.get("/").text
