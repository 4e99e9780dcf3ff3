"""A full disk is told apart from other errors."""

import errno
import sqlite3
from pathlib import Path

import psycopg.errors
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from server.db.engine import Database
from server.db.full import is_disk_full


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A database that may not grow beyond the pages it has."""
    found = Database(f"sqlite:///{tmp_path / 'small.sqlite3'}")
    with found.transaction() as db:
        db.execute(text("CREATE TABLE kept (body BLOB)"))
    return found


def _fill(database: Database) -> None:
    with database.transaction() as db:
        db.execute(text("PRAGMA max_page_count = 3"))
        db.execute(text("INSERT INTO kept VALUES (zeroblob(100000))"))


def test_full_database_file_is_a_full_disk_and_is_remembered(database: Database) -> None:
    assert not database.was_full_lately
    with pytest.raises(OperationalError) as caught:
        _fill(database)

    assert is_disk_full(caught.value)
    assert database.was_full_lately


def test_locked_database_is_not_a_full_disk(database: Database) -> None:
    with (
        database.transaction() as db,
        pytest.raises(OperationalError) as caught,
        database.transaction(0),
    ):
        db.connection()

    assert not is_disk_full(caught.value)
    assert not database.was_full_lately


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_file_that_does_not_fit_is_a_full_disk(number: int) -> None:
    assert is_disk_full(OSError(number, "no room"))


def test_error_made_from_a_full_disk_is_one() -> None:
    wrapped = ValueError("a photo could not be kept")
    wrapped.__cause__ = OSError(errno.ENOSPC, "no room")

    assert is_disk_full(wrapped)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, "not allowed"),
        sqlite3.OperationalError("database or disk is full, says a text"),
        psycopg.errors.OutOfMemory("memory"),
        ValueError("full"),
    ],
)
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_disk_full(error)


def test_postgresql_says_it_with_its_code() -> None:
    refused = psycopg.errors.DiskFull("could not extend file")

    assert is_disk_full(OperationalError("INSERT", {}, refused))


def test_error_that_names_itself_as_its_cause_ends() -> None:
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first

    assert not is_disk_full(first)
