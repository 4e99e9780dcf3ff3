"""What runs beside enrolment jobs: watch the recognition service, erase, find what is due."""

import logging
import threading
import uuid
from collections.abc import Callable, Container
from datetime import date

from prometheus_client import Counter
from sqlmodel import Session

from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment import checks, service
from server.enrollment.backfill_tasks import AddTemplates
from server.enrollment.retention import drop_photos
from server.enrollment.unreadable import Unreadable, inventory
from server.logs import new_correlation_id
from server.ml.encoder import FaceEncoder
from server.networks import scans

_logger = logging.getLogger(__name__)
_NOT_ERASED = Counter("rollcall_erasures_failed", "People whose erasure failed and is retried.")

#: While the service is down, or nothing is to do, it is asked this often.
CHECK_DOWN_S = 3.0
CHECK_IDLE_S = 15.0
SWEEP_S = 3600.0
INVENTORY_S = 60.0
_STOP_TIMEOUT_S = 10.0


class EnrolmentUpkeep:
    """A thread that asks the service how it is, and once an hour erases what may not be kept."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        encoder: FaceEncoder,
        zone: SchoolZone,
        *,
        retry_parked: Callable[[Session], int],
        kiosk_purposes: Container[str] = (),
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._zone = zone
        self._retry_parked = retry_parked
        self._kiosk_purposes = kiosk_purposes
        self._backfill = AddTemplates(database, vault, encoder, zone)
        self._unreadable: tuple[Unreadable, ...] = ()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="enrolment", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._encoder.close()
        self._thread.join(_STOP_TIMEOUT_S)

    def unreadable(self) -> tuple[Unreadable, ...]:
        """Return what could not be decrypted when last looked; answers at once."""
        return self._unreadable

    def find_missing(self) -> int:
        """Queue photos that lack a template of one of the models; returns how many."""
        return self._backfill.find()

    def retry_after_upgrade(self) -> int:
        """Let jobs wait again that failed under other software; returns how many."""
        with self._database.transaction() as db:
            count = self._retry_parked(db)
        if count:
            _logger.info("parked jobs queued again after an upgrade: %s", count)
        return count

    def sweep(self) -> int:
        """Erase what may not be kept: after the end of a consent, old scans, photos by policy.

        Returns how many people lost their consent.
        """
        today = self._today()
        with self._database.reading() as db:
            ended = service.without_consent(db, today)
        count = sum(self._erase(person_id, today) for person_id in ended)
        if count:
            _logger.info("erased biometric data of %s people without a live consent", count)
        while self._drop_photos():
            pass
        self._expire_scans()
        return count

    def take_inventory(self) -> None:
        """Look what cannot be decrypted."""
        with self._database.reading() as db:
            self._unreadable = inventory(db, self._vault, self._kiosk_purposes)

    def _erase(self, person_id: uuid.UUID, today: date) -> bool:
        """Erase one person, in a separate transaction: a fault stays with it."""
        try:
            with self._database.transaction() as db:
                service.erase_expired(db, person_id, at=now(), today=today)
        except Exception:  # one person must not stop the erasure of the others
            _logger.exception("erasure failed, retrying in an hour person=%s", person_id)
            _NOT_ERASED.inc()
            return False
        return True

    def request_checks(self) -> int:
        """Ask for checks that were forgotten; returns how many."""
        with self._database.reading() as db:
            has_any = checks.waits_for_any(db)
        if not has_any:
            return 0
        with self._database.transaction() as db:
            return checks.request_forgotten(db, self._vault, self._today())

    def _expire_scans(self) -> None:
        with self._database.transaction() as db:
            count = scans.expire(db, now())
        if count:
            _logger.info("erased %s scans that waited too long", count)

    def _drop_photos(self) -> int:
        with self._database.transaction() as db:
            count = drop_photos(db)
        if count:
            _logger.info("erased %s photos whose templates are made", count)
        return count

    def _watch(self) -> None:
        since_sweep_s, since_inventory_s = SWEEP_S, INVENTORY_S
        while not self._stopping.is_set():
            status = self._encoder.check()
            if status == "up":
                self._guarded(self.find_missing)
                self._guarded(self.retry_after_upgrade)
            pause_s = CHECK_DOWN_S if status == "down" else CHECK_IDLE_S
            since_sweep_s += pause_s
            if since_sweep_s >= SWEEP_S:
                since_sweep_s = 0.0
                self._guarded(self.sweep)
            since_inventory_s += pause_s
            if since_inventory_s >= INVENTORY_S:
                since_inventory_s = 0.0
                self._guarded(self.take_inventory)
                self._guarded(self.request_checks)
            self._stopping.wait(pause_s)

    def _today(self) -> date:
        return now().astimezone(self._zone()).date()

    def _guarded(self, step: Callable[[], object]) -> None:
        new_correlation_id()
        try:
            step()
        except Exception:  # the edge of a thread that must not end
            _logger.exception("enrolment upkeep step failed, retrying")
