"""What people and programs are told when the server itself is in trouble."""

import logging
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from server.db.engine import Database
from server.errors import ServerError
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.services import replace_services

PERSON = {"student_number": "S1", "given_name": "Ada", "family_name": "Berg"}


@pytest.fixture
def locked(
    database: Database, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[None]:
    """Another writer holds the lock for longer than a request waits (the wait made short)."""
    if not database.is_sqlite:
        pytest.skip("PostgreSQL has no lock on the whole database")
    monkeypatch.setattr("server.db.engine.BUSY_TIMEOUT_MS", 20)
    monkeypatch.setattr(database, "turn_wait_s", 0.02)
    database.close()
    is_ours = getattr(request, "param", "this process") == "this process"
    writer = database if is_ours else Database(str(database.engine.url))
    with writer.transaction() as db:
        db.connection()
        yield


@pytest.fixture
def stale_office(office: TestClient, database: Database) -> TestClient:
    """An office client whose last use is due to be written again."""
    with database.transaction() as db:
        db.connection().exec_driver_sql(
            "UPDATE sign_ins SET last_seen_at = '2000-01-01', expires_at = '2999-01-01'"
        )
    return office


@pytest.mark.parametrize("locked", ["this process", "another process"], indirect=True)
def test_locked_database_is_said_in_plain_words_with_a_time_to_wait(
    locked: None, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    body = {"username": "admin", "password": "whatever"}
    answer = client.post("/api/v1/sign-in", json=body)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "database_busy"
    assert answer.headers["Retry-After"] == "5"
    page = client.post("/sign-in", data=body)
    assert page.status_code == 503
    assert page.headers["Retry-After"] == "5"
    assert "Wait a few seconds" in page.text
    assert "Content-Security-Policy" in page.headers
    caplog.clear()


def test_reading_goes_on_while_the_database_is_locked(
    office: TestClient, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("locked")
    assert office.get("/people").status_code == 200
    assert office.get("/api/v1/people").status_code == 200


def test_unforeseen_error_has_the_designed_page_with_every_header(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_cookie: str) -> None:
        raise ZeroDivisionError("Ada Berg")

    replace_services(app, authenticate=fail)
    client.cookies.set("rollcall_sign_in", "something")
    page = client.get("/people")
    assert page.status_code == 500
    assert "Something went wrong" in page.text
    assert page.headers["X-Correlation-ID"] in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert page.headers["Cache-Control"] == "no-store"
    answer = client.get("/api/v1/people")
    assert answer.json()["error"]["code"] == "internal_error"
    assert "Ada" not in answer.text
    caplog.clear()


def test_error_page_does_without_the_database(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_cookie: str) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    replace_services(app, authenticate=fail)
    client.cookies.set("rollcall_sign_in", "something")
    assert client.get("/people").status_code == 503
    caplog.clear()


HUGE = 10**30


@pytest.mark.parametrize(
    "path",
    [
        f"/people?page={HUGE}",
        "/people?page=9223372036854775807",
        "/people?q=%00",
        "/api/v1/people?cursor=%00",
        "/api/v1/people?cursor=AAAA&limit=1",
        f"/api/v1/lessons?limit={HUGE}",
        f"/past-changes?page={HUGE}",
        "/past-changes?page=1000000",
        "/api/v1/people?q=%00",
        f"/audit?before={HUGE}",
        "/lessons?day=0001-01-01",
        "/lessons?day=9999-12-31",
        "/api/v1/lessons?after=0001-01-01T00:00:00%2B14:00",
        "/api/v1/lessons?after=0001-01-01T05:00:00Z",
        "/api/v1/lessons?before=9999-12-31T23:59:59-14:00",
        "/courses/00000000-0000-0000-0000-000000000000?q=%00",
        "/lessons/00000000-0000-0000-0000-000000000000/live?shown=%00",
        "/kiosks/new?room=%00",
        "/sign-in?next=%00",
        "/people/not-an-id",
    ],
)
def test_hostile_address_is_never_an_error_of_ours(
    sign_in: SignIn, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert sign_in(Role.ADMIN).get(path).status_code < 500
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    caplog.clear()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/people", PERSON | {"given_name": "A\x00"}),
        ("/api/v1/people", PERSON | {"given_name": "\ud800"}),
        ("/api/v1/people", PERSON | {"student_number": "\x00"}),
        ("/api/v1/rooms", {"name": "R\x00"}),
        ("/api/v1/courses", {"code": "\x00", "title": "\x00"}),
        ("/api/v1/sign-in", {"username": "\x00", "password": "\x00"}),
        ("/api/v1/sign-in", {"username": "\ud800", "password": "\ud800"}),
        (
            "/api/v1/lessons",
            {
                "course_id": "00000000-0000-0000-0000-000000000000",
                "room_id": "00000000-0000-0000-0000-000000000000",
                "starts_at": "0001-01-01T00:00:00+14:00",
                "ends_at": "9999-12-31T23:59:59-14:00",
            },
        ),
    ],
)
def test_hostile_body_is_never_an_error_of_ours(
    sign_in: SignIn, path: str, body: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    import json

    answer = sign_in(Role.ADMIN).post(
        path, content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert 200 <= answer.status_code < 500
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    caplog.clear()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/people/new", PERSON | {"given_name": "A\x00"}),
        ("/rooms", {"name": "R\x00"}),
        ("/courses", {"code": "\x00", "title": "\x00"}),
        ("/users/new", {"username": "ab", "display_name": "\x00", "role": "dpo"}),
        (
            "/lessons/new",
            {
                "course_id": "x",
                "room_id": "y",
                "day": "9999-12-31",
                "starts": "23:59",
                "ends": "00:00",
            },
        ),
        ("/sign-in", {"username": "\x00", "password": "\x00"}),
    ],
)
def test_hostile_form_is_never_an_error_of_ours(
    sign_in: SignIn, path: str, form: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    assert sign_in(Role.ADMIN).post(path, data=form).status_code < 500
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
    caplog.clear()


def test_database_of_another_schema_is_not_called_busy(
    office: TestClient, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Waiting does not help, so nobody is asked to wait."""
    with database.transaction() as db:
        db.connection().exec_driver_sql("ALTER TABLE rooms RENAME COLUMN name TO another_name")

    answer = office.get("/api/v1/rooms")

    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == ServerError.code
    assert "Retry-After" not in answer.headers
    caplog.clear()
