"""The kiosk's private keys as files: read as they are, and made anew only for a new claim."""

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
from kiosk.storage.files import PRIVATE_FILE, read_if_there, set_aside, write_private
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
    """``signing.key`` and ``sealing.key`` in the identity folder, mode 0600."""

    def __init__(self, folder: Path) -> None:
        self._signing = folder / "signing.key"
        self._sealing = folder / "sealing.key"

    def find(self) -> FoundKeys:
        """Read the keys; nothing is made or changed.

        Raises:
            StorageError: a file is there and this account cannot read it.
        """
        return FoundKeys(
            _found(self._signing, signing.private_key),
            _found(self._sealing, sealing.sealing_private_key),
        )

    def complete(self) -> Keys:
        """Return the keys; one that is missing is made, and a damaged file is renamed before.

        Raises:
            StorageError: the disk refuses.
        """
        found = self.find()
        signing_key = found.signing
        if signing_key is None:
            signing_key = signing.make_key()
            _store(self._signing, signing.private_bytes(signing_key))
        sealing_key = found.sealing
        if sealing_key is None:
            sealing_key = sealing.make_sealing_key()
            _store(self._sealing, sealing.sealing_private_bytes(sealing_key))
        return Keys(signing_key, sealing_key)


def _found(path: Path, read: Callable[[bytes], _Key]) -> _Key | None:
    try:
        raw = read_if_there(path)
        if raw is None:
            return None
        _close_to_others(path)
        return read(raw)
    except (CorruptStoreError, ProtocolError):
        return None


def _close_to_others(path: Path) -> None:
    try:
        with translated(path):
            if path.stat().st_mode & ~PRIVATE_FILE & 0o777:
                path.chmod(PRIVATE_FILE)
                logger.warning("%s could be read by others; closed it", path.name)
    except StorageError as exc:
        logger.warning("%s can be read by others: %s", path.name, exc)


def _store(path: Path, raw: bytes) -> None:
    if os.path.lexists(path):
        kept = set_aside(path, "damaged", datetime.now(UTC))
        logger.warning("damaged key kept as %s", kept.name)
    write_private(path, raw)
    logger.info("key made %s", path.name)
