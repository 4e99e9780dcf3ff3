"""The one place where the disk's and SQLite's errors become the kiosk's own."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.errors import CorruptStoreError, DiskFullError, StorageError

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CORRUPT_CODES = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE_MASK = 0xFF
"""Extended result codes carry the primary one in the low byte. Source: sqlite.org/rescode.html."""


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what the disk raises about ``path`` into a StorageError that names the file."""
    try:
        yield
    except OSError as exc:
        raise _from_os(exc, path) from exc
    except sqlite3.Error as exc:
        raise from_sqlite(exc, path) from exc


def from_sqlite(error: sqlite3.Error, path: Path) -> StorageError:
    """The kiosk's error for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE_MASK
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(f"{path.name}: no space left on the disk")
    if code in _CORRUPT_CODES:
        return CorruptStoreError(f"{path.name} is damaged")
    return StorageError(f"{path.name}: {type(error).__name__} (SQLite code {code})")


def _from_os(error: OSError, path: Path) -> StorageError:
    if error.errno in _FULL_ERRNOS:
        return DiskFullError(f"{path.name}: no space left on the disk")
    return StorageError(f"{path.name}: {error.strerror or type(error).__name__}")
