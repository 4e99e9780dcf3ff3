"""What the server does by the clock for programs: delete tokens and idempotency keys."""

import logging
import threading

from server.db.engine import Database
from server.db.types import now
from server.idempotency import service as idempotency
from server.logs import new_correlation_id
from server.tokens import service

_logger = logging.getLogger(__name__)

INTERVAL_S = 3600.0
_STOP_TIMEOUT_S = 10.0


class TokenUpkeep:
    """A thread that deletes every hour what is over."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="tokens", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def sweep(self) -> None:
        """Delete tokens that have been over for long, and idempotency keys older than a day."""
        with self._database.transaction() as db:
            service.sweep(db, now())
            idempotency.sweep(db, now())

    def _watch(self) -> None:
        new_correlation_id()
        while not self._stopping.is_set():
            try:
                self.sweep()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("token upkeep step failed, retrying")
            self._stopping.wait(INTERVAL_S)
