"""The cached configuration document: what the kiosk works from while the server is away."""

from pathlib import Path

from kiosk.domain.download import CachedConfig
from kiosk.storage.documents import DocumentFile
from kiosk.storage.storage_key import StorageKey
from protocol.v1.messages import ConfigDocument


class ConfigFile(DocumentFile[ConfigDocument]):
    """One private file with the document and its ETag, encrypted, as it holds names.

    Args:
        path: the file.
        storage_key: encrypts it.
    """

    def __init__(self, path: Path, storage_key: StorageKey) -> None:
        super().__init__(path, storage_key, ConfigDocument)

    def load(self) -> CachedConfig | None:
        """What came last; None if there is nothing, or nothing that can be understood."""
        kept = self.read()
        return None if kept is None else CachedConfig(*kept)

    def save(self, config: CachedConfig) -> None:
        """Replace it, wholly or not at all.

        Raises:
            StorageError: the disk refuses; the old one stays.
        """
        self.write(config.document, config.etag)
