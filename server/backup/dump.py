"""Write a whole database into a backup, as it was at one moment, while the server goes on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, Column, Connection, LargeBinary, MetaData, String, Table, cast, func
from sqlalchemy import select as sa_select

from server.backup.records import (
    Manifest,
    RecordWriter,
    Value,
    in_records,
    stored_value,
)
from server.backup.recovery_key import RecoveryKey
from server.backup.sealed_file import sealed_file
from server.db.types import now
from server.migrations.runner import current_revision

DATABASE = "database"
VERSION_TABLE = "alembic_version"
#: Rows that PostgreSQL sends at a time; a row with bytes may have a mebibyte.
_ROWS, _ROWS_WITH_BYTES = 2000, 40


@dataclass(frozen=True)
class WrittenBackup:
    """A backup that is on the disk.

    Attributes:
        path: of the file.
        manifest: what it says about itself.
        digest: SHA-256 of its records, in hex.
        size_bytes: of the file.
    """

    path: Path
    manifest: Manifest
    digest: str
    size_bytes: int


def write_backup(connection: Connection, path: Path, key: RecoveryKey) -> WrittenBackup:
    """Write everything that a snapshot shows into an encrypted file.

    Args:
        connection: in a transaction that shows one moment: see `Database.snapshot`.
        path: of the new file.
        key: to encrypt it with.

    Raises:
        BackupError: there is a file of that name.
        OSError: the disk is full, or the folder cannot be written to.
    """
    made_at = now()  # not after the moment that the snapshot shows, which begins with the next line
    tables = tables_of(connection)
    manifest = _manifest(connection, tables, made_at)
    with sealed_file(path, key, DATABASE) as file:
        writer = RecordWriter(file, manifest)
        for table in tables:
            columns = tuple(column.name for column in table.columns)
            for part in in_records(table.name, columns, _rows(connection, table)):
                writer.add(part)
        digest = writer.finish()
    return WrittenBackup(path, manifest, digest, path.stat().st_size)


def tables_of(connection: Connection, schema: str | None = None) -> list[Table]:
    """Return the tables of a database as they are, in the order of their names."""
    found = MetaData()
    found.reflect(connection, schema=schema, resolve_fks=False)
    tables = (found.tables[name] for name in sorted(found.tables))
    return [table for table in tables if table.name != VERSION_TABLE]


def used_key_ids(connection: Connection, tables: list[Table]) -> set[str]:
    """Return the ids of the data keys that sealed something in these tables."""
    named = [
        column
        for table in tables
        for column in table.columns
        if column.name == "key_id" or column.name.endswith("_key_id")
    ]
    found: set[str] = set()
    for column in named:
        query = sa_select(column).where(column.is_not(None)).distinct()
        found.update(str(one) for one in connection.execute(query).scalars())
    return found


def _manifest(connection: Connection, tables: list[Table], made_at: datetime) -> Manifest:
    counts = {
        table.name: connection.execute(sa_select(func.count()).select_from(table)).scalar_one()
        for table in tables
    }
    return Manifest(
        made_at=made_at.isoformat(timespec="seconds"),
        version=version("rollcall"),
        revision=current_revision(connection) or "",
        database=connection.dialect.name,
        key_ids=tuple(sorted(used_key_ids(connection, tables))),
        counts=counts,
    )


def _rows(connection: Connection, table: Table) -> Iterator[list[Value]]:
    is_sqlite = connection.dialect.name == "sqlite"
    return (_rows_of_sqlite if is_sqlite else _rows_of_postgres)(connection, table)


def _rows_of_sqlite(connection: Connection, table: Table) -> Iterator[list[Value]]:
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in table.columns)
    query = f"SELECT {names} FROM {quote(table.name)}"  # noqa: S608 - names from our own schema
    yield from (list(row) for row in connection.exec_driver_sql(query))


def _rows_of_postgres(connection: Connection, table: Table) -> Iterator[list[Value]]:
    has_bytes = any(isinstance(column.type, LargeBinary) for column in table.columns)
    size = _ROWS_WITH_BYTES if has_bytes else _ROWS
    options = {"stream_results": True, "yield_per": size}
    query = sa_select(*(_as_text(column) for column in table.columns))
    for row in connection.execute(query, execution_options=options):
        yield [stored_value(value) for value in row]


def _as_text(column: Column[Any]) -> Any:
    """JSON is copied letter by letter."""
    return cast(column, String) if isinstance(column.type, JSON) else column
