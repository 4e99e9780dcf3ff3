"""The downloader: configuration, gallery pages, erasure receipts and credentials."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from kiosk.domain.clock import Clock
from kiosk.domain.download import (
    CachedConfig,
    CachedCredentials,
    ConfigStore,
    CredentialStore,
    GalleryStore,
)
from kiosk.domain.health import FaultEdge
from kiosk.errors import (
    KioskError,
    RefusedError,
    RevokedError,
    StorageError,
    SyncError,
    UnprovenAnswerError,
    UnreachableError,
)
from protocol.v1.messages import ConfigDocument, Erasure, GalleryPage, VersionHint

logger = logging.getLogger(__name__)

_MAX_PASSES = 3
_UNKNOWN_CODES = frozenset({"unknown_device", "revoked"})


class DownloadSource(Protocol):
    """Where downloads come from: `kiosk.sync.http.ServerClient`. Every call may raise SyncError."""

    def config(self, etag: str) -> CachedConfig | None:
        """The configuration, or None when it is still the one with this ETag."""
        ...

    def credentials(self, etag: str) -> CachedCredentials | None:
        """The credentials, or None when they are still those with this ETag."""
        ...

    def gallery_page(self, since: int, limit: int) -> GalleryPage:
        """The changes after one change, at most ``limit`` of them."""
        ...

    def send_erasure(self, erasure: Erasure) -> None:
        """Confirm that a person's data is gone from here."""
        ...


@dataclass(frozen=True, slots=True)
class DownloadStores:
    """Where downloads go."""

    gallery: GalleryStore
    config: ConfigStore
    credentials: CredentialStore


class Downloader:
    """Brings what the server gives up to date. One download at a time, on any thread.

    Args:
        source: the server.
        stores: see `DownloadStores`.
        clock: for the duration of faults.
        on_config: hears a new document, on the calling thread, once it is stored.
        on_revoked: told when the server signed that this kiosk's claim has ended. A server that
            does not know the kiosk changes nothing here.
        page_limit: entries in one gallery page.

    Attributes:
        is_fresh: everything was downloaded at least once since the start.
    """

    def __init__(
        self,
        source: DownloadSource,
        stores: DownloadStores,
        *,
        clock: Clock,
        on_config: Callable[[ConfigDocument], None],
        on_revoked: Callable[[], None] = lambda: None,
        page_limit: int = 500,
    ) -> None:
        self._source = source
        self._stores = stores
        self._clock = clock
        self._on_config = on_config
        self._on_revoked = on_revoked
        self._page_limit = page_limit
        self._busy = threading.Lock()
        self._fault = FaultEdge()
        self._wanted: VersionHint | None = None
        self._met: str | None = None
        self._is_stopping = False
        self.is_fresh = False

    def is_outdated(self, hint: VersionHint) -> bool:
        """Whether the server has something newer than we hold; it is remembered as wanted."""
        self._wanted = hint
        return self._lags(hint)

    def stop(self) -> None:
        """Let a download end after its present page; what was applied stays."""
        self._is_stopping = True

    def download(self) -> bool:
        """Get whatever is new; a failure is logged when it starts and when it ends.

        Returns:
            Whether everything is up to date now.
        """
        with self._busy:
            try:
                self._passes()
            except KioskError as exc:
                self._failed(exc)
                return False
            cleared = self._fault.clear(self._clock.monotonic_s())
            self.is_fresh = True
            if cleared is not None:
                logger.info("Downloads work again after %.0f s", cleared.lasted_s)
            return True

    def _passes(self) -> None:
        for _ in range(_MAX_PASSES):
            wanted = self._wanted
            self._get_config()
            self._get_gallery()
            self._send_erasures()
            self._get_credentials()
            self._met = None if wanted is None else wanted.credentials
            if wanted is self._wanted or self._is_stopping:
                return

    def _get_config(self) -> None:
        kept = self._stores.config.load()
        fresh = self._source.config(kept.etag if kept else "")
        if fresh is None:
            return
        self._stores.config.save(fresh)
        logger.info("Configuration %s is in force", fresh.document.version)
        self._on_config(fresh.document)

    def _get_gallery(self) -> None:
        gallery = self._stores.gallery
        before = gallery.since
        is_complete = False
        while not is_complete and not self._is_stopping:
            page = self._source.gallery_page(gallery.since, self._page_limit)
            gallery.apply(page)
            is_complete = page.complete
        if gallery.since != before:
            logger.info("The gallery is at change %d, %d templates", gallery.since, gallery.size)

    def _send_erasures(self) -> None:
        for erasure in self._stores.gallery.erasures():
            self._source.send_erasure(erasure)
            self._stores.gallery.forget_erasure(erasure.id)

    def _get_credentials(self) -> None:
        """Get the credentials last: nothing else waits for them. A server may not know them yet."""
        kept = self._stores.credentials.load()
        try:
            fresh = self._source.credentials(kept.etag if kept else "")
        except RefusedError as exc:
            if exc.status != HTTPStatus.NOT_FOUND:
                raise
            return
        if fresh is not None:
            self._stores.credentials.save(fresh)
            logger.info("Credentials %s are in force", fresh.document.version)

    def _lags(self, hint: VersionHint) -> bool:
        kept = self._stores.config.load()
        is_config_old = kept is None or kept.document.version != hint.config
        is_gallery_old = self._stores.gallery.since != hint.gallery
        return is_config_old or is_gallery_old or self._lacks_credentials(hint)

    def _lacks_credentials(self, hint: VersionHint) -> bool:
        return hint.credentials is not None and hint.credentials != self._met

    def _failed(self, error: KioskError) -> None:
        if isinstance(error, RevokedError):
            self._on_revoked()
        if not self._fault.start(self._clock.monotonic_s()):
            return
        if _is_no_word(error):
            logger.info("Working from what is stored here: %s", error)
        elif isinstance(error, SyncError | StorageError):
            logger.error("download failed: %s", error)
        else:
            raise error


def _is_no_word(error: KioskError) -> bool:
    """Say whether the server has said nothing that changes what is stored here."""
    is_unknown = isinstance(error, RefusedError) and error.code in _UNKNOWN_CODES
    return is_unknown or isinstance(error, UnreachableError | UnprovenAnswerError)
