"""Encryption at rest: AES-256-GCM under keys that live outside the database.

Each sealed value says which key sealed it, so a new key can be added at any time: it seals what is
written from then on, and the older ones still open what they sealed.
"""

import base64
import binascii
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from prometheus_client import Counter

from server.errors import ConfigurationError, SealBrokenError

if TYPE_CHECKING:
    from server.config import Settings

_logger = logging.getLogger(__name__)
_UNREADABLE = Counter(
    "rollcall_unreadable", "Times a stored value did not decrypt.", ["purpose", "reason"]
)

KEY_BYTES = 32
# Source: NIST SP 800-38D section 8.2.2, random nonces of 96 bits.
NONCE_BYTES = 12
_KEY_ID = re.compile("([0-9]{8}T[0-9]{6})-([0-9a-f]{8})")


@dataclass(frozen=True)
class Sealed:
    """An encrypted value as it is stored.

    Attributes:
        key_id: which master key it was sealed under.
        data: nonce, then ciphertext, then tag.
    """

    key_id: str
    data: bytes


class Vault:
    """Seals and opens values. Purpose and context are bound to each: nothing opens elsewhere."""

    def __init__(
        self, keys: dict[str, bytes], active_key_id: str, source: "KeySource | None" = None
    ) -> None:
        self._keys = keys
        self.active_key_id = active_key_id
        self._source = source
        self._following = threading.Lock()
        self._unreadable: dict[tuple[str, str], str] = {}
        self._warned: set[tuple[str, str]] = set()

    def follow(self) -> bool:
        """Take keys that were added since, and seal with the newest; returns whether it looked."""
        with self._following:  # the source tells each change once: the keys must be here by then
            found = self._source.changed() if self._source is not None else None
            if found is None:
                return False
            self._keys = self._keys | found[0]
            if found[1] != self.active_key_id:
                self.active_key_id = found[1]
                _logger.info("new data key in use id=%s", self.active_key_id)
            return True

    def has_key(self, key_id: str) -> bool:
        """Return whether what this key sealed can be opened."""
        return key_id in self._keys

    def key_ids(self) -> tuple[str, ...]:
        """Return the ids of all keys, in a fixed order."""
        return tuple(sorted(self._keys))

    def unreadable(self) -> dict[tuple[str, str], str]:
        """Return the key id of each value that did not open, by purpose and context.

        Only those that were met since the process started.
        """
        return dict(self._unreadable)

    def seal(self, plaintext: bytes, *, purpose: str, context: str) -> Sealed:
        """Encrypt a value.

        Args:
            plaintext: what to keep secret.
            purpose: what kind of data it is, such as "photo"; each kind has its own key.
            context: the row it belongs to; opening needs the same.
        """
        key_id = self.active_key_id  # once: another thread may change it at any moment
        nonce = secrets.token_bytes(NONCE_BYTES)
        cipher = AESGCM(self.subkey(purpose, key_id))
        return Sealed(key_id, nonce + cipher.encrypt(nonce, plaintext, context.encode()))

    def open(self, sealed: Sealed, *, purpose: str, context: str) -> bytes:
        """Decrypt a value. What does not open is counted, and logged once.

        Raises:
            SealBrokenError: the key is missing, or the value, its purpose or context was changed.
        """
        try:
            plain = self._decrypt(sealed, purpose, context)
        except SealBrokenError:
            self._note_unreadable(sealed, purpose, context)
            raise
        self._unreadable.pop((purpose, context), None)
        return plain

    def _note_unreadable(self, sealed: Sealed, purpose: str, context: str) -> None:
        reason = "damaged" if self.has_key(sealed.key_id) else "key_missing"
        _UNREADABLE.labels(purpose, reason).inc()
        self._unreadable[(purpose, context)] = sealed.key_id
        if (purpose, context) not in self._warned:
            self._warned.add((purpose, context))
            _logger.warning(
                "%s unreadable, skipped id=%s reason=%s key=%s",
                purpose,
                context,
                reason,
                sealed.key_id,
            )

    def _decrypt(self, sealed: Sealed, purpose: str, context: str) -> bytes:
        cipher = AESGCM(self.subkey(purpose, sealed.key_id))
        nonce, ciphertext = sealed.data[:NONCE_BYTES], sealed.data[NONCE_BYTES:]
        try:
            return cipher.decrypt(nonce, ciphertext, context.encode())
        except (InvalidTag, ValueError) as exc:
            raise SealBrokenError(key_id=sealed.key_id) from exc

    def subkeys(self, purpose: str) -> Iterator[bytes]:
        """Yield the keys of one purpose, the active one first."""
        ids = sorted(self._keys, key=lambda one: one != self.active_key_id)
        return (self.subkey(purpose, key_id) for key_id in ids)

    def subkey(self, purpose: str, key_id: str | None = None) -> bytes:
        """Derive the 32-byte key of one purpose, for example to sign cookies.

        Raises:
            SealBrokenError: there is no key of that id.
        """
        key_id = key_id or self.active_key_id
        master = self._keys.get(key_id)
        if master is None:  # another process began to use a new key
            self.follow()
            master = self._keys.get(key_id)  # also where another thread followed just now
        if master is None:
            raise SealBrokenError(
                f"The encryption key {key_id} is missing.", problem="seal_key", key_id=key_id
            )
        kdf = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"rollcall/{purpose}".encode())
        return kdf.derive(master)


