"""Build a database from a backup: its schema, its rows, and then the schema of this version."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, cast

from psycopg.sql import SQL, Identifier
from sqlalchemy import Connection, Table, func, select, text

from server.backup.dump import tables_of
from server.backup.errors import BackupUnreadableError, NewerBackupError
from server.backup.records import Manifest, RecordReader, TableRows
from server.migrations.runner import is_known, migrate
from server.migrations.schema import refuse_incomplete

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Loaded:
    """What became of a backup.

    Attributes:
        rows: how many were loaded.
        left_out: tables and columns (`table.column`) that Rollcall did not make.
    """

    rows: int
    left_out: tuple[str, ...]


def refuse_newer_backup(manifest: Manifest) -> None:
    """Refuse a backup that this version cannot understand.

    Raises:
        NewerBackupError: its schema is newer.
    """
    if not is_known(manifest.revision):
        raise NewerBackupError(
            f"Rollcall {manifest.version} made this backup (schema {manifest.revision}). This is"
            f" {version('rollcall')}, which is older. Install that version first, then restore."
        )


def load(connection: Connection, backup: RecordReader, *, time_zone: str) -> Loaded:
    """Fill an empty database, in the caller's transaction.

    Args:
        connection: to a database without tables; on SQLite with foreign keys switched off.
        backup: at its first row.
        time_zone: IANA name of the school's zone, for rows of old schemas.

    Raises:
        NewerBackupError: the backup has a newer schema.
        BackupUnreadableError: it is damaged, or its rows do not belong together.
    """
    refuse_newer_backup(backup.manifest)
    migrate(connection, backup.manifest.revision, time_zone=time_zone)
    with _without_foreign_keys(connection):
        tables = {table.name: table for table in tables_of(connection)}
        _remove_what_migrations_wrote(connection, tables)
        rows, left_out = 0, set[str]()
        for part in backup.parts():
            rows += len(part.rows)
            left_out |= _insert(connection, part, tables)
        _count_on(connection, tables)
    migrate(connection, "head", time_zone=time_zone)
    refuse_incomplete(connection)
    return Loaded(rows, tuple(sorted(left_out)))


def _remove_what_migrations_wrote(connection: Connection, tables: dict[str, Table]) -> None:
    for table in tables.values():
        if connection.execute(table.select().limit(1)).first() is not None:
            connection.execute(table.delete())


def _insert(connection: Connection, part: TableRows, tables: dict[str, Table]) -> set[str]:
    """Write rows; returns what has no place here."""
    table = tables.get(part.table)
    if table is None:
        return {part.table}
    kept = [at for at, name in enumerate(part.columns) if name in table.columns]
    columns = [part.columns[at] for at in kept]
    rows = [tuple(row[at] for at in kept) for row in part.rows]
    if connection.dialect.name == "sqlite":
        quote = connection.dialect.identifier_preparer.quote
        names, places = ", ".join(map(quote, columns)), ", ".join("?" * len(columns))
        query = f"INSERT INTO {quote(table.name)} ({names}) VALUES ({places})"  # noqa: S608
        connection.exec_driver_sql(query, rows)
    else:
        _copy(connection, table.name, columns, rows)
    return {f"{part.table}.{name}" for name in part.columns if name not in table.columns}


def _copy(
    connection: Connection, table: str, columns: list[str], rows: Sequence[Sequence[object]]
) -> None:
    """Let PostgreSQL read the texts of SQLite: it knows them all."""
    names = SQL(", ").join(map(Identifier, columns))
    query = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), names)
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)


def _count_on(connection: Connection, tables: dict[str, Table]) -> None:
    """Let numbers that PostgreSQL gives begin above those that there are."""
    if connection.dialect.name == "sqlite":
        return
    for table in tables.values():
        for column in table.columns:
            found = connection.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"),
                {"table": f'"{table.name}"', "column": column.name},
            ).scalar_one()
            if found is not None:
                highest = connection.execute(select(func.max(column))).scalar_one() or 0
                begin = text("SELECT setval(:name, :next, false)")
                connection.execute(begin, {"name": found, "next": highest + 1})


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Load rows in any order; afterwards each must refer to one that is there."""
    if connection.dialect.name == "sqlite":
        yield
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise BackupUnreadableError(
                f"The backup holds rows of {broken[0]} that refer to rows which are not in it."
            )
        return
    connection.execute(text("SET LOCAL TimeZone = 'UTC'"))
    constraints = connection.execute(
        text(
            "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE contype = 'f'"
            " AND connamespace = current_schema()::regnamespace"
        )
    ).all()
    for table, name, _definition in constraints:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    yield
    for table, name, definition in constraints:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
