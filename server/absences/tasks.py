"""Delete free text and files about absences and lessons once it has been kept long enough."""

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import date

from sqlmodel import Session

from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.logs import new_correlation_id

_logger = logging.getLogger(__name__)

#: Deletes some of what is due on a day; returns how much, 0 once nothing is.
Expire = Callable[[Session, date], int]
INTERVAL_S = 3600.0
_STOP_TIMEOUT_S = 10.0


class TextUpkeep:
    """A thread that looks once an hour.

    Args:
        database: the server's.
        zone: returns the school's time zone.
        steps: what is deleted, by its name in the log.
    """

    def __init__(self, database: Database, zone: SchoolZone, steps: Mapping[str, Expire]) -> None:
        self._database = database
        self._zone = zone
        self._steps = steps
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="texts", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def expire(self) -> None:
        """Delete what is due."""
        today = now().astimezone(self._zone()).date()
        for name, step in self._steps.items():
            total = self._expire(step, today)
            if total:
                _logger.info("%s deleted count=%s", name, total)

    def _expire(self, step: Expire, today: date) -> int:
        total = 0
        while not self._stopping.is_set():
            with self._database.transaction() as db:
                count = step(db, today)
            if not count:
                break
            total += count
        return total

    def _watch(self) -> None:
        while not self._stopping.is_set():
            new_correlation_id()
            try:
                self.expire()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("text upkeep failed, retrying")
            self._stopping.wait(INTERVAL_S)
