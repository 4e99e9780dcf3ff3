"""The data folder and the database file are for the server's account alone."""

import contextlib
import os
from pathlib import Path

_FOLDER, _FILE = 0o700, 0o600
_OTHERS = 0o077


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner may enter, and close one of ours that others may enter."""
    folder.mkdir(parents=True, exist_ok=True, mode=_FOLDER)
    _close(folder, _FOLDER)
    return folder


def private_file(path: Path) -> None:
    """Make a file that only its owner may read, and close one of ours that others may read.

    Files that SQLite makes beside a database get the mode of the database. Where the file cannot
    be made nothing happens: opening it says why.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_RDONLY | os.O_CLOEXEC, _FILE))
    for one in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        _close(one, _FILE)


def _close(path: Path, mode: int) -> None:
    with contextlib.suppress(OSError):
        found = path.stat()
        if found.st_mode & _OTHERS and found.st_uid == os.geteuid():
            path.chmod(mode)
