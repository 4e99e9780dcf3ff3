"""Plan the lessons of weekly patterns at the start of the server and each night."""

import logging
import threading
from datetime import date, datetime

from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.logs import new_correlation_id
from server.timetable.local_time import local_date
from server.timetable.patterns.generation import refresh_lessons

_logger = logging.getLogger(__name__)

LOOK_S = 60.0
_STOP_TIMEOUT_S = 10.0


class LessonPlanning:
    """A thread that plans ahead once on each date at the school."""

    def __init__(self, database: Database, zone: SchoolZone) -> None:
        self._database = database
        self._zone = zone
        self._planned_on: date | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lesson-planning", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def look(self, at: datetime) -> int:
        """Plan ahead where today has not been planned yet; returns how many lessons changed."""
        today = local_date(at, self._zone())
        if self._planned_on == today:
            return 0
        with self._database.transaction() as db:
            changes = refresh_lessons(db, zone=self._zone(), at=at)
        count, left_out = sum(changes.counts().values()), len(changes.left_out)
        self._planned_on = today
        if count:
            _logger.info("lessons planned count=%s", count)
        if left_out:
            _logger.warning("lessons left out, their rooms are taken count=%s", left_out)
        return count

    def _watch(self) -> None:
        while not self._stopping.is_set():
            new_correlation_id()
            try:
                self.look(now())
            except Exception:  # the edge of a thread that must not end
                _logger.exception("lesson planning step failed, retrying")
            self._stopping.wait(LOOK_S)
