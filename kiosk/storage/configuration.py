"""The cached configuration document: what the kiosk works from while the server is away."""

import hashlib
import json
import logging
from pathlib import Path

from kiosk.domain.download import CachedConfig
from kiosk.errors import StorageError
from kiosk.storage.files import clear_place, read_if_there, write_private
from kiosk.storage.storage_key import StorageKey, is_sealed
from protocol.v1.messages import ConfigDocument

logger = logging.getLogger(__name__)


_UNDERSTOOD = hashlib.sha256(
    json.dumps(ConfigDocument.model_json_schema(), sort_keys=True).encode()
).hexdigest()
"""What this version understands of a document. An older version drops fields that it does not know,
and the ETag would keep them away for good."""


class ConfigFile:
    """One private file with the document and its ETag, encrypted, as it holds names.

    Args:
        path: the file.
        storage_key: encrypts it.

    Attributes:
        was_damaged: what was kept could not be used; it is downloaded again.
    """

    def __init__(self, path: Path, storage_key: StorageKey) -> None:
        self._path = path
        self._storage_key = storage_key
        self.was_damaged = False

    def load(self) -> CachedConfig | None:
        """What came last; None if there is nothing, or nothing that can be understood.

        A document that another version of this software kept has no ETag: it is downloaded again.
        """
        try:
            raw = read_if_there(self._path)
            if raw is None:
                return None
            return _understood(self._storage_key.decrypt(self._path.name, raw))
        except (StorageError, ValueError, KeyError, TypeError) as exc:
            if not self.was_damaged:
                self.was_damaged = True
                logger.warning("cached configuration damaged, skipped: %s", type(exc).__name__)
            return None

    def save(self, config: CachedConfig) -> None:
        """Replace it, wholly or not at all.

        Raises:
            StorageError: the disk refuses; the old one stays.
        """
        kept = {
            "etag": config.etag,
            "understood": _UNDERSTOOD,
            "document": config.document.model_dump(mode="json"),
        }
        content = self._storage_key.encrypt(self._path.name, json.dumps(kept).encode())
        write_private(self._path, content)

    def protect(self) -> None:
        """Encrypt what an earlier version left in the clear.

        Raises:
            StorageError: the disk refuses, or the storage key cannot be opened.
        """
        raw = read_if_there(self._path)
        if raw is not None and not is_sealed(raw):
            write_private(self._path, self._storage_key.encrypt(self._path.name, raw))

    def delete(self) -> None:
        """Delete it, and what a write that was cut short left.

        Raises:
            StorageError: the disk refuses.
        """
        clear_place(self._path)
        clear_place(self._path.with_name(self._path.name + ".new"))


def _understood(raw: bytes) -> CachedConfig:
    kept = json.loads(raw)
    document = ConfigDocument.model_validate(kept["document"])
    is_whole = kept.get("understood") == _UNDERSTOOD
    return CachedConfig(document, str(kept["etag"]) if is_whole else "")
