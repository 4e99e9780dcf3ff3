"""A database of every schema that landed, with rows in every table, comes up to date."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from server.db.engine import Database
from server.errors import ConfigurationError
from server.migrations import runner
from server.migrations.schema import missing_parts
from tests.support.migrating import migrate
from tests.support.old_rows import add_rows, counts

pytestmark = pytest.mark.integration

#: Tables that a later migration empties or removes, and why their rows are not counted.
MOVED = {
    "enrolment_checks": "0010 moves what waits into jobs",
    "accuracy_measurements": "0010 moves what waits into jobs",
    "jobs": "0010 fills it",
}


def revisions() -> list[str]:
    """Every revision that landed, the first one first."""
    script = ScriptDirectory(str(Path(runner.__file__).parent))
    return [one.revision for one in script.walk_revisions()][::-1]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of each kind without any table."""
    is_sqlite = request.param == "sqlite"
    found = Database(
        f"sqlite:///{tmp_path / 'old'}" if is_sqlite else request.getfixturevalue("postgres_url")
    )
    yield found
    found.close()


def test_rows_of_every_landed_schema_survive_every_later_migration(empty: Database) -> None:
    """Rows are added at each revision, so each migration meets rows of all schemas before it."""
    database = empty
    expected: dict[str, int] = {}
    for number, revision in enumerate(revisions(), start=1):
        migrate(database, revision)
        with database.engine.begin() as connection:
            found = counts(connection, expected)
            lost = {name for name in found if found[name] < expected[name]} - MOVED.keys()
            assert not lost, f"{revision} lost rows of {lost}"
            expected = counts(connection, add_rows(connection, number))
    runner.upgrade(database)
    runner.check(database)
    with database.engine.connect() as connection:
        assert missing_parts(connection) == []


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("ALTER TABLE kiosk_progress DROP COLUMN refused", "kiosk_progress.refused"),
        ("ALTER TABLE enrolments DROP COLUMN advice", "enrolments.advice"),
        ("DROP TABLE audit_entries", "audit_entries"),
    ],
)
def test_missing_part_is_named_and_nothing_is_served(
    database: Database, statement: str, missing: str
) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(statement))

    with pytest.raises(ConfigurationError) as refused:
        runner.upgrade(database)

    assert f"lacks {missing}" in refused.value.message
    assert "Restore the last backup" in refused.value.message


def test_schema_of_a_newer_version_is_named_and_left_alone(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))

    with pytest.raises(ConfigurationError) as refused:
        runner.upgrade(database)

    assert "9999_later" in refused.value.message
    with database.engine.connect() as connection:
        assert runner.current_revision(connection) == "9999_later"


def test_further_columns_and_tables_of_a_school_do_no_harm(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE rooms ADD COLUMN note VARCHAR(40)"))
        connection.execute(text("CREATE TABLE notes (id INTEGER PRIMARY KEY)"))
        before = runner.current_revision(connection)

    runner.upgrade(database)

    found = inspect(database.engine)
    assert "note" in {one["name"] for one in found.get_columns("rooms")}
    assert found.has_table("notes")
    with database.engine.connect() as connection:
        assert runner.current_revision(connection) == before
