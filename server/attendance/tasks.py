"""What the server does when its clock was wrong or has gone on.

Events that lay in the future are judged again once the clock has passed their time; what was
noted for a time yet to come is taken back.
"""

import logging
import threading
import uuid
from collections.abc import Callable

from server.attendance.ingest import store_kept
from server.attendance.quarantine import kiosks_with_due, settle, undecided_ids
from server.attendance.turned_back import kiosks_ahead, take_back_future
from server.db.engine import Database
from server.db.types import now
from server.kiosks.service import lock_chain
from server.logs import new_correlation_id

_logger = logging.getLogger(__name__)

#: So soon after a correction of the server's clock do the events that it held up count.
INTERVAL_S = 10.0
_STOP_TIMEOUT_S = 10.0


class QuarantineUpkeep:
    """A thread that looks every few seconds whether something lies in the future or no longer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="quarantine", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def settle(self) -> None:
        """Close what needs no decision; earlier versions left it open.

        In steps, each with the lock of its kiosk: nobody waits long for it.
        """
        with self._database.reading() as db:
            parts = undecided_ids(db)
        for kiosk_id, ids in parts:
            if self._stopping.is_set():
                return
            with self._database.transaction() as db:
                lock_chain(db, kiosk_id)
                settle(db, kiosk_id, ids, now())

    def judge_again(self) -> int:
        """Store what no longer lies in the future; returns how many events are new."""
        with self._database.reading() as db:
            kiosks = kiosks_with_due(db, now())
        stored = 0
        for kiosk_id in kiosks:
            while count := self._store(kiosk_id):
                stored += count
        if stored:
            _logger.info("events recorded that lay in the future count=%s", stored)
        return stored

    def take_back_future(self) -> int:
        """Take back what kiosks reported for a time yet to come; returns for how many kiosks."""
        with self._database.reading() as db:
            kiosks = kiosks_ahead(db, now())
        for kiosk_id in kiosks:
            with self._database.transaction() as db:
                take_back_future(db, kiosk_id, now())
        return len(kiosks)

    def _store(self, kiosk_id: uuid.UUID) -> int:
        with self._database.transaction() as db:
            return store_kept(db, kiosk_id, now())

    def _watch(self) -> None:
        self._guarded(self.take_back_future)
        self._guarded(self.settle)
        while not self._stopping.is_set():
            self._guarded(self.take_back_future)
            self._guarded(self.judge_again)
            self._stopping.wait(INTERVAL_S)

    def _guarded(self, step: Callable[[], object]) -> None:
        new_correlation_id()
        try:
            step()
        except Exception:  # the edge of a thread that must not end
            _logger.exception("quarantine upkeep step failed, retrying")
