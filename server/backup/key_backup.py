"""Back up data keys and certificates, in a file apart from the backups of the database."""

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path

from server.backup.errors import BackupError, BackupUnreadableError
from server.backup.reading import FindKey
from server.backup.recovery_key import RecoveryKey
from server.backup.sealed_file import SealedReader, sealed_file

KEYS = "keys"
#: What a server cannot make anew: data keys, the school's authority, the broker's accounts.
_FOLDERS = ("keys", "certificates", "broker")
_LARGEST_FILE = 16 * 1024 * 1024


@dataclass(frozen=True)
class RestoredKeys:
    """Which files were written.

    Attributes:
        written: their names below the data folder.
        kept: files that were there with another content, and stayed.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]


def write_keys(data_dir: Path, path: Path, key: RecoveryKey) -> int:
    """Write the keys and certificates of a data folder into an encrypted file; returns how many."""
    found = {str(one.relative_to(data_dir)): one.read_bytes() for one in _files(data_dir)}
    content = {name: base64.b64encode(data).decode() for name, data in found.items()}
    with sealed_file(path, key, KEYS) as file:
        file.write(json.dumps(content).encode())
    return len(found)


def restore_keys(data_dir: Path, path: Path, find_key: FindKey) -> RestoredKeys:
    """Write the files of a backup that are missing; what is there stays.

    Raises:
        BackupError: the file cannot be read, or is no backup of keys.
    """
    written, kept = [], []
    for name, data in sorted(_read(path, find_key).items()):
        target = data_dir / name
        if not target.exists():
            _write(target, data)
            written.append(name)
        elif target.read_bytes() != data:
            kept.append(name)
    return RestoredKeys(tuple(written), tuple(kept))


def key_ids_in(path: Path, find_key: FindKey) -> set[str]:
    """Return the ids of the data keys in a backup of keys."""
    names = (Path(name) for name in _read(path, find_key))
    return {one.stem for one in names if one.parent.name == KEYS and one.suffix == ".key"}


def _read(path: Path, find_key: FindKey) -> dict[str, bytes]:
    with path.open("rb") as file:
        reader = SealedReader(file, find_key)
        if reader.head.kind != KEYS:
            raise BackupError(f"{path} is no backup of keys.")
        plain = b"".join(reader.chunks())
    try:
        found = {name: base64.b64decode(data) for name, data in json.loads(plain).items()}
    except (ValueError, AttributeError, TypeError) as exc:
        raise BackupUnreadableError from exc
    if not all(_is_ours(Path(name)) for name in found):
        raise BackupUnreadableError
    return found


def _files(data_dir: Path) -> list[Path]:
    """Return what to back up: small, regular files; sockets, logs and links are none."""
    return sorted(
        one
        for folder in _FOLDERS
        for one in (data_dir / folder).rglob("*")
        if one.is_file() and not one.is_symlink() and one.stat().st_size <= _LARGEST_FILE
    )


def _is_ours(name: Path) -> bool:
    return name.parts[:1] != () and name.parts[0] in _FOLDERS and ".." not in name.parts


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(target, flags, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
