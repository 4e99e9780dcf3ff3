"""Which data keys the copies and the put-aside databases of this server still need."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import SQLAlchemyError

from server.backup.before_migration import FOLDER
from server.backup.dump import tables_of, used_key_ids
from server.backup.errors import BackupError, BackupUnreadableError
from server.backup.reading import opened
from server.backup.recovery_key import RecoveryKey
from server.backup.restore import kept_files, kept_schemas
from server.backup.retention import BACKUP_ENDING
from server.backup.vault_key import data_key_of, vault_key
from server.config import Settings
from server.db.engine import Database
from server.db.vault import Vault


@dataclass(frozen=True)
class KeptKeys:
    """What must not be deleted.

    Attributes:
        key_ids: of the data keys that copies need.
        unreadable: copies that cannot be read; they may need any key.
    """

    key_ids: frozenset[str]
    unreadable: tuple[str, ...]


def keys_of_copies(database: Database, vault: Vault, settings: Settings) -> KeptKeys:
    """Return the data keys that copies from before migrations and restores need."""
    found, unreadable = set[str](), []
    for path in sorted((settings.data_dir / FOLDER).glob(f"*{BACKUP_ENDING}")):
        try:
            found |= _keys_of_copy(path, vault)
        except (OSError, BackupError):
            unreadable.append(path.name)
    for name, keys in _keys_of_kept(database):
        if keys is None:
            unreadable.append(name)
        else:
            found |= keys
    return KeptKeys(frozenset(found), tuple(unreadable))


def _keys_of_copy(path: Path, vault: Vault) -> set[str]:
    asked: list[str] = []

    def find(key_id: str) -> RecoveryKey | None:
        asked.append(key_id)
        return vault_key(vault, key_id)

    with opened(path, find) as backup:
        own = data_key_of(asked[0])
        if own is None:
            raise BackupUnreadableError
        return {own, *backup.manifest.key_ids}


def _keys_of_kept(database: Database) -> Iterator[tuple[str, set[str] | None]]:
    """Yield each put-aside database with its keys; None: it cannot be read."""
    if database.is_sqlite:
        for path in kept_files(Path(str(database.engine.url.database))):
            yield path.name, _keys_of_file(path)
        return
    with database.engine.connect() as connection:
        for schema in kept_schemas(connection):
            yield schema, _keys_in(connection, schema)


def _keys_of_file(path: Path) -> set[str] | None:
    """Read a file without changing it: as a database of the server it would get a log."""
    address = f"{path.absolute().as_uri()}?mode=ro"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool
    )
    try:
        with closing(engine.connect()) as connection:
            return _keys_in(connection)
    except SQLAlchemyError:
        return None
    finally:
        engine.dispose()


def _keys_in(connection: Connection, schema: str | None = None) -> set[str] | None:
    try:
        tables = tables_of(connection, schema)
        return used_key_ids(connection, tables) if tables else None
    except SQLAlchemyError:
        connection.rollback()
        return None
