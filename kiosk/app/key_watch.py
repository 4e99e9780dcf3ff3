"""Notices when the server knows another key for this kiosk than the one that signs here."""

import logging
from collections.abc import Callable

from kiosk.storage.outbox import SQLiteOutbox

logger = logging.getLogger(__name__)


class KeyWatch:
    """Looks whether the server refused a signature that our own key did make.

    Args:
        outbox: hears the server's refusals. What was refused before the start does not count, as
            there may be a new claim since.
        on_refused: called once, when the server refuses our own signature.
    """

    def __init__(self, outbox: SQLiteOutbox, on_refused: Callable[[], None]) -> None:
        self._outbox = outbox
        self._on_refused = on_refused
        self._is_told = False

    def look(self) -> None:
        """Tell it, where it is so and was not told."""
        if self._is_told or not self._outbox.is_key_refused:
            return
        self._is_told = True
        logger.error("own signature refused by the server, a new claim code is needed")
        self._on_refused()
