"""Delete attachments and free text of absences once they have been kept long enough."""

import logging
import threading

from server.absences.service import expire_texts
from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.logs import new_correlation_id

_logger = logging.getLogger(__name__)

INTERVAL_S = 3600.0
_STOP_TIMEOUT_S = 10.0


class AbsenceUpkeep:
    """A thread that looks once an hour."""

    def __init__(self, database: Database, zone: SchoolZone) -> None:
        self._database = database
        self._zone = zone
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="absences", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def expire(self) -> int:
        """Delete what is due; returns of how many absences."""
        today = now().astimezone(self._zone()).date()
        total = 0
        while not self._stopping.is_set():
            with self._database.transaction() as db:
                count = expire_texts(db, today)
            if not count:
                break
            total += count
        if total:
            _logger.info("texts and files of absences deleted count=%s", total)
        return total

    def _watch(self) -> None:
        while not self._stopping.is_set():
            new_correlation_id()
            try:
                self.expire()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("absence upkeep failed, retrying")
            self._stopping.wait(INTERVAL_S)
