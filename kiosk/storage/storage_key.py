"""The key that encrypts the kiosk's private files: kept by the machine where it can."""

import base64
import json
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kiosk.domain.keeping import KeyKeeping, KeyPlace
from kiosk.errors import CorruptStoreError, KeeperError, LockedStoreError
from kiosk.storage.files import private_folder, read_if_there, set_aside, write_private
from kiosk.storage.keepers import KEEPERS, KeyKeeper

logger = logging.getLogger(__name__)

_FILE = "storage.key"
_MAGIC = b"RollcallSealed1\n"
_KEY_BYTES, _ID_BYTES, _NONCE_BYTES = 32, 8, 12


class StorageKey:
    """Encrypts private files with AES-256-GCM; the name of each file is bound to its content.

    The key is in ``storage.key``, sealed by a keeper. It is made with the first file, and moved to
    a better keeper once there is one. A file that is not encrypted is read as it is, since earlier
    versions wrote such files.

    Args:
        folder: identity folder.
        places: where to keep the key, best first.
        keepers: one for each place.
        is_asked: the settings ask for the first place; otherwise it is only tried.
    """

    def __init__(
        self,
        folder: Path,
        places: Sequence[KeyPlace] = (KeyPlace.FILE,),
        keepers: Mapping[KeyPlace, KeyKeeper] = KEEPERS,
        *,
        is_asked: bool = False,
    ) -> None:
        self._path = folder / _FILE
        self._places = tuple(places)
        self._keepers = keepers
        self._asked = self._places[0] if is_asked else None
        self._known: tuple[bytes, tuple[bytes, ...]] | None = None

    def is_there(self) -> bool:
        """Say whether something lies where the key is to be."""
        return os.path.lexists(self._path)

    def is_usable(self) -> bool:
        """Say whether the key can be opened now, or can be made as nothing lies there.

        Raises:
            StorageError: the disk refuses.
        """
        try:
            self._keys()
        except CorruptStoreError:
            return False
        return True

    @property
    def keeping(self) -> KeyKeeping:
        """Where the key lies now."""
        with suppress(CorruptStoreError):
            raw = read_if_there(self._path)
            if raw is not None:
                place = _parsed(raw)[0]
                return KeyKeeping(place, None if place is self._asked else self._asked)
        return KeyKeeping()

    def encrypt(self, name: str, content: bytes) -> bytes:
        """Return the content as it may lie on disk; the key is made where there is none.

        Raises:
            LockedStoreError: the key is there and cannot be opened.
            StorageError: the disk refuses.
        """
        key = self._keys()[0] if self._keys() else self._made()[0]
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, content, name.encode())
        return _MAGIC + _id(key) + nonce + sealed

    def decrypt(self, name: str, raw: bytes) -> bytes:
        """Return the content of a file; one that is not encrypted comes back as it is.

        Raises:
            LockedStoreError: its key is not here, or cannot be opened.
            CorruptStoreError: it is damaged.
            StorageError: the disk refuses.
        """
        if not is_sealed(raw):
            return raw
        rest = raw[len(_MAGIC) :]
        wanted, nonce = rest[:_ID_BYTES], rest[_ID_BYTES : _ID_BYTES + _NONCE_BYTES]
        if len(rest) <= _ID_BYTES + _NONCE_BYTES:
            raise CorruptStoreError(f"{name} is cut short", name)
        key = next((one for one in self._keys() if _id(one) == wanted), None)
        if key is None:
            raise LockedStoreError(f"{name} was encrypted with a key that is not here", name)
        try:
            return AESGCM(key).decrypt(nonce, rest[_ID_BYTES + _NONCE_BYTES :], name.encode())
        except InvalidTag as exc:
            raise CorruptStoreError(f"{name} is damaged", name) from exc

    def keep_best(self) -> None:
        """Make the key where there is none, and move it to a better keeper where there is one.

        Raises:
            LockedStoreError: it is there and cannot be opened; it stays as it is.
            StorageError: the disk refuses.
        """
        keys, place = self._keys(), self.keeping.place
        if not keys:
            self._made()
        elif place is not None and place is not self._places[0]:
            self._store(keys, at_least=place)

    def replace_unusable(self) -> None:
        """Rename a key that cannot be opened, so that a new claim gets a new one.

        Raises:
            StorageError: the disk refuses.
        """
        try:
            self._keys()
        except CorruptStoreError:
            kept = set_aside(self._path, "damaged", datetime.now(UTC))
            logger.warning("storage key cannot be opened, kept as %s", kept.name)

    def renew(self, files: Sequence[Path]) -> None:
        """Encrypt these files with a new key and destroy the old one.

        After a crash in between both keys are there, and this can be called again.

        Raises:
            StorageError: the disk refuses; every file can still be read.
        """
        keys = (os.urandom(_KEY_BYTES), *self._keys())
        self._store(keys)
        for path in files:
            raw = read_if_there(path)
            if raw is not None:
                write_private(path, self.encrypt(path.name, self.decrypt(path.name, raw)))
        self._store(keys[:1])

    def _made(self) -> tuple[bytes, ...]:
        private_folder(self._path.parent)
        self._store((os.urandom(_KEY_BYTES),))
        return self._keys()

    def _keys(self) -> tuple[bytes, ...]:
        """Return the keys, newest first; empty where there is none yet."""
        raw = self._raw()
        if raw is None:
            return ()
        if self._known is not None and self._known[0] == raw:
            return self._known[1]
        place, sealed = _parsed(raw)
        try:
            secret = self._keepers[place].open(sealed)
        except KeeperError as exc:
            logger.warning("storage key not opened place=%s: %s", place, exc)
            raise LockedStoreError(f"{_FILE} cannot be opened: {exc}", _FILE) from exc
        if not secret or len(secret) % _KEY_BYTES:
            raise LockedStoreError(f"{_FILE} holds no key", _FILE)
        keys = tuple(secret[at : at + _KEY_BYTES] for at in range(0, len(secret), _KEY_BYTES))
        self._known = (raw, keys)
        return keys

    def _raw(self) -> bytes | None:
        try:
            return read_if_there(self._path)
        except CorruptStoreError as exc:
            raise LockedStoreError(str(exc), _FILE) from exc

    def _store(self, keys: Sequence[bytes], *, at_least: KeyPlace | None = None) -> None:
        """Seal with the first keeper that works; leave the file where none is better."""
        for place in self._places:
            if place is at_least:
                return
            try:
                sealed = self._keepers[place].seal(b"".join(keys))
            except KeeperError as exc:
                logger.info("storage key not kept place=%s: %s", place, exc)
                continue
            kept = {"v": 1, "place": place, "sealed": base64.b64encode(sealed).decode()}
            raw = json.dumps(kept).encode()
            write_private(self._path, raw)
            self._known = (raw, tuple(keys))
            logger.info("storage key kept place=%s", place)
            return


def is_sealed(raw: bytes) -> bool:
    """Say whether bytes were written by `StorageKey.encrypt`."""
    return raw.startswith(_MAGIC)


def _parsed(raw: bytes) -> tuple[KeyPlace, bytes]:
    try:
        kept = json.loads(raw)
        return KeyPlace(kept["place"]), base64.b64decode(kept["sealed"], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise LockedStoreError(f"{_FILE} is damaged", _FILE) from exc


def _id(key: bytes) -> bytes:
    return sha256(b"rollcall storage key\0" + key).digest()[:_ID_BYTES]
