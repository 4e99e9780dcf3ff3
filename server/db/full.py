"""Tell a full disk from other errors of the database and of files."""

import errno
import sqlite3
from collections.abc import Iterator

#: SQLSTATE of PostgreSQL. Source: its manual, appendix A, class 53.
_POSTGRES_DISK_FULL = "53100"
_FULL_NUMBERS = frozenset({errno.ENOSPC, errno.EDQUOT})
#: The shared-memory file of the write-ahead log could not grow. Source: SQLite's result codes.
_SHARED_MEMORY_SIZE = sqlite3.SQLITE_IOERR_SHMSIZE
_FULL_CODES = frozenset({sqlite3.SQLITE_FULL, _SHARED_MEMORY_SIZE})


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error, or one that led to it, says that a disk is full."""
    return any(_says_full(one) for one in _causes(error))


def _says_full(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return getattr(error, "sqlite_errorcode", None) in _FULL_CODES
    if isinstance(error, OSError):
        return error.errno in _FULL_NUMBERS
    return getattr(error, "sqlstate", None) == _POSTGRES_DISK_FULL


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it was made from."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "orig", None), one.__cause__, one.__context__]
