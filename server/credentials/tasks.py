"""What the server does with credentials by the clock: renew PINs that a revoked kiosk held."""

import logging
import threading
from datetime import timedelta
from itertools import count

from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import col, delete

from server.credentials.new_pins import make_ahead
from server.credentials.renewal import count_next_held, has_held, renew_held
from server.credentials.tables import CodeUse
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.logs import new_correlation_id

_logger = logging.getLogger(__name__)

INTERVAL_S = 5.0
CODES_KEPT = timedelta(days=400)
"""A kiosk may keep events for as long as this before it sends them."""
_TURNS_A_DAY = int(86_400 / INTERVAL_S)
_STOP_TIMEOUT_S = 10.0


class CredentialUpkeep:
    """A thread that looks every few seconds whether PINs must be renewed."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="credentials", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def renew(self) -> int:
        """Renew PINs that revoked kiosks held; returns how many were looked at."""
        with self._database.reading() as db:
            if not has_held(db):
                return 0
        total = 0
        while not self._stopping.is_set():
            with self._database.reading() as db:
                count = count_next_held(db)
            pins = make_ahead(self._database, self._vault, count)
            with self._database.transaction() as db:
                renewed = renew_held(db, self._vault, pins)
            if renewed == 0:
                break
            total += renewed
        if total:
            _logger.info("PINs renewed that a revoked kiosk held count=%s", total)
        return total

    def forget_codes(self) -> None:
        """Delete codes so old that no kiosk can send an event with them any more.

        What two kiosks accepted stays: an old register must not change.
        """
        others = aliased(CodeUse)
        is_replayed = exists().where(
            others.code_id == CodeUse.code_id,  # type: ignore[arg-type]
            others.kiosk_id != CodeUse.kiosk_id,  # type: ignore[arg-type]
        )
        is_old = col(CodeUse.received_at) < now() - CODES_KEPT
        with self._database.transaction() as db:
            db.exec(delete(CodeUse).where(is_old, ~is_replayed))

    def _watch(self) -> None:
        new_correlation_id()
        for turn in count():
            if self._stopping.is_set():
                return
            try:
                self.renew()
                if turn % _TURNS_A_DAY == 0:
                    self.forget_codes()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("credential upkeep step failed, retrying")
            self._stopping.wait(INTERVAL_S)
