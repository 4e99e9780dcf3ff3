"""The threads that turn photos into templates, and erase what lost its consent."""

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from prometheus_client import Counter

from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.enrollment import jobs, service
from server.enrollment.backfill import GIVEN_UP, MAX_ATTEMPTS
from server.enrollment.backfill_tasks import TemplateBackfill
from server.enrollment.check_tasks import GalleryChecks
from server.enrollment.jobs import Job
from server.enrollment.retention import drop_photos
from server.logs import adopt_correlation_id, new_correlation_id
from server.ml.encoder import EncoderUnavailableError, FaceEncoder, FaceRefused

_logger = logging.getLogger(__name__)

_FINISHED = Counter("rollcall_enrolments", "Photos finished, by outcome.", ["outcome"])

IDLE_S = 0.5
#: While the service is down, or nothing is to do, it is asked this often.
CHECK_DOWN_S = 3.0
CHECK_IDLE_S = 15.0
SWEEP_S = 3600.0
_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class WorkerOptions:
    """How the workers behave.

    Attributes:
        threads: how many photos at a time.
        lease: how long a silent worker keeps its photo.
        zone: the school's, in which consents expire.
    """

    threads: int
    lease: timedelta
    zone: ZoneInfo

    @classmethod
    def of(cls, settings: Settings) -> "WorkerOptions":
        """As configured."""
        lease = timedelta(seconds=settings.enrolment_lease_s)
        return cls(settings.enrolment_workers, lease, settings.zone)


class EnrolmentWorkers:
    """Worker threads, one that keeps their leases, and one that watches service and consents."""

    def __init__(
        self, database: Database, vault: Vault, encoder: FaceEncoder, options: WorkerOptions
    ) -> None:
        self._database = database
        self._vault = vault
        self._encoder = encoder
        self._options = options
        self._checks = GalleryChecks(database, vault, encoder, options.zone)
        self._backfill = TemplateBackfill(database, vault, encoder, options.zone)
        self._owner = uuid.uuid4().hex
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads."""
        loops = [self._work] * self._options.threads + [self._keep_leases, self._watch]
        for number, loop in enumerate(loops):
            thread = threading.Thread(target=loop, name=f"enrolment-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop them. A photo in the middle is taken up again later."""
        self._stopping.set()
        self._encoder.close()
        for thread in self._threads:
            thread.join(_STOP_TIMEOUT_S)

    def run_one(self) -> bool:
        """Claim and work on one enrolment; returns whether there was one."""
        at = now()
        with self._database.reading() as db:
            if not jobs.is_any_due(db, at):
                return False
        with self._database.transaction() as db:
            job = jobs.claim(
                db,
                self._vault,
                owner=self._owner,
                at=at,
                lease=self._options.lease,
                today=self._today(),
            )
        if job is None:
            return False
        adopt_correlation_id(job.correlation_id)
        self._process(job)
        return True

    def check_one(self) -> bool:
        """Compare one person with themselves and the others; returns whether there was one."""
        return self._checks.run_one()

    def add_one(self) -> bool:
        """Make one photo's template for a further model; returns whether there was one."""
        return self._backfill.run_one()

    def find_missing(self) -> int:
        """Queue photos that lack a template of one of the models; returns how many."""
        return self._backfill.find()

    def sweep(self) -> int:
        """Erase what may not be kept: whose consent ended, and photos where the policy keeps none.

        Returns how many people lost their consent.
        """
        with self._database.transaction() as db:
            count = service.erase_expired(db, at=now(), today=self._today())
        if count:
            _logger.info("erased biometric data of %s people without a live consent", count)
        while self._drop_photos():
            pass
        return count

    def _drop_photos(self) -> int:
        with self._database.transaction() as db:
            count = drop_photos(db)
        if count:
            _logger.info("erased %s photos whose templates are made", count)
        return count

    def _process(self, job: Job) -> None:
        try:
            outcome = self._encoder.encode(job.photo, correlation_id=job.correlation_id)
        except EncoderUnavailableError:
            self._put_back(job)
            return
        with self._database.transaction() as db:
            if isinstance(outcome, FaceRefused):
                done = jobs.reject(db, job, outcome, owner=self._owner, at=now())
            else:
                done = jobs.accept(
                    db,
                    self._vault,
                    job,
                    outcome,
                    owner=self._owner,
                    today=self._today(),
                )
        verdict = outcome.code if isinstance(outcome, FaceRefused) else "accepted"
        _FINISHED.labels(verdict if done else "overtaken").inc()
        _logger.info("enrolment %s: %s", job.enrolment_id, verdict if done else "overtaken")

    def _put_back(self, job: Job) -> None:
        """Wait for the service; or, where it is well and only this photo fails, back off."""
        is_service_down = self._stopping.is_set() or self._encoder.check() != "up"
        with self._database.transaction() as db:
            if not is_service_down and job.attempts >= MAX_ATTEMPTS:
                jobs.reject(db, job, FaceRefused(GIVEN_UP), owner=self._owner, at=now())
                return
            pause = timedelta(0) if is_service_down else timedelta(seconds=2**job.attempts)
            jobs.put_back(
                db,
                job,
                owner=self._owner,
                not_before=now() + pause,
                is_waiting_for_service=is_service_down,
            )

    def _work(self) -> None:
        while not self._stopping.is_set():
            if self._encoder.status() == "down" or self._encoder.is_closed_off():
                self._stopping.wait(IDLE_S)
                continue
            steps = (self.run_one, self.check_one, self.add_one)
            if not any(self._guarded(step) for step in steps):
                self._stopping.wait(IDLE_S)

    def _keep_leases(self) -> None:
        while not self._stopping.wait(self._options.lease.total_seconds() / 3):
            self._guarded(self._renew)

    def _watch(self) -> None:
        """Ask the service how it is; sweep once an hour."""
        since_sweep_s = SWEEP_S
        while not self._stopping.is_set():
            status = self._encoder.check()
            if status == "down":
                self._guarded(self._mark_waiting)
            else:
                self._guarded(self.find_missing)
            pause_s = CHECK_DOWN_S if status == "down" else CHECK_IDLE_S
            since_sweep_s += pause_s
            if since_sweep_s >= SWEEP_S:
                since_sweep_s = 0.0
                self._guarded(self.sweep)
            self._stopping.wait(pause_s)

    def _renew(self) -> None:
        with self._database.reading() as db:
            if not jobs.holds_any(db, self._owner):
                return
        with self._database.transaction() as db:
            jobs.renew(db, owner=self._owner, until=now() + self._options.lease)

    def _mark_waiting(self) -> None:
        with self._database.reading() as db:
            if not jobs.is_any_due(db, now()):
                return
        with self._database.transaction() as db:
            jobs.mark_waiting(db)

    def _today(self) -> date:
        return now().astimezone(self._options.zone).date()

    def _guarded(self, step: Callable[[], object]) -> bool:
        """Run one step of a thread; whatever happens, the thread lives on."""
        new_correlation_id()
        try:
            return bool(step())
        except Exception:  # the edge of a thread that must not end
            _logger.exception("enrolment worker: a step failed, it will be repeated")
            return False
