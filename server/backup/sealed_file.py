"""An encrypted file that is written and read as a stream: whole, in order, or refused.

The plain bytes are cut into chunks of 64 KiB, each sealed with AES-256-GCM. The nonce of a chunk is
its number and whether it is the last one, so chunks cannot be left out, repeated or moved. Each
file has its own key, derived from the recovery key, a random salt and the head of the file, so no
chunk of another file fits.

Source: STREAM, Hoang, Reyhanitabar, Rogaway and Vizar, CRYPTO 2015; the file format age does so.
"""

import fcntl
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from server.backup.errors import BackupError, BackupUnreadableError, WrongRecoveryKeyError
from server.backup.recovery_key import RecoveryKey

_MAGIC = b"rollcall-backup 1\n"
_CHUNK_BYTES = 64 * 1024
_TAG_BYTES, _SALT_BYTES, _COUNTER_BYTES = 16, 32, 11
_LONGEST_ID = 60
DRAFT_ENDING = ".part"


@dataclass(frozen=True)
class FileHead:
    """What stands unencrypted at the beginning of a file.

    Attributes:
        kind: what the file holds: `database` or `keys`.
        key_id: which key encrypted it.
        salt: 32 random bytes.
    """

    kind: str
    key_id: str
    salt: bytes

    def to_bytes(self) -> bytes:
        """Return it as it is stored."""
        kind, key_id = self.kind.encode(), self.key_id.encode()
        return b"".join((_MAGIC, bytes([len(kind)]), kind, bytes([len(key_id)]), key_id, self.salt))


class SealedWriter:
    """Encrypts what is written. Only `finish` makes the file a whole one."""

    def __init__(self, file: BinaryIO, key: RecoveryKey, kind: str) -> None:
        head = FileHead(kind, key.id, secrets.token_bytes(_SALT_BYTES))
        self._cipher = _cipher_of(key, head)
        self._file = file
        self._waiting = bytearray()
        self._number = 0
        file.write(head.to_bytes())

    def write(self, data: bytes) -> None:
        """Take plain bytes; the newest chunk waits, because it may be the last one."""
        self._waiting += data
        while len(self._waiting) > _CHUNK_BYTES:
            self._seal(bytes(self._waiting[:_CHUNK_BYTES]), is_last=False)
            del self._waiting[:_CHUNK_BYTES]

    def finish(self) -> None:
        """Write the last chunk."""
        self._seal(bytes(self._waiting), is_last=True)

    def _seal(self, plain: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), plain, None))
        self._number += 1


class SealedReader:
    """Decrypts a file from its beginning; every byte that it returns is authentic.

    Attributes:
        head: of the file.
    """

    def __init__(self, file: BinaryIO, find_key: Callable[[str], RecoveryKey | None]) -> None:
        self.head = read_head(file)
        key = find_key(self.head.key_id)
        if key is None:
            raise WrongRecoveryKeyError(
                f"This backup was made with the recovery key {self.head.key_id}, not with the one"
                " given. Name the right one with --key FILE."
            )
        self._cipher = _cipher_of(key, self.head)
        self._file = file
        self._number = 0

    def chunks(self) -> Iterator[bytes]:
        """Yield the plain bytes in order.

        Raises:
            BackupUnreadableError: the file is cut off, was changed, or goes on after its end.
        """
        sealed = self._file.read(_CHUNK_BYTES + _TAG_BYTES)
        while True:
            following = self._file.read(_CHUNK_BYTES + _TAG_BYTES)
            yield self._open(sealed, is_last=not following)
            if not following:
                return
            sealed = following

    def _open(self, sealed: bytes, *, is_last: bool) -> bytes:
        try:
            nonce = _nonce(self._number, is_last=is_last)
            plain = self._cipher.decrypt(nonce, sealed, None)
        except (InvalidTag, ValueError) as exc:
            raise BackupUnreadableError from exc
        self._number += 1
        return plain


def read_head(file: BinaryIO) -> FileHead:
    """Read what stands unencrypted at the beginning.

    Raises:
        BackupUnreadableError: this is no backup of Rollcall.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        raise BackupUnreadableError("This file is no backup of Rollcall.")
    kind, key_id, salt = _text(file), _text(file), file.read(_SALT_BYTES)
    if len(salt) != _SALT_BYTES:
        raise BackupUnreadableError
    return FileHead(kind, key_id, salt)


@contextmanager
def sealed_file(path: Path, key: RecoveryKey, kind: str) -> Iterator[SealedWriter]:
    """Write a file that is there whole after the block, or not at all.

    It is written under another name, and that name is locked: a leftover of a killed process is
    not, so `remove_leftovers` can tell them apart.

    Raises:
        BackupError: there is a file of that name.
    """
    draft = path.with_name(path.name + DRAFT_ENDING)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            with suppress(OSError):  # some network drives have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
            writer = SealedWriter(file, key, kind)
            yield writer
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
            if path.exists():
                raise BackupError(f"{path} exists and was left as it is.")
            draft.replace(path)
        sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Delete what killed processes left half written."""
    for draft in folder.glob(f"*{DRAFT_ENDING}"):
        with suppress(OSError), draft.open("rb") as file:  # locked: it is being written
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.unlink()


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk, so that a power cut does not undo a rename."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some network drives cannot
            os.fsync(handle)
    finally:
        os.close(handle)


def _text(file: BinaryIO) -> str:
    size = file.read(1)
    content = file.read(size[0]) if size and size[0] <= _LONGEST_ID else b""
    if not content or not content.isascii():
        raise BackupUnreadableError
    return content.decode("ascii")


def _cipher_of(key: RecoveryKey, head: FileHead) -> AESGCM:
    info = b"rollcall backup file" + head.to_bytes()
    return AESGCM(HKDF(SHA256(), 32, salt=head.salt, info=info).derive(key.secret))


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(_COUNTER_BYTES, "big") + bytes([is_last])
