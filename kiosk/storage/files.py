"""Private files that are either wholly old or wholly new, even when the power goes."""

import contextlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from kiosk.errors import CorruptStoreError
from kiosk.storage.failures import translated

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_DATABASE_PARTS = ("", "-wal", "-shm")


def private_folder(path: Path) -> Path:
    """Make a folder that only this account may enter, and return it.

    Raises:
        StorageError: the disk refuses.
    """
    with translated(path):
        if not path.is_dir():
            path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            give_to_owner_of(path.parent, path)
        if stat.S_IMODE(path.stat().st_mode) != PRIVATE_FOLDER:
            path.chmod(PRIVATE_FOLDER)
    return path


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by new content, mode 0600; after a power cut it is the old or the new one.

    A folder in its place is renamed.

    Raises:
        StorageError: the disk refuses; the old file is as it was.
    """
    temporary = path.with_name(path.name + ".new")
    with translated(path):
        try:
            if not _is_plain(temporary):
                clear_place(temporary)
            _write_synced(temporary, content)
            if path.is_dir() and not path.is_symlink():
                clear_place(path)
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
    give_to_owner_of(path.parent, path)


def give_to_owner_of(folder: Path, path: Path) -> None:
    """Let a command of root leave nothing that the kiosk's own account cannot read."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def read_if_there(path: Path) -> bytes | None:
    """The content of a file, None if there is none.

    A file of this account whose mode keeps it out is opened up. Never waits: a pipe is no file.

    Raises:
        CorruptStoreError: something lies there that is no file, or a link that leads nowhere.
        StorageError: it is there and cannot be read.
    """
    check_place(path)
    with translated(path):
        open_up(path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read()


def check_place(path: Path) -> None:
    """Check that a file, a link to one, or nothing is there.

    Raises:
        CorruptStoreError: it is a folder, a pipe or another thing, or a link that leads nowhere.
        StorageError: the disk does not say.
    """
    with translated(path):
        if os.path.lexists(path) and not path.is_file():
            raise CorruptStoreError(f"{path.name} is not a file", path.name)


def open_up(path: Path) -> None:
    """Let this account read and write its own file again. OSError if the disk refuses."""
    if not path.is_file():
        return
    found = path.stat()
    is_closed = found.st_mode & PRIVATE_FILE != PRIVATE_FILE
    if is_closed and found.st_uid == os.geteuid():
        path.chmod(PRIVATE_FILE)


def set_aside(path: Path, label: str, at: datetime) -> Path:
    """Rename a file out of the way, with its journals, and return its new name.

    Args:
        path: the file, or what lies in its place; ``-wal`` and ``-shm`` beside it go with it.
        label: why, for example ``corrupt``.
        at: for the name; a number is added where the name is taken.

    Raises:
        StorageError: the disk refuses.
    """
    target = free_name(path, label, at)
    with translated(path):
        for suffix in _DATABASE_PARTS:
            part = path.with_name(path.name + suffix)
            if os.path.lexists(part):
                part.replace(target.with_name(target.name + suffix))
        _sync_folder(path.parent)
    return target


def clear_place(path: Path) -> None:
    """Make room where a file is to be: a folder is renamed, anything else is deleted.

    Raises:
        StorageError: the disk refuses.
    """
    with translated(path):
        if path.is_dir() and not path.is_symlink():
            set_aside(path, "folder", datetime.now(UTC))
        else:
            path.unlink(missing_ok=True)


def free_name(path: Path, label: str, at: datetime) -> Path:
    """Return a name beside a file that says why and when, and that nothing has yet."""
    stem = f"{path.name}.{label}-{at:%Y%m%dT%H%M%SZ}"
    target = path.with_name(stem)
    number = 1
    while any(os.path.lexists(f"{target}{suffix}") for suffix in ("", "-wal")):
        number += 1
        target = path.with_name(f"{stem}-{number}")
    return target


def remove(path: Path) -> None:
    """Delete a database file and its journals, where they exist; a folder there is renamed.

    Raises:
        StorageError: the disk refuses.
    """
    for suffix in _DATABASE_PARTS:
        clear_place(path.with_name(path.name + suffix))


def free_bytes(folder: Path) -> int:
    """Return the space that this account may still use where a folder lies.

    Raises:
        StorageError: the disk does not say.
    """
    with translated(folder):
        found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _is_plain(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode) if os.path.lexists(path) else True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
