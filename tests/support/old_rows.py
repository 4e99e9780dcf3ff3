"""Rows for every table of a schema, whatever its revision: made from what the database says."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    select,
    table,
)
from sqlalchemy import types as kinds

AT = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
#: Words that migrations read; any other text column takes any word.
WORDS: dict[str, object] = {
    "status": "accepted",
    "state": "claimed",
    "role": "parent",
    "kind": "seen",
    "method": "face",
    "time_zone": "Europe/Berlin",
    "attributes": "{}",
    "body": "{}",
    "document": "{}",
    "evidence": "{}",
}
EXCEPTIONS: dict[tuple[str, str], object] = {
    ("accounts", "role"): "office",
    ("jobs", "state"): "done",
    ("jobs", "kind"): "measure",
    ("gallery_changes", "kind"): "upsert",
    ("accuracy_measurements", "status"): "done",
}


def add_rows(connection: Connection, number: int) -> set[str]:
    """Insert one row into each table; rows of one number refer to each other.

    Returns:
        The names of the tables that got one.
    """
    metadata = MetaData()
    metadata.reflect(connection)
    made: dict[str, dict[str, Any]] = {}
    for one in metadata.sorted_tables:
        if one.name == "alembic_version":
            continue
        row = {part.name: _value(one, part, number, made) for part in _given(connection, one)}
        inserted = connection.execute(insert(one).values(row)).inserted_primary_key or ()
        keys = [part.name for part in one.primary_key]
        made[one.name] = row | dict(zip(keys, inserted, strict=False))
    return set(made)


def counts(connection: Connection, tables: Iterable[str]) -> dict[str, int]:
    """Return how many rows each of these tables has; a table that is gone is left out."""
    here = set(tables) & set(inspect(connection).get_table_names())
    count = select(func.count())
    return {name: connection.execute(count.select_from(table(name))).scalar_one() for name in here}


def _given(connection: Connection, within: Table) -> list[Column[Any]]:
    """Return the columns that a row must name: an integer key counts automatically."""
    is_sqlite = connection.dialect.name == "sqlite"
    keys = list(within.primary_key)
    is_counted = (
        len(keys) == 1
        and isinstance(keys[0].type, kinds.Integer)
        and not keys[0].foreign_keys
        and (is_sqlite or keys[0].server_default is not None)
    )
    return [one for one in within.columns if not (is_counted and one is keys[0])]


def _value(within: Table, column: Column[Any], number: int, made: dict[str, dict[str, Any]]) -> Any:
    for key in column.foreign_keys:
        target = key.column
        return made.get(target.table.name, {}).get(target.name)
    if (within.name, column.name) in EXCEPTIONS:
        return EXCEPTIONS[within.name, column.name]
    return _plain(within, column, number)


def _plain(within: Table, column: Column[Any], number: int) -> Any:
    kind = column.type
    moment = AT + timedelta(days=number)
    is_aware = isinstance(kind, kinds.DateTime) and kind.timezone
    own_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{within.name}{column.name}{number}")
    values: list[tuple[type[kinds.TypeEngine[Any]], object]] = [
        (kinds.JSON, {}),
        (kinds.Uuid, own_id),
        (kinds.DateTime, moment if is_aware else moment.replace(tzinfo=None)),
        (kinds.Date, moment.date()),
        (kinds.Time, time(8, 0)),
        (kinds.Boolean, False),
        (kinds.LargeBinary, number.to_bytes(4, "big")),
        (kinds.Numeric, number),
        (kinds.Float, number),
        (kinds.Integer, number),
    ]
    found = [value for one, value in values if isinstance(kind, one)]
    return found[0] if found else _text(within, column, number)


def _text(within: Table, column: Column[Any], number: int) -> object:
    if column.name in WORDS and not column.primary_key:
        return WORDS[column.name]
    length = getattr(column.type, "length", None) or 40
    if length == 32 and isinstance(column.type, kinds.CHAR):
        return uuid.uuid5(uuid.NAMESPACE_OID, f"{within.name}{column.name}{number}").hex
    return f"{number:03d}{column.name}"[:length]
