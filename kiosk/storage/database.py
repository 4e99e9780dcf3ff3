"""One SQLite file of the kiosk: opened with the right pragmas, migrated, shared behind a lock."""

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from kiosk.errors import CorruptStoreError, NoAccessError, OtherVersionError, StorageError
from kiosk.storage.failures import primary_code, translated
from kiosk.storage.files import PRIVATE_FILE, check_place, clear_place, open_up, set_aside

logger = logging.getLogger(__name__)

_BUSY_MS = 5000
_INDEX = "-shm"
_JOURNALS = ("-wal", _INDEX)


class Durability(StrEnum):
    """What a commit promises. FULL survives a power cut; NORMAL may lose the last commits."""

    FULL = "FULL"
    NORMAL = "NORMAL"


class SQLiteFile:
    """A connection that several threads share, one transaction at a time.

    Args:
        path: the file; made with mode 0600 if it is not there.
        migrations: SQL scripts; number n brings the file from user_version n to n + 1.
        durability: of each commit.

    Raises:
        CorruptStoreError: the file is damaged, something else lies in its place, or its tables are
            not those of this version (`OtherVersionError`).
        StorageError: the disk refuses.
    """

    def __init__(self, path: Path, migrations: Sequence[str], durability: Durability) -> None:
        self._path = path
        self._lock = threading.RLock()
        _make_room(path)
        with translated(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE))
            path.chmod(PRIVATE_FILE)
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_MS / 1000, isolation_level=None, check_same_thread=False
            )
        try:
            with translated(path):
                self._prepare(durability)
                self._migrate(migrations)
                self._check_tables(migrations)
        except StorageError:
            self._connection.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed when the block ends well, rolled back when it raises.

        Raises:
            StorageError: nothing of the block is stored.
        """
        with self._lock, translated(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection for reading.

        Raises:
            StorageError: it cannot be read.
        """
        with self._lock, translated(self._path):
            yield self._connection

    def fold_journal(self) -> None:
        """Fold the write-ahead journal into the file and empty it: no old copies, less room.

        Raises:
            StorageError: the disk refuses.
        """
        with self.reading() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._connection.close()

    def _prepare(self, durability: Durability) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute(f"PRAGMA synchronous = {durability.value}")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.execute("PRAGMA secure_delete = ON")
        verdict = self._connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise CorruptStoreError(f"{self._path.name} is damaged")

    def _migrate(self, migrations: Sequence[str]) -> None:
        version: int = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(migrations):
            name = self._path.name
            raise OtherVersionError(f"{name} was written by a newer version of the kiosk", name)
        try:
            for number, script in enumerate(migrations[version:], start=version + 1):
                self._connection.executescript(
                    f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
                )
        except sqlite3.OperationalError as exc:
            if primary_code(exc) == sqlite3.SQLITE_ERROR:  # its tables are not what it says
                raise self._other_tables() from exc
            raise

    def _check_tables(self, migrations: Sequence[str]) -> None:
        found = _columns(self._connection)
        expected = _expected_columns(tuple(migrations))
        if any(found.get(table) != columns for table, columns in expected.items()):
            raise self._other_tables()

    def _other_tables(self) -> OtherVersionError:
        name = self._path.name
        return OtherVersionError(f"{name} has the tables of another version of the kiosk", name)


@cache
def _expected_columns(migrations: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    with closing(sqlite3.connect(":memory:")) as memory:
        for script in migrations:
            memory.executescript(script)
        return _columns(memory)


def _columns(db: sqlite3.Connection) -> Mapping[str, frozenset[str]]:
    """Columns by table."""
    rows = db.execute(
        "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c"
        " WHERE m.type = 'table'"
    ).fetchall()
    tables = {table for table, _ in rows}
    return {one: frozenset(column for table, column in rows if table == one) for one in tables}


def read_rows(path: Path, query: str, values: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    """Read rows of a file as far as it goes, whatever state it is in; changes nothing.

    Never waits: a pipe in place of a journal is no journal. Rows before a bad page are returned.
    """
    places = [path, *(path.with_name(path.name + suffix) for suffix in _JOURNALS)]
    if not path.is_file() or any(os.path.lexists(one) and not one.is_file() for one in places):
        return []
    rows: list[tuple[Any, ...]] = []
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            rows.extend(db.execute(query, values))
    except sqlite3.Error:
        return rows
    return rows


def _make_room(path: Path) -> None:
    """Check what lies where the file and its journals are to be, and open up what is ours."""
    check_place(path)
    for suffix in _JOURNALS:
        journal = path.with_name(path.name + suffix)
        try:
            check_place(journal)
        except CorruptStoreError:
            kept = set_aside(journal, "corrupt", datetime.now(UTC))
            logger.warning("database journal was no file, kept as %s", kept.name)
    with translated(path):
        for suffix in ("", *_JOURNALS):
            open_up(path.with_name(path.name + suffix))
    _check_journals(path)


def _check_journals(path: Path) -> None:
    """Check that the journals can be used; the index of one is made anew where it cannot.

    Raises:
        NoAccessError: the journal, which may hold records, belongs to another account.
    """
    for suffix in _JOURNALS:
        journal = path.with_name(path.name + suffix)
        is_ours = os.access(journal, os.R_OK | os.W_OK, effective_ids=True)
        if is_ours or not journal.exists():
            continue
        if suffix == _INDEX:
            clear_place(journal)
        else:
            raise NoAccessError(f"{journal.name}: belongs to another account", journal.name)
