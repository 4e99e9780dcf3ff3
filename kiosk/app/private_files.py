"""The kiosk's encrypted files: opened as the settings say, migrated at start, erased at the end."""

import logging

from kiosk.config import Settings
from kiosk.errors import StorageError
from kiosk.storage.configuration import ConfigFile
from kiosk.storage.erasing import erase_school_data
from kiosk.storage.identity import IdentityStore
from kiosk.storage.keepers import places_for
from kiosk.storage.storage_key import StorageKey

logger = logging.getLogger(__name__)


class PrivateFiles:
    """The files of one data folder that are encrypted.

    Args:
        settings: where they lie, and what is to keep their key.

    Attributes:
        storage_key: encrypts them.
        identity: the identity folder.
        config: the configuration, with the names in it.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir
        folder = settings.data_dir / "identity"
        choice = settings.key_keeper
        places = places_for(choice, settings.data_dir)
        self.storage_key = StorageKey(folder, places, is_asked=choice != "auto")
        self.identity = IdentityStore(folder, self.storage_key)
        self.config = ConfigFile(settings.data_dir / "config.json", self.storage_key)

    def prepare(self) -> None:
        """Encrypt files of an earlier version, and finish a revocation that was cut short.

        A disk or keeper that refuses is logged: the kiosk works on with what it can read.
        """
        try:
            self.identity.protect()
            self.config.protect()
        except StorageError as exc:
            logger.warning("private files not encrypted yet: %s", exc)
        self.erase_if_revoked()

    def erase_if_revoked(self) -> None:
        """Delete all that the server gave, where a revocation asks for it; logged if it cannot."""
        try:
            if self.identity.is_erasure_due():
                erase_school_data(self._folder)
                self.identity.finish_revocation()
        except StorageError as exc:
            logger.error("revoked data not deleted yet: %s", exc)  # noqa: TRY400
