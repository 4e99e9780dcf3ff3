"""Back up data keys and certificates, in a file apart from the backups of the database."""

import base64
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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
_DRAFT = ".restoring"
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


class PreparedKeys:
    """The keys of a backup, ready to take their place.

    Args:
        data_dir: the data folder.
        found: name and content of each file.
        replaced: folders whose present content is put aside.
    """

    def __init__(self, data_dir: Path, found: dict[str, bytes], replaced: list[str]) -> None:
        self._data_dir = data_dir
        self._found = found
        self._replaced = replaced
        self._written: list[str] = []

    def stage(self) -> None:
        """Write data keys that are missing, and what will replace a folder beside it."""
        for name in sorted(self._found):
            if Path(name).parts[0] == KEYS:
                self._add(name)
            elif Path(name).parts[0] in self._replaced:
                _write(self._draft(name), self._found[name])

    def drop(self) -> None:
        """Delete what did not take its place."""
        for folder in _OF_SCHOOL:
            shutil.rmtree(self._data_dir / f"{folder}{_DRAFT}", ignore_errors=True)

    def finish(self, at: datetime) -> RestoredKeys:
        """Put certificates and the broker's accounts in place; after the database was restored."""
        put_aside = [self._replace(folder, at) for folder in self._replaced]
        for name in sorted(self._found):
            self._add(name)
        kept = [name for name in sorted(self._found) if self._is_kept(name)]
        return RestoredKeys(tuple(sorted(self._written)), tuple(kept), tuple(put_aside))

    def _replace(self, folder: str, at: datetime) -> str:
        present = self._data_dir / folder
        stamp = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = present.rename(f"{present}.before-restore-{stamp}")
        (self._data_dir / f"{folder}{_DRAFT}").rename(present)
        self._written += [name for name in self._found if Path(name).parts[0] == folder]
        return str(aside)

    def _add(self, name: str) -> None:
        target = self._data_dir / name
        if not target.exists():
            _write(target, self._found[name])
            self._written.append(name)

    def _is_kept(self, name: str) -> bool:
        return (self._data_dir / name).read_bytes() != self._found[name]

    def _draft(self, name: str) -> Path:
        folder, *rest = Path(name).parts
        return self._data_dir.joinpath(f"{folder}{_DRAFT}", *rest)


@contextmanager
def prepared_keys(
    data_dir: Path, path: Path, find_key: FindKey, *, is_unused: bool
) -> Iterator[PreparedKeys]:
    """Write the data keys of a backup that are missing, and prepare the rest.

    On a new machine certificates and the broker's accounts are replaced, as kiosks know the
    school's authority and no other. That waits for `finish`: where the database cannot be restored,
    this machine keeps those that it has. The present ones are kept under another name.

    Args:
        data_dir: the data folder.
        path: of the backup.
        find_key: see `opened`.
        is_unused: whether the database of this machine has neither people nor kiosks.

    Raises:
        BackupError: the file cannot be read, is no backup of keys, or has another authority than a
            machine that is in use.
    """
    found = _read(path, find_key)
    if not is_unused and _has_other_authority(data_dir, found):
        raise BackupError(
            "The backup of the keys has another authority than this data folder, so the school's"
            " kiosks would refuse one of them. Nothing was changed. If the kiosks know the"
            f" backup's authority, move {data_dir / 'certificates'} and {data_dir / 'broker'} away,"
            " then repeat. If they know this one, repeat without --keys."
        )
    keys = PreparedKeys(data_dir, found, _replaced(data_dir, found) if is_unused else [])
    keys.drop()
    try:
        keys.stage()
        yield keys
    finally:
        keys.drop()


def _replaced(data_dir: Path, found: dict[str, bytes]) -> list[str]:
    """Return the folders that differ from the backup."""
    differing = []
    for folder in _OF_SCHOOL:
        wanted = {name: data for name, data in found.items() if Path(name).parts[0] == folder}
        is_other = any(_differs(data_dir, *one) for one in wanted.items())
        if is_other and (data_dir / folder).is_dir():
            differing.append(folder)
    return differing


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