def open_vault(settings: "Settings") -> Vault:
    """Load the keys of this installation; make the first one where there is none.

    Raises:
        ConfigurationError: a key is malformed, or its file is readable by others.
    """
    found = find_vault(settings)
    if found is None:
        add_key(settings.data_dir / "keys")
        found = find_vault(settings)
        assert found is not None, "the key was just written"
    return found


def find_vault(settings: "Settings") -> Vault | None:
    """Load the keys of this installation; None where there is none yet.

    Raises:
        ConfigurationError: a key is malformed, or its file is readable by others.
    """
    source = KeySource(settings)
    found = source.changed()
    return Vault(*found, source) if found is not None else None


class KeySource:
    """Where the keys of an installation come from: its settings and the files of a folder."""

    def __init__(self, settings: "Settings") -> None:
        self._folder = settings.data_dir / "keys"
        self._named = settings.master_key
        self._changed_ns = -1

    def changed(self) -> tuple[dict[str, bytes], str] | None:
        """Return all keys and the id of the active one; None: there is none, or no file is new.

        Raises:
            ConfigurationError: a key is malformed, or its file is readable by others.
        """
        changed_ns = self._folder.stat().st_mtime_ns if self._folder.is_dir() else 0
        if changed_ns == self._changed_ns:
            return None
        keys = _read_key_files(self._folder)
        self._changed_ns = changed_ns
        if self._named is not None:
            named = [_named(part) for part in self._named.get_secret_value().split(",")]
            return keys | dict(named), named[0][0]
        return (keys, max(keys)) if keys else None


def add_key(folder: Path) -> tuple[str, bytes]:
    """Write a new key file, mode 0600; the newest one is the active one."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_id = _next_id(max((path.stem for path in folder.glob("*.key")), default=""))
    key = secrets.token_bytes(KEY_BYTES)
    draft = folder / f"{key_id}.part"  # servers read the folder while they run
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(base64.b64encode(key))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / f"{key_id}.key")
    return key_id, key


def _next_id(newest: str) -> str:
    """Return an id that sorts after the newest one, also with a clock set back."""
    key_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    found = _KEY_ID.fullmatch(newest)
    if found is None or key_id > newest:
        return key_id
    return f"{found[1]}-{int(found[2], 16) + 1:08x}"


def _read_key_files(folder: Path) -> dict[str, bytes]:
    keys = {}
    for path in sorted(folder.glob("*.key")):
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"The key file {path} must be readable by its owner only.")
        keys[path.stem] = _decode(path.read_text(), path.name)
    return keys


def _named(encoded: str) -> tuple[str, bytes]:
    key = _decode(encoded, "ROLLCALL_SERVER_MASTER_KEY")
    return f"env-{sha256(key).hexdigest()[:8]}", key


def _decode(encoded: str, origin: str) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error as exc:
        raise ConfigurationError(f"{origin} is not base64.") from exc
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"{origin} must hold {KEY_BYTES} bytes.")
    return key
