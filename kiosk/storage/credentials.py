"""The cached credentials: with what PINs and cards are checked while the server is away."""

from pathlib import Path

from kiosk.domain.download import CachedCredentials
from kiosk.storage.documents import DocumentFile
from kiosk.storage.storage_key import StorageKey
from protocol.v1.messages import ClaimResponse, CredentialDocument


class CredentialFile(DocumentFile[CredentialDocument]):
    """One private file with the document and its ETag, encrypted.

    It holds no PIN and no card number, and its two keys stay sealed for the kiosk.

    Args:
        path: the file.
        storage_key: encrypts it.
        claim: a document of another claim counts as none.
    """

    def __init__(self, path: Path, storage_key: StorageKey, claim: ClaimResponse) -> None:
        claimed_at = claim.server_time.isoformat(timespec="milliseconds")
        owner = f"{claim.kiosk_id}/{claim.claim}/{claimed_at}"
        super().__init__(path, storage_key, CredentialDocument, owner)

    def load(self) -> CachedCredentials | None:
        """What came last; None if there is nothing, or nothing that can be understood."""
        kept = self.read()
        return None if kept is None else CachedCredentials(*kept)

    def save(self, credentials: CachedCredentials) -> None:
        """Replace it, wholly or not at all.

        Raises:
            StorageError: the disk refuses; the old one stays.
        """
        self.write(credentials.document, credentials.etag)
