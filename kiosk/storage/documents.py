"""A document that the server gave, kept encrypted with its ETag for when the server is away."""

import hashlib
import json
import logging
from functools import cache
from pathlib import Path
from typing import Generic

from kiosk.errors import StorageError
from kiosk.storage.files import clear_place, read_if_there, write_private
from kiosk.storage.storage_key import StorageKey, is_sealed
from protocol.v1.fields import Message, MessageT

logger = logging.getLogger(__name__)


class DocumentFile(Generic[MessageT]):
    """One private file with a document and its ETag, encrypted.

    Args:
        path: the file.
        storage_key: encrypts it.
        kind: of the document.
        owner: text that differs from claim to claim, where the document counts for one alone.

    Attributes:
        was_damaged: what was kept could not be used; it is downloaded again.
    """

    def __init__(
        self, path: Path, storage_key: StorageKey, kind: type[MessageT], owner: str = ""
    ) -> None:
        self._path = path
        self._storage_key = storage_key
        self._kind = kind
        self._owner = owner
        self.was_damaged = False

    def read(self) -> tuple[MessageT, str] | None:
        """Return document and ETag; None if there is nothing, or nothing that can be understood.

        A document that another version of this software kept has no ETag: it is downloaded again.
        """
        try:
            raw = read_if_there(self._path)
            if raw is None:
                return None
            return self._understood(self._storage_key.decrypt(self._path.name, raw))
        except (StorageError, ValueError, KeyError, TypeError) as exc:
            if not self.was_damaged:
                self.was_damaged = True
                name = self._path.stem
                logger.warning("cached %s damaged, skipped: %s", name, type(exc).__name__)
            return None

    def write(self, document: MessageT, etag: str) -> None:
        """Replace it, wholly or not at all.

        Raises:
            StorageError: the disk refuses; the old one stays.
        """
        kept = {
            "etag": etag,
            "owner": self._owner,
            "understood": _schema_hash(self._kind),
            "document": document.model_dump(mode="json"),
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

    def _understood(self, raw: bytes) -> tuple[MessageT, str] | None:
        kept = json.loads(raw)
        if self._owner and kept["owner"] != self._owner:
            return None
        document = self._kind.model_validate(kept["document"])
        is_whole = kept.get("understood") == _schema_hash(self._kind)
        return document, str(kept["etag"]) if is_whole else ""


@cache
def _schema_hash(kind: type[Message]) -> str:
    """Say what this version understands of a document.

    An older version drops fields that it does not know, and the ETag would keep them away for
    good.
    """
    schema = json.dumps(kind.model_json_schema(), sort_keys=True)
    return hashlib.sha256(schema.encode()).hexdigest()
