"""A whole server on SQLite and on PostgreSQL, with accounts of every role."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from server.accounts.service import create_account
from server.app import create_app
from server.config import Settings, load_settings
from server.db.engine import Database
from server.db.lock import startup_lock
from server.web.principal import Role
from server.web.state import services_of
from tests.fakes.encoder import FakeEncoder
from tests.support.enrolling import GIVEN
from tests.support.office_desk import OfficeDesk
from tests.support.services import replace_services
from tests.support.stepping import SteppedWorkers

PASSWORD = "a password for tests"
METRICS_TOKEN = "a-token-for-prometheus"
SignIn = Callable[[Role], TestClient]


@pytest.fixture(autouse=True)
def _fast_passwords(fast_passwords: None) -> None:
    """Sign in and create accounts without the cost of a real password hash."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def database_kind(request: pytest.FixtureRequest) -> str:
    """Run the test on SQLite and on PostgreSQL."""
    kind: str = request.param
    return kind


@pytest.fixture
def settings(request: pytest.FixtureRequest, tmp_path: Path, database_kind: str) -> Settings:
    """Settings of a server with a migrated, empty database and without worker threads.

    Tests call the worker themselves.
    """
    if database_kind == "postgresql":
        url = request.getfixturevalue("migrated_postgres_url")
        return server_settings(tmp_path / "data", SecretStr(url))
    found = server_settings(tmp_path / "data")
    with startup_lock(found.data_dir):  # creates the folder as a server does, with its access mode
        shutil.copy(request.getfixturevalue("migrated_sqlite"), found.data_dir / "rollcall.sqlite3")
    return found


@pytest.fixture
def unmigrated_settings(
    request: pytest.FixtureRequest, tmp_path: Path, database_kind: str
) -> Settings:
    """Settings of a server that never ran: no data folder, and a database without tables."""
    if database_kind == "postgresql":
        url = request.getfixturevalue("postgres_url")
        return server_settings(tmp_path / "data", SecretStr(url))
    return server_settings(tmp_path / "data")


def server_settings(data_dir: Path, database_url: SecretStr | None = None) -> Settings:
    """Settings without worker threads and without a recognition service."""
    return load_settings(
        data_dir=data_dir,
        database_url=database_url,
        enrolment_workers=0,
        timezone="Europe/Berlin",
        ml_service_url="http://127.0.0.1:9",
        metrics_token=METRICS_TOKEN,
    )


@pytest.fixture
def app(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[FastAPI]:
    """The running application, without its background threads: tests take their steps."""
    monkeypatch.setattr("server.background.Background.tasks", lambda _self: [])
    application = create_app(settings)
    with TestClient(application) as client:
        capsys.readouterr()
        # The loop in which the server runs: else each request starts another loop and thread.
        application.state.portal = client.portal
        yield application


@pytest.fixture
def database(app: FastAPI) -> Database:
    """The application's database."""
    found: Database = services_of(app).database
    return found


@pytest.fixture
def has_one_loop() -> bool:
    """Whether all requests run in one event loop, as in one server process."""
    return True


@pytest.fixture
def new_client(app: FastAPI, has_one_loop: bool) -> Callable[[], TestClient]:
    """Make clients that are not signed in, each with its own cookies."""

    def new() -> TestClient:
        client = TestClient(app, headers={"X-Requested-With": "rollcall"}, follow_redirects=False)
        client.portal = app.state.portal if has_one_loop else None
        return client

    return new


@pytest.fixture
def client(new_client: Callable[[], TestClient]) -> TestClient:
    """A client that is not signed in."""
    return new_client()


@pytest.fixture
def sign_in(database: Database, new_client: Callable[[], TestClient]) -> SignIn:
    """Make an account of a role and a client that is signed in with it."""

    def sign_in_as(role: Role) -> TestClient:
        with database.transaction() as db:
            account = create_account(
                db,
                username=role.value + "-account",
                display_name=role.value.title(),
                role=role,
                password=PASSWORD,
                actor="system",
            )
            account.must_change_password = False
        client = new_client()
        credentials = {"username": role.value + "-account", "password": PASSWORD}
        assert client.post("/api/v1/sign-in", json=credentials).status_code == 200
        return client

    return sign_in_as


@pytest.fixture
def office(sign_in: SignIn) -> TestClient:
    """A client signed in as the office."""
    return sign_in(Role.OFFICE)


@pytest.fixture
def desk(office: TestClient, database: Database) -> OfficeDesk:
    """A small school that the office entered."""
    return OfficeDesk(office, database)


@pytest.fixture
def encoder() -> FakeEncoder:
    """A recognition service that answers what a test tells it to."""
    return FakeEncoder()


@pytest.fixture
def new_worker(
    app: FastAPI, settings: Settings, encoder: FakeEncoder
) -> Callable[[], SteppedWorkers]:
    """Make workers that take one step at a time."""
    replace_services(app, encoder=encoder)  # pages ask the same service
    services = services_of(app)
    return lambda: SteppedWorkers(services.database, services.vault, encoder, settings.zone)


@pytest.fixture
def worker(new_worker: Callable[[], SteppedWorkers]) -> SteppedWorkers:
    """One of them."""
    return new_worker()


@pytest.fixture
def person_id(office: TestClient) -> str:
    """Somebody without consent."""
    body = {"student_number": "S-1", "given_name": "Zaynab", "family_name": "Ünsal"}
    answer = office.post("/api/v1/people", json=body)
    assert answer.status_code == 201
    created: str = answer.json()["id"]
    return created


@pytest.fixture
def consent(office: TestClient, person_id: str) -> dict[str, Any]:
    """Their consent."""
    answer = office.post(f"/api/v1/people/{person_id}/consents", json=GIVEN)
    assert answer.json()["state"] == "live"
    found: dict[str, Any] = answer.json()
    return found
