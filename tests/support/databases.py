"""Databases that are migrated once per test run. Tests copy them, which takes milliseconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import new_database


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("migrated") / "empty.sqlite3"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_postgres(postgres_port: int) -> Iterator[str]:
    """Return the name of a migrated, empty PostgreSQL database to copy."""
    with new_database(postgres_port) as url:
        _migrate(url)
        yield url.rpartition("/")[2]


@pytest.fixture
def migrated_postgres_url(postgres_port: int, migrated_postgres: str) -> Iterator[str]:
    """Return the SQLAlchemy URL of a migrated, empty database for one test."""
    with new_database(postgres_port, template=migrated_postgres) as url:
        yield url


def _migrate(url: str) -> None:
    # Imported here: it takes more than a second, and most test runs need no database.
    from server.db.engine import Database
    from server.migrations.runner import upgrade

    database = Database(url)
    upgrade(database)
    database.close()
