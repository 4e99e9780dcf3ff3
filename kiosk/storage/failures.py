"""The one place where the disk's and SQLite's errors become the kiosk's own."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kiosk.errors import CorruptStoreError, DiskFullError, NoAccessError, StorageError

_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ACCESS_ERRNOS = frozenset({errno.EACCES, errno.EPERM})
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
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return DiskFullError(f"{path.name}: no space left on the disk", path.name)
    if code in _CORRUPT_CODES:
        return CorruptStoreError(f"{path.name} is damaged", path.name)
    return StorageError(f"{path.name}: {type(error).__name__} (SQLite code {code})", path.name)


def primary_code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error of SQLite, 0 where it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & _PRIMARY_CODE_MASK


def _from_os(error: OSError, path: Path) -> StorageError:
    if error.errno in _FULL_ERRNOS:
        return DiskFullError(f"{path.name}: no space left on the disk", path.name)
    kind = NoAccessError if error.errno in _ACCESS_ERRNOS else StorageError
    return kind(f"{path.name}: {error.strerror or type(error).__name__}", path.name)
