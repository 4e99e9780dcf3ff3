"""What the kiosk downloads, as the downloader sees the places it goes to."""

from dataclasses import dataclass
from typing import Protocol

from protocol.v1.messages import ConfigDocument, CredentialDocument, Erasure, GalleryPage


@dataclass(frozen=True, slots=True)
class CachedConfig:
    """The configuration as it came last, with the server's ETag (empty if it gave none)."""

    document: ConfigDocument
    etag: str


@dataclass(frozen=True, slots=True)
class CachedCredentials:
    """The credentials as they came last, with the server's ETag (empty if it gave none)."""

    document: CredentialDocument
    etag: str


class GalleryStore(Protocol):
    """Templates on disk, still encrypted. Safe from any thread."""

    @property
    def since(self) -> int:
        """The change up to which pages were applied; the next page starts here."""
        ...

    @property
    def size(self) -> int:
        """How many templates are held."""
        ...

    def apply(self, page: GalleryPage) -> None:
        """Apply a whole page or nothing of it.

        Raises:
            AnswerError: the page does not fit or cannot be opened; the gallery is as it was.
            StorageError: the disk refuses; likewise.
        """
        ...

    def erasures(self) -> list[Erasure]:
        """Erasures to be confirmed to the server, signed, oldest first."""
        ...

    def forget_erasure(self, erasure_id: str) -> None:
        """The server has the confirmation."""
        ...


class ConfigStore(Protocol):
    """The configuration on disk. Safe from any thread."""

    def load(self) -> CachedConfig | None:
        """What came last; None if nothing usable is there."""
        ...

    def save(self, config: CachedConfig) -> None:
        """Replace it.

        Raises:
            StorageError: the disk refuses; the old one stays.
        """
        ...


class CredentialStore(Protocol):
    """The credentials on disk. Safe from any thread."""

    def load(self) -> CachedCredentials | None:
        """What came last; None if nothing usable is there."""
        ...

    def save(self, credentials: CachedCredentials) -> None:
        """Replace them; they are in force from then on.

        Raises:
            StorageError: the disk refuses; the old ones stay.
        """
        ...
