"""Work on a rotation, and let every server use a new key at once."""

import logging
import threading
from datetime import timedelta

from sqlmodel import Session

from server.db.engine import Database
from server.db.vault import Vault
from server.jobs.schemas import ClaimedJob, Done, Later, Result
from server.jobs.service import is_held
from server.key_rotation import rotation
from server.key_rotation.sealed_values import SEALED_COLUMNS, SealedColumn
from server.logs import new_correlation_id

_logger = logging.getLogger(__name__)
LOOK_S = 5.0
#: Long enough for every server to have seen the new key.
_PAUSE = timedelta(seconds=3 * LOOK_S)
_STOP_TIMEOUT_S = 10.0
#: Reason of a job that waits for rows that others hold, or seal with the old key.
ROWS_LEFT = "ROWS_LEFT"


class RotateKeys:
    """The handler. It remembers nothing: what is left shows how far it is."""

    kind = rotation.ROTATE

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def is_ready(self) -> bool:
        """Return true: nothing but the database is needed."""
        return True

    def run(self, job: ClaimedJob) -> Result:
        """Seal everything anew that the active key did not seal, some rows at a time."""
        self._vault.follow()
        unreadable = sum(self._rotate(job, column) for column in SEALED_COLUMNS)
        with self._database.reading() as db:
            used = rotation.usage(db)
        waiting = sum(count for key, count in used.items() if key != self._vault.active_key_id)
        if waiting > unreadable:
            return Later(ROWS_LEFT, pause=_PAUSE)
        if unreadable:
            _logger.warning("values not sealed anew, unreadable count=%s", unreadable)
        return Done(lambda _db: None, "unreadable" if unreadable else "done")

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Nothing depends on a rotation: each value says which key it needs."""

    def _rotate(self, job: ClaimedJob, column: SealedColumn) -> int:
        with self._database.reading() as db:
            keys = rotation.left(db, column, self._vault.active_key_id)
        unreadable = 0
        for begin in range(0, len(keys), column.rows_at_once):
            some = keys[begin : begin + column.rows_at_once]
            with self._database.transaction() as db:
                if not is_held(db, job):  # cancelled, or another server took it over
                    break
                unreadable += rotation.seal_anew(db, self._vault, column, some)
        return unreadable


class FollowKeys:
    """A thread that takes new keys into use."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="keys", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_S):
            new_correlation_id()
            try:
                self._vault.follow()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("keys not read, retrying")
