"""One SQLite file of the kiosk: opened with the right pragmas, migrated, shared behind a lock."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from kiosk.errors import CorruptStoreError, StorageError
from kiosk.storage.failures import translated
from kiosk.storage.files import PRIVATE_FILE

_BUSY_MS = 5000


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
        CorruptStoreError: the file is damaged.
        StorageError: the disk refuses, or a newer version of the kiosk wrote this file.
    """

    def __init__(self, path: Path, migrations: Sequence[str], durability: Durability) -> None:
        self._path = path
        self._lock = threading.RLock()
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
            raise StorageError(f"{self._path.name} was written by a newer version of the kiosk")
        for number, script in enumerate(migrations[version:], start=version + 1):
            self._connection.executescript(
                f"BEGIN IMMEDIATE; {script}; PRAGMA user_version = {number}; COMMIT;"
            )
