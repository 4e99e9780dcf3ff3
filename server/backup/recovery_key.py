"""The recovery key: what encrypts backups. It is kept apart from them, on paper too."""

import base64
import binascii
import os
import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from server.errors import ConfigurationError

_SECRET_BYTES = 32
#: A wrong letter is noticed before a restore fails. 56 characters of base32 in all.
_CHECK_BYTES = 3
_GROUP = 4
_OTHERS = 0o077
_HEAD = """\
# Recovery key of Rollcall's backups.
# Without it no backup can be read. Keep a copy apart from the server and the backups,
# for example printed in a safe. Everyone who has it can read every backup.
"""


@dataclass(frozen=True)
class RecoveryKey:
    """A key that encrypts backups.

    Attributes:
        id: stands in each file that it encrypted; says nothing about the key.
        secret: 32 bytes.
    """

    id: str
    secret: bytes


def key_of(secret: bytes) -> RecoveryKey:
    """Return a key with its id."""
    return RecoveryKey(sha256(b"rollcall recovery key" + secret).hexdigest()[:8], secret)


def make_key(path: Path) -> RecoveryKey:
    """Write a new key file, readable by its owner only. Never overwrites a file.

    Raises:
        ConfigurationError: there is a file of that name.
    """
    secret = secrets.token_bytes(_SECRET_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as exc:
        raise ConfigurationError(
            f"{path} exists and was left as it is. Choose another name for the recovery key."
        ) from exc
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{_HEAD}{_written(secret)}\n")
        file.flush()
        os.fsync(file.fileno())
    return key_of(secret)


def read_key(path: Path) -> RecoveryKey:
    """Read a key file, also one that was typed from paper.

    Raises:
        ConfigurationError: it is missing, readable by others, or holds no key.
    """
    try:
        if path.stat().st_mode & _OTHERS:
            raise ConfigurationError(
                f"The recovery key {path} must be readable by its owner only: chmod 600 {path}"
            )
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as exc:
        raise ConfigurationError(
            f"The recovery key {path} cannot be read ({exc.strerror})."
        ) from exc
    return key_of(_read(text, path))


def refuse_beside(key_file: Path, folder: Path, name: str) -> None:
    """Refuse a key that lies with the backups that it encrypts, or with the data.

    Args:
        key_file: the recovery key.
        folder: where it must not lie.
        name: of the folder, for the sentence.

    Raises:
        ConfigurationError: it does.
    """
    if folder.resolve() in key_file.resolve().parents:
        raise ConfigurationError(
            f"The recovery key {key_file} lies in the {name} ({folder}). A person who copies this"
            " folder could read the backups. Move the key to another place."
        )


def _written(secret: bytes) -> str:
    letters = base64.b32encode(secret + sha256(secret).digest()[:_CHECK_BYTES]).decode()
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def _read(text: str, path: Path) -> bytes:
    lines = (line.strip() for line in text.splitlines())
    letters = "".join(line for line in lines if line and not line.startswith("#"))
    letters = letters.replace("-", "").replace(" ", "").upper().replace("0", "O").replace("1", "I")
    try:
        found = base64.b32decode(letters)
    except (binascii.Error, ValueError):
        found = b""
    secret, check = found[:_SECRET_BYTES], found[_SECRET_BYTES:]
    if len(secret) != _SECRET_BYTES or check != sha256(secret).digest()[:_CHECK_BYTES]:
        raise ConfigurationError(
            f"{path} holds no recovery key, or a letter of it is wrong. Compare it with the print."
        )
    return secret
