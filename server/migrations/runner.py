"""Run Alembic from code: upgrade, check for drift, write a new revision."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from server.db.engine import Database
from server.db.lock import MIGRATION_LOCK
from server.migrations.schema import refuse_incomplete, refuse_newer


def upgrade(
    database: Database,
    *,
    time_zone: str = "UTC",
    before: Callable[[], object] | None = None,
) -> None:
    """Bring the schema up to date. Several processes may call this at once; one does the work.

    Everything happens in one transaction: where it is interrupted, nothing was changed, and the
    next start does it again.

    On SQLite the caller holds the start-up lock of the data folder.

    Args:
        database: to migrate.
        time_zone: IANA name of the school's zone, for rows that did not name theirs.
        before: is called before an older schema is changed; what it raises leaves the database as
            it is.

    Raises:
        ConfigurationError: a newer version has migrated it, or it lacks a table or column.
    """
    with _exclusive_connection(database) as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
        refuse_newer(heads, _revisions())
        if heads != (_revisions()[0],):
            if heads and before is not None:
                before()
            migrate(connection, "head", time_zone=time_zone)
        refuse_incomplete(connection)


def migrate(connection: Connection, revision: str, *, time_zone: str = "UTC") -> None:
    """Bring the schema that a connection sees up to a revision, in its transaction."""
    config = _config(connection)
    config.attributes["time_zone"] = time_zone
    command.upgrade(config, revision)


def is_known(revision: str) -> bool:
    """Return whether this version has a revision."""
    return revision in _revisions()


def check(database: Database) -> None:
    """Compare the schema with the tables in code.

    Raises:
        alembic.util.exc.CommandError: they differ.
    """
    with _exclusive_connection(database) as connection:
        command.check(_config(connection))


def write_revision(database: Database, message: str) -> None:
    """Write a new revision from the difference between schema and code. For developers."""
    with _exclusive_connection(database) as connection:
        command.revision(_config(connection), message, autogenerate=True)


def current_revision(connection: Connection) -> str | None:
    """Return the revision a database is at; None where it was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def _revisions() -> tuple[str, ...]:
    """Return the revisions that this version knows, newest first. Reading the files is slow."""
    scripts = ScriptDirectory.from_config(_located())
    return tuple(one.revision for one in scripts.walk_revisions())


def _config(connection: Connection) -> Config:
    config = _located()
    config.attributes["connection"] = connection
    return config


def _located() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _exclusive_connection(database: Database) -> Iterator[Connection]:
    with database.engine.connect() as connection:
        if database.is_sqlite:
            # Batch migrations rebuild tables; with enforcement on, dropping the old one would
            # delete what refers to it. Source: sqlite.org/lang_altertable.html, section 7.
            connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        else:
            connection.execute(text("SELECT pg_advisory_lock(:n)"), {"n": MIGRATION_LOCK})
            connection.commit()
        try:
            yield connection
            connection.commit()
        finally:
            _release(database, connection)


def _release(database: Database, connection: Connection) -> None:
    connection.rollback()
    if database.is_sqlite:
        connection.connection.cursor().execute("PRAGMA foreign_keys=ON")
        return
    connection.execute(text("SELECT pg_advisory_unlock(:n)"), {"n": MIGRATION_LOCK})
    connection.commit()
