"""Databases made before migrations 0001, 0003 and 0006 were edited come right on upgrade."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from server.db.engine import Database
from server.migrations import runner
from tests.support.migrating import migrate

LATER_COLUMNS = [
    ("enrolments", "advice"),
    ("kiosk_progress", "refused"),
    ("kiosk_progress", "torn"),
]
KIOSK_ID = "0" * 31 + "1"


@pytest.fixture
def first_landed(database: Database) -> Database:
    """Revision 0006 as the files first landed: three columns and one index less, and rows."""
    migrate(database, "0006")
    with database.engine.begin() as connection:
        for table, column in LATER_COLUMNS:
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(text("DROP INDEX ix_accuracy_measurements_waiting"))
        _add_rows(connection)
    return database


def _add_rows(connection: Connection) -> None:
    at = "'2026-11-01 08:00:00+00:00'"
    rows = (
        f"INSERT INTO rooms (id, name, created_at) VALUES ('{KIOSK_ID}', 'R12', {at})",
        "INSERT INTO kiosks (id, name, room_id, state, created_at, generation, gallery_version,"
        f" gallery_source, is_online) VALUES ('{KIOSK_ID}', 'K', '{KIOSK_ID}', 'new', {at}, 0, 0,"
        " '', false)",
        "INSERT INTO kiosk_progress (kiosk_id, stored_through, highest_seq, highest_hash,"
        f" claimed_seq) VALUES ('{KIOSK_ID}', 3, 3, 'x', 0)",
        *(
            "INSERT INTO accuracy_measurements (id, model_id, status, requested_by, requested_at,"
            f" attempts, not_before) VALUES ('{number:032d}', 'm', 'waiting', 'a', {at}, 0, {at})"
            for number in (1, 2)
        ),
    )
    for row in rows:
        connection.execute(text(row))


def test_missing_columns_are_added_and_rows_kept(first_landed: Database) -> None:
    runner.upgrade(first_landed)
    runner.check(first_landed)
    with first_landed.engine.connect() as connection:
        progress = connection.execute(
            text("SELECT stored_through, refused, torn FROM kiosk_progress")
        )
        assert progress.one() == (3, 0, 0)


def test_two_waiting_measurements_become_one_job(first_landed: Database) -> None:
    runner.upgrade(first_landed)
    with first_landed.engine.connect() as connection:
        found = connection.execute(text("SELECT kind, key, state FROM jobs")).all()
        assert [tuple(row) for row in found] == [("measure", "m", "waiting")]
        ids = connection.execute(text("SELECT id FROM accuracy_measurements")).all()
        assert ids == []


def test_a_complete_database_is_left_alone(database: Database, tmp_path: Path) -> None:
    migrate(database, "0006")
    runner.upgrade(database)
    runner.check(database)
    before = schema_of(database)
    runner.upgrade(database)
    runner.check(database)
    assert schema_of(database) == before


def schema_of(database: Database) -> dict[str, set[str]]:
    """Return the columns of each table."""
    found = inspect(database.engine)
    return {
        table: {one["name"] for one in found.get_columns(table)}
        for table in found.get_table_names()
    }
