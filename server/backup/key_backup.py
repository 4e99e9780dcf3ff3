"""Back up data keys and certificates, in a file apart from the backups of the database."""

import base64
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from server.backup.errors import BackupError, BackupUnreadableError
from server.backup.reading import FindKey
from server.backup.recovery_key import RecoveryKey
from server.backup.sealed_file import SealedReader, sealed_file

KEYS = "keys"
#: What a server cannot make anew: data keys, the school's authority, the broker's accounts.
_FOLDERS = ("keys", "certificates", "broker")
#: Of them, what belongs to the school rather than to the machine: replaced on a new machine.
_OF_SCHOOL = ("certificates", "broker")
_AUTHORITY = "certificates/authority-key.pem"
_AUTHORITIES = (_AUTHORITY, "certificates/former-authority-key.pem")
_LARGEST_FILE = 16 * 1024 * 1024


@dataclass(frozen=True)
class RestoredKeys:
    """Which files were written.

    Attributes:
        written: their names below the data folder.
        kept: files that were there with another content, and stayed.
        put_aside: folders of this machine that got another name.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    put_aside: tuple[str, ...]


def write_keys(data_dir: Path, path: Path, key: RecoveryKey) -> int:
    """Write the keys and certificates of a data folder into an encrypted file; returns how many."""
    found = {str(one.relative_to(data_dir)): one.read_bytes() for one in _files(data_dir)}
    content = {name: base64.b64encode(data).decode() for name, data in found.items()}
    with sealed_file(path, key, KEYS) as file:
        file.write(json.dumps(content).encode())
    return len(found)


def restore_keys(
    data_dir: Path, path: Path, find_key: FindKey, *, is_unused: bool, at: datetime
) -> RestoredKeys:
    """Write the files of a backup that are missing; what is there stays.

    On a new machine certificates and the broker's accounts are replaced, as kiosks know the
    school's authority and no other. The present ones are kept under another name.

    Args:
        data_dir: the data folder.
        path: of the backup.
        find_key: see `opened`.
        is_unused: whether the database of this machine has neither people nor kiosks.
        at: now, UTC.

    Raises:
        BackupError: the file cannot be read, is no backup of keys, or has another authority than a
            machine that is in use.
    """
    found = _read(path, find_key)
    put_aside: list[str] = []
    if is_unused:
        put_aside = _put_aside(data_dir, found, at)
    elif _has_other_authority(data_dir, found):
        raise BackupError(
            "The backup of the keys has another authority than this data folder, so the school's"
            " kiosks would refuse one of them. Nothing was changed. If the kiosks know the"
            f" backup's authority, move {data_dir / 'certificates'} and {data_dir / 'broker'} away,"
            " then repeat. If they know this one, repeat without --keys."
        )
    written, kept = [], []
    for name, data in sorted(found.items()):
        target = data_dir / name
        if not target.exists():
            _write(target, data)
            written.append(name)
        elif target.read_bytes() != data:
            kept.append(name)
    return RestoredKeys(tuple(written), tuple(kept), tuple(put_aside))


def _put_aside(data_dir: Path, found: dict[str, bytes], at: datetime) -> list[str]:
    """Rename the folders that differ from the backup; returns their new names."""
    renamed = []
    for folder in _OF_SCHOOL:
        wanted = {name: data for name, data in found.items() if Path(name).parts[0] == folder}
        present = data_dir / folder
        if wanted and present.is_dir() and any(_differs(data_dir, *one) for one in wanted.items()):
            stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
            aside = present.rename(f"{present}.before-restore-{stamp}")
            renamed.append(str(aside))
    return renamed


def _has_other_authority(data_dir: Path, found: dict[str, bytes]) -> bool:
    """Return whether both have an authority, and the backup's never was this folder's."""
    theirs = found.get(_AUTHORITY)
    if theirs is None or not (data_dir / _AUTHORITY).exists():
        return False
    return all(_differs(data_dir, name, theirs) for name in _AUTHORITIES)


def _differs(data_dir: Path, name: str, data: bytes) -> bool:
    path = data_dir / name
    return not path.is_file() or path.read_bytes() != data


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
