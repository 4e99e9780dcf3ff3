"""The data folder and the database file are for the server's account alone."""

import contextlib
import os
import pwd
from pathlib import Path

from server.errors import ConfigurationError

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


def refuse_other_account(data_dir: Path) -> None:
    """Refuse to work on a data folder of another account, as root too.

    Root would leave files there that the server cannot read.

    Raises:
        ConfigurationError: the folder is there, and belongs to another account.
    """
    try:
        owner = data_dir.stat().st_uid
    except OSError:  # missing, or not ours to enter: opening it says why
        return
    if owner != os.geteuid():
        name = _name_of(owner)
        raise ConfigurationError(
            f"The data folder {data_dir} belongs to the account {name}. Run the command as that"
            f" account: sudo -u {name} rollcall-server … Nothing was changed."
        )


def _name_of(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return f"#{user_id}"


def _close(path: Path, mode: int) -> None:
    with contextlib.suppress(OSError):
        found = path.stat()
        if found.st_mode & _OTHERS and found.st_uid == os.geteuid():
            path.chmod(mode)
