"""While tables are locked and pages wait for them, /health answers and says so."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from server.db.engine import Database
from server.migrations.tables import metadata
from server.web.principal import Role
from tests.integration.server.conftest import SignIn

#: More than there are threads for pages, fewer than there are connections.
WAITING = 20


@contextmanager
def everything_locked(database: Database) -> Iterator[None]:
    """Hold every table, as a dump, an index or a stuck administrator does."""
    if database.is_sqlite:
        path = database.engine.url.database
        assert path is not None
        database.close()  # the exclusive mode needs every reader to be gone once
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("PRAGMA locking_mode = EXCLUSIVE")
            holder.execute("BEGIN EXCLUSIVE")
            yield
        return
    names = ", ".join(f'"{name}"' for name in (*metadata.tables, "alembic_version"))
    with database.engine.connect() as holder:
        holder.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        yield


def test_health_answers_while_every_table_is_locked(
    database: Database, sign_in: SignIn, client: TestClient
) -> None:
    office = sign_in(Role.OFFICE)
    before = client.get("/health").json()["database"]
    with ThreadPoolExecutor(WAITING) as pages, everything_locked(database):
        for _ in range(WAITING):
            pages.submit(office.get, "/people")
        answers = [client.get("/health") for _ in range(2)]
    after = client.get("/health").json()["database"]

    assert [one.status_code for one in answers] == [200, 200]
    assert [one.json()["database"] for one in answers] == ["slow", "slow"]
    assert (before, after) == ("up", "up")


def test_database_without_tables_is_down(database: Database, client: TestClient) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE alembic_version"))

    answer = client.get("/health")

    assert answer.status_code == 503
    assert answer.json()["database"] == "down"


pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
