"""Check that a database has the schema of this version before anything is served from it."""

from collections.abc import Collection

from sqlalchemy import Connection, inspect
from sqlalchemy.engine.reflection import ObjectKind

from server.errors import ConfigurationError
from server.migrations.tables import metadata

_MOST_NAMED = 5
_WHERE = 'See "The server refuses its database" in docs/server.md.'


def refuse_newer(heads: Collection[str], known: Collection[str]) -> None:
    """Refuse a database that a newer version has migrated.

    Args:
        heads: the revisions that the database is at.
        known: the revisions that this version knows.

    Raises:
        ConfigurationError: names the revision that this version does not know.
    """
    foreign = sorted(set(heads).difference(known))
    if foreign:
        raise ConfigurationError(
            f"A newer version of Rollcall has changed this database (revision {foreign[0]})."
            f" Start that version, or restore a backup from before. {_WHERE}"
        )


def refuse_incomplete(connection: Connection) -> None:
    """Refuse a database that lacks a table or column, whatever its revision says.

    Raises:
        ConfigurationError: names what is missing.
    """
    missing = missing_parts(connection)
    if not missing:
        return
    named = ", ".join(missing[:_MOST_NAMED])
    more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
    raise ConfigurationError(
        f"The database lacks {named}{more}, so the server does not start. Restore the last backup"
        f" that is complete. {_WHERE}"
    )


def missing_parts(connection: Connection) -> list[str]:
    """Return each table, and each column as ``table.column``, that is in code and not here."""
    found = inspect(connection).get_multi_columns(kind=ObjectKind.TABLE)
    columns = {name: {one["name"] for one in there} for (_, name), there in found.items()}
    missing = []
    for table in metadata.sorted_tables:
        if table.name not in columns:
            missing.append(table.name)
            continue
        lacking = [one.name for one in table.columns if one.name not in columns[table.name]]
        missing += [f"{table.name}.{name}" for name in lacking]
    return missing
