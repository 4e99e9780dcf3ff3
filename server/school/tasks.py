"""Follow what an admin enters about the school, also at another server process."""

import logging
import threading

from server.config import Settings
from server.db.engine import Database
from server.logs import new_correlation_id
from server.school import service

_logger = logging.getLogger(__name__)
INTERVAL_S = 5.0
_STOP_TIMEOUT_S = 5.0


class FollowSchool:
    """Reads the row every few seconds."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="school", daemon=True)

    def start(self) -> None:
        """Read it once, before the first request, and go on in a thread."""
        self.look()
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def look(self) -> None:
        """Read it now."""
        with self._database.reading() as db:
            service.follow(db, self._settings)

    def _watch(self) -> None:
        new_correlation_id()
        while not self._stopping.wait(INTERVAL_S):
            try:
                self.look()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("the school's name and time zone could not be read, retrying")
