"""A process is killed before every statement of the migrations since 0033."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from server.db.engine import Database
from server.migrations import runner
from tests.support.killed_migrations import IsLast, killed_at
from tests.support.migrating import migrate
from tests.support.old_rows import add_rows

OLD = "0033"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an old database with a row in every table."""
    found = f"sqlite:///{tmp_path / 'old'}"
    if request.param == "postgresql":
        found = request.getfixturevalue("postgres_url")
    with closing(Database(found)) as database:
        migrate(database, OLD)
        with database.engine.begin() as connection:
            add_rows(connection, 11)
    return found


def state(url: str) -> tuple[str | None, int]:
    with closing(Database(url)) as database, database.engine.connect() as connection:
        people = connection.execute(text("SELECT count(*) FROM people")).scalar_one()
        return runner.current_revision(connection), people


def head() -> str:
    return ScriptDirectory(str(Path(runner.__file__).parent)).get_current_head() or ""


def at_statement(number: int) -> IsLast:
    return lambda at, _words: at == number


@pytest.mark.slow_fault
@pytest.mark.timeout(1800)
def test_kill_before_every_statement_leaves_the_database_as_it_was(
    url: str, record_property: Callable[[str, object], None]
) -> None:
    for name in ("recorded", "in_register", "undecided", "lost"):
        record_property(name, "-")
    record_property("fault", "Server killed before every statement of its migrations")
    record_property("database", url.partition(":")[0].partition("+")[0])
    before, number = state(url), 1
    while killed_at(url, at_statement(number)) and state(url) == before:
        number += 1
    assert number > 30
    # All of it was committed by then, and nothing but the end of the lock was missing.
    assert state(url) == (head(), before[1])
    with closing(Database(url)) as database:
        runner.check(database)
