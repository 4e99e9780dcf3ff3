"""Private files that are either wholly old or wholly new, even when the power goes."""

import contextlib
import os
from datetime import datetime
from pathlib import Path

from kiosk.storage.failures import translated

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


def private_folder(path: Path) -> Path:
    """Make a folder that only this account may enter, and return it.

    Raises:
        StorageError: the disk refuses.
    """
    with translated(path):
        path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        path.chmod(PRIVATE_FOLDER)
    return path


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by new content, mode 0600; after a power cut it is the old or the new one.

    Raises:
        StorageError: the disk refuses; the old file is as it was.
    """
    temporary = path.with_name(path.name + ".new")
    with translated(path):
        try:
            _write_synced(temporary, content)
            temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(file.fileno(), PRIVATE_FILE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_if_there(path: Path) -> bytes | None:
    """The content of a file, None if there is none.

    Raises:
        StorageError: it is there and cannot be read.
    """
    with translated(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def set_aside(path: Path, label: str, at: datetime) -> Path:
    """Rename a file out of the way, with its journals, and return its new name.

    Args:
        path: the file; ``-wal`` and ``-shm`` beside it go with it.
        label: why, for example ``corrupt``.
        at: for the name; a number is added where the name is taken.

    Raises:
        StorageError: the disk refuses.
    """
    stem = f"{path.name}.{label}-{at:%Y%m%dT%H%M%SZ}"
    target = path.with_name(stem)
    number = 1
    while target.exists():
        number += 1
        target = path.with_name(f"{stem}-{number}")
    with translated(path):
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.replace(target.with_name(target.name + suffix))
        _sync_folder(path.parent)
    return target


def remove(path: Path) -> None:
    """Delete a database file and its journals, where they exist.

    Raises:
        StorageError: the disk refuses.
    """
    with translated(path):
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
