"""Verify a backup: restore it into a scratch database, and look at everything."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlmodel import Session

from server.audit.service import Verification, verify
from server.backup.dump import tables_of, used_key_ids
from server.backup.errors import BackupError
from server.backup.load import Loaded, load
from server.backup.reading import FindKey, opened
from server.backup.records import Manifest
from server.db.address import file_address
from server.db.engine import Database

_PREFIX = "rollcall-verify-"


@dataclass(frozen=True)
class Verified:
    """A backup that can be restored.

    Attributes:
        manifest: what it says about itself.
        loaded: what became of its rows.
        trail: what the check of the audit trail found.
        missing_keys: data keys that it needs and that are not there.
    """

    manifest: Manifest
    loaded: Loaded
    trail: Verification
    missing_keys: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong with what it holds."""
        return self.trail.broken_at is None and not self.missing_keys


def verify_backup(
    path: Path, find_key: FindKey, *, folder: Path, time_zone: str, known_keys: Collection[str]
) -> Verified:
    """Restore a backup into a scratch database, compare what it holds, and delete it again.

    The scratch database is SQLite, also for a backup of PostgreSQL: the format is the same.

    Args:
        path: of the backup.
        find_key: see `opened`.
        folder: where the scratch database is for a while; for the server's account alone.
        time_zone: IANA name of the school's zone.
        known_keys: ids of the data keys that are there.

    Raises:
        BackupError: the backup is damaged, incomplete or of a newer version.
    """
    with opened(path, find_key) as backup, _scratch(folder) as connection:
        loaded = load(connection, backup, time_zone=time_zone)
        with Session(connection) as db:
            trail = verify(db)
        check_pages(connection)
        missing = used_key_ids(connection, tables_of(connection)).difference(known_keys)
        return Verified(backup.manifest, loaded, trail, tuple(sorted(missing)))


def check_pages(connection: Connection) -> None:
    """Let SQLite check its own file.

    Raises:
        BackupError: it found something.
    """
    found = connection.exec_driver_sql("PRAGMA integrity_check").scalar_one()
    if found != "ok":
        raise BackupError("The restored database failed SQLite's integrity check.")


@contextmanager
def filling(database: Database) -> Iterator[Connection]:
    """One transaction on SQLite without foreign keys; commits when the block ends."""
    with database.engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        connection.rollback()
        with connection.begin():
            yield connection


@contextmanager
def _scratch(folder: Path) -> Iterator[Connection]:
    remove_killed(folder)
    with _locked_folder(folder) as place:
        database = Database(file_address(place / "scratch.sqlite3"))
        try:
            with database.engine.connect() as connection:
                cursor = connection.connection.cursor()
                cursor.execute("PRAGMA foreign_keys=OFF")
                cursor.execute("PRAGMA synchronous=OFF")
                yield connection
                connection.rollback()
        finally:
            database.close()


@contextmanager
def _locked_folder(folder: Path) -> Iterator[Path]:
    """Make a folder that is locked until it is deleted: one of a killed process is not."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=folder) as name:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(handle)


def remove_killed(folder: Path) -> None:
    """Delete scratch databases that killed processes left: they are as large as the school's."""
    for place in folder.glob(f"{_PREFIX}*"):
        try:
            handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)
        except OSError:  # a verification works in it
            continue
        finally:
            os.close(handle)
