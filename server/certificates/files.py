"""Write files of certificates and keys, for the account that owns the folder alone."""

import os
from pathlib import Path

from server.db.private import private_folder

_MODE = 0o600


def owned_folder(folder: Path) -> Path:
    """Make a folder that only the owner of the one around it may enter.

    A command of root must leave nothing that the server's own account cannot read.
    """
    if os.geteuid() == 0 and not folder.exists():
        around = private_folder(folder).parent.stat()
        os.chown(folder, around.st_uid, around.st_gid, follow_symlinks=False)
    return private_folder(folder)


def open_private(path: Path, flags: int) -> int:
    """Open a file for the owner of its folder alone; returns its number.

    Args:
        path: the file; a link is refused, as root may not write where another account points.
        flags: as of `os.open`.

    Raises:
        OSError: it cannot be opened.
    """
    handle = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)
    return handle


def write_private(path: Path, text: str) -> None:
    """Write a file in one step.

    Raises:
        OSError: it cannot be written; what was there stays.
    """
    draft = path.with_name(f".{path.name}.draft")
    with os.fdopen(open_private(draft, os.O_WRONLY | os.O_TRUNC), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
