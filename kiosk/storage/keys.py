"""The kiosk's private keys as files: read as they are, and replaced only by an accepted claim."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kiosk.errors import CorruptStoreError, StorageError
from kiosk.storage.failures import translated
from kiosk.storage.files import (
    PRIVATE_FILE,
    clear_place,
    read_if_there,
    set_aside,
    write_private,
)
from kiosk.storage.storage_key import StorageKey, is_sealed
from protocol.v1 import sealing, signing
from protocol.v1.errors import ProtocolError

logger = logging.getLogger(__name__)

_Key = TypeVar("_Key", Ed25519PrivateKey, X25519PrivateKey)


@dataclass(frozen=True, slots=True)
class Keys:
    """The kiosk's private keys; they never leave this machine."""

    signing: Ed25519PrivateKey
    sealing: X25519PrivateKey


@dataclass(frozen=True, slots=True)
class FoundKeys:
    """The keys on disk; None where a file is missing or holds no key."""

    signing: Ed25519PrivateKey | None
    sealing: X25519PrivateKey | None

    @property
    def pair(self) -> Keys | None:
        """Both, where both are there."""
        if self.signing is None or self.sealing is None:
            return None
        return Keys(self.signing, self.sealing)


class KeyFiles:
    """``signing.key`` and ``sealing.key`` in the identity folder, mode 0600, encrypted.

    Args:
        folder: identity folder.
        storage_key: encrypts them.
    """

    def __init__(self, folder: Path, storage_key: StorageKey) -> None:
        self._storage_key = storage_key
        self._signing = folder / "signing.key"
        self._sealing = folder / "sealing.key"

    def find(self) -> FoundKeys:
        """Read the keys; nothing is made or changed.

        Raises:
            StorageError: a file is there and this account cannot read it.
        """
        return FoundKeys(
            self._found(self._signing, signing.private_key),
            self._found(self._sealing, sealing.sealing_private_key),
        )

    def complete(self) -> Keys:
        """Return the keys, with new ones for those that are lost; nothing is replaced.

        New keys are stored at once where only files are missing. Where one lies that cannot be
        read, they stay in memory until `keep`: it may be readable again at the next start.

        Raises:
            StorageError: the disk refuses.
        """
        found = self.find()
        keys = Keys(
            found.signing or signing.make_key(), found.sealing or sealing.make_sealing_key()
        )
        is_unreadable = (found.signing is None and os.path.lexists(self._signing)) or (
            found.sealing is None and os.path.lexists(self._sealing)
        )
        if not is_unreadable and self._storage_key.is_usable():
            self._store_changed(keys, found)
        return keys

    def keep(self, keys: Keys) -> None:
        """Store keys that the server has accepted; files with others are renamed before.

        Raises:
            StorageError: the disk refuses; this can be called again.
        """
        self._storage_key.replace_unusable()
        self._store_changed(keys, self.find())

    def protect(self) -> None:
        """Encrypt keys that an earlier version left in the clear.

        Raises:
            StorageError: the disk refuses; a key is as it was or encrypted.
        """
        found = self.find()
        if found.signing is not None:
            self._encrypt(self._signing, signing.private_bytes(found.signing))
        if found.sealing is not None:
            self._encrypt(self._sealing, sealing.sealing_private_bytes(found.sealing))

    def destroy_sealing_key(self) -> None:
        """Delete the key that opens the gallery, and every damaged copy of a key.

        Raises:
            StorageError: the disk refuses.
        """
        folder = self._signing.parent
        damaged = [*folder.glob("*.key.damaged-*"), *folder.glob("*.new")]
        for path in (self._sealing, *damaged):
            clear_place(path)

    def renew_storage_key(self) -> None:
        """Give the signing key, which stays, a new storage key; the old one is destroyed.

        Raises:
            StorageError: the disk refuses.
        """
        self._storage_key.renew([self._signing])

    def _store_changed(self, keys: Keys, found: FoundKeys) -> None:
        raw = signing.private_bytes(keys.signing)
        if found.signing is None or signing.private_bytes(found.signing) != raw:
            self._store(self._signing, raw)
        raw = sealing.sealing_private_bytes(keys.sealing)
        if found.sealing is None or sealing.sealing_private_bytes(found.sealing) != raw:
            self._store(self._sealing, raw)

    def _encrypt(self, path: Path, raw: bytes) -> None:
        if not is_sealed(read_if_there(path) or b""):
            write_private(path, self._storage_key.encrypt(path.name, raw))

    def _found(self, path: Path, read: Callable[[bytes], _Key]) -> _Key | None:
        try:
            raw = read_if_there(path)
            if raw is None:
                return None
            _close_to_others(path)
            return read(self._storage_key.decrypt(path.name, raw))
        except (CorruptStoreError, ProtocolError):
            return None

    def _store(self, path: Path, raw: bytes) -> None:
        if os.path.lexists(path):
            kept = set_aside(path, "damaged", datetime.now(UTC))
            logger.warning("damaged key kept as %s", kept.name)
        write_private(path, self._storage_key.encrypt(path.name, raw))
        logger.info("key made %s", path.name)


def _close_to_others(path: Path) -> None:
    try:
        with translated(path):
            if path.stat().st_mode & ~PRIVATE_FILE & 0o777:
                path.chmod(PRIVATE_FILE)
                logger.warning("%s could be read by others; closed it", path.name)
    except StorageError as exc:
        logger.warning("%s can be read by others: %s", path.name, exc)
