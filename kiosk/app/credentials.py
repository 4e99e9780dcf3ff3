"""The credentials in force: downloaded, opened with this kiosk's key, told to the attendant."""

import logging
from collections.abc import Callable

from kiosk.domain.credentials import NO_CREDENTIALS, CredentialBook
from kiosk.domain.download import CachedCredentials
from kiosk.errors import AnswerError
from kiosk.storage.credentials import CredentialFile
from kiosk.storage.identity import Keys
from protocol.v1 import sealing
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import CredentialDocument, WrappedKey

logger = logging.getLogger(__name__)


class CredentialKeeper:
    """Where downloaded credentials go, and where the book in force comes from. Any thread.

    Args:
        kiosk_id: of this kiosk; a document of another one is refused.
        keys: the sealing key opens both keys of a document, which stay in memory only.
        file: the cache.
        on_book: told of each new book, on the thread that changed it.

    Attributes:
        book: in force.
    """

    def __init__(
        self,
        kiosk_id: str,
        keys: Keys,
        file: CredentialFile,
        on_book: Callable[[CredentialBook], None],
    ) -> None:
        self._kiosk_id = kiosk_id
        self._keys = keys
        self._file = file
        self._on_book = on_book
        self.book = self._kept_book()

    def load(self) -> CachedCredentials | None:
        """What came last; None if nothing usable is there, or it could not be opened."""
        return None if self.book is NO_CREDENTIALS else self._file.load()

    def save(self, credentials: CachedCredentials) -> None:
        """Open a document, store it and put it in force.

        Raises:
            AnswerError: it is not for this kiosk; the old one stays in force.
            StorageError: the disk refuses; likewise.
        """
        try:
            book = self._opened(credentials.document)
        except ProtocolError as exc:
            raise AnswerError("the credentials were not sealed for this kiosk") from exc
        self._file.save(credentials)
        self._use(book)

    def wipe(self) -> None:
        """Delete them, here and in memory.

        Raises:
            StorageError: the disk refuses; in memory they are gone.
        """
        self._use(NO_CREDENTIALS)
        self._file.delete()

    def _use(self, book: CredentialBook) -> None:
        self.book = book
        self._on_book(book)

    def _kept_book(self) -> CredentialBook:
        kept = self._file.load()
        if kept is None:
            return NO_CREDENTIALS
        try:
            return self._opened(kept.document)
        except (ProtocolError, AnswerError) as exc:
            logger.warning("kept credentials not usable, downloaded again: %s", exc)
            return NO_CREDENTIALS

    def _opened(self, document: CredentialDocument) -> CredentialBook:
        if document.kiosk_id != self._kiosk_id:
            raise AnswerError("the credentials are for another kiosk")
        return CredentialBook(document, self._key(document.pin_key), self._key(document.card_key))

    def _key(self, wrapped: WrappedKey) -> bytes:
        key_id = wrapped.key_id
        return sealing.unwrap_key(
            wrapped.wrapped, self._keys.sealing, kiosk_id=self._kiosk_id, key_id=key_id
        )
