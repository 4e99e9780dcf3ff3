"""The worker loop: threads that claim jobs, hand them to their handlers and keep their leases."""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from prometheus_client import Counter
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from server.db.engine import Database
from server.db.types import now
from server.jobs import service
from server.jobs.schemas import UNEXPECTED, ClaimedJob, Done, JobHandler, Later, Result
from server.logs import adopt_correlation_id, new_correlation_id

_logger = logging.getLogger(__name__)

_ENDED = Counter("rollcall_jobs", "Attempts at jobs, by kind and outcome.", ["kind", "outcome"])
_PARKED = Counter("rollcall_jobs_parked", "Jobs that failed too often.", ["kind"])

IDLE_S = 0.5
_STOP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Lane:
    """Handlers that share threads; the first one's jobs come first.

    Attributes:
        handlers: in the order of urgency.
        threads: how many jobs at a time.
    """

    handlers: Sequence[JobHandler]
    threads: int


class _OvertakenError(Exception):
    """The job was taken over, cancelled or asked for anew while it was worked on."""


class JobWorkers:
    """Threads that work on jobs, and one that keeps their leases.

    A worker that dies leaves a lease that expires; another worker then starts the job again.
    """

    def __init__(
        self,
        database: Database,
        lanes: Sequence[Lane],
        *,
        lease: timedelta,
        software: Callable[[], str],
    ) -> None:
        self._database = database
        self._lanes = lanes
        self._lease = lease
        self._software = software
        self._owner = uuid.uuid4().hex
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start the threads."""
        for lane in self._lanes:
            for _ in range(lane.threads):
                self._spawn(self._work, lane)
        self._spawn(self._keep_leases)

    def stop(self) -> None:
        """Stop them. A job in the middle is taken up again later."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(_STOP_TIMEOUT_S)

    def run_one(self, handlers: Sequence[JobHandler]) -> bool:
        """Claim and work on one job of these handlers; returns whether there was one."""
        at = now()
        with self._database.reading() as db:
            due = service.due_kinds(db, [handler.kind for handler in handlers], at)
        for handler in handlers:
            if handler.kind not in due:
                continue
            with self._database.transaction() as db:
                job = service.claim(db, handler.kind, owner=self._owner, at=at, lease=self._lease)
            if job is not None:
                self._run(handler, job)
                return True
        return False

    def renew_leases(self) -> None:
        """Keep the leases of all jobs that are being worked on."""
        with self._database.reading() as db:
            if not service.holds_any(db, self._owner):
                return
        with self._database.transaction() as db:
            service.renew(db, owner=self._owner, until=now() + self._lease)

    def _run(self, handler: JobHandler, job: ClaimedJob) -> None:
        adopt_correlation_id(job.correlation_id)
        try:
            outcome = self._store(job, handler.run(job))
        except (_OvertakenError, OperationalError) as exc:
            # A database that is away is nobody's fault: the lease expires, then it starts again.
            outcome = "overtaken" if isinstance(exc, _OvertakenError) else "database_error"
        except Exception:  # one bad job must not stop the others
            _logger.exception("job failed unexpectedly kind=%s id=%s", job.kind, job.id)
            outcome = self._count_unexpected(job)
        _ENDED.labels(job.kind, outcome).inc()
        _logger.info("job ended kind=%s subject=%s outcome=%s", job.kind, job.subject, outcome)

    def _count_unexpected(self, job: ClaimedJob) -> str:
        try:
            return self._store(job, Later(UNEXPECTED, is_own_fault=True))
        except _OvertakenError:
            return "overtaken"

    def _store(self, job: ClaimedJob, result: Result) -> str:
        with self._database.transaction() as db:
            if isinstance(result, Done):
                result.write(db)
                if not service.finish(db, job):
                    raise _OvertakenError
                return result.outcome
            return self._put_back(db, job, result)

    def _put_back(self, db: Session, job: ClaimedJob, result: Later) -> str:
        if result.write is not None:
            result.write(db)
        if result.is_own_fault and job.attempts + 1 >= service.MAX_ATTEMPTS:
            is_held = service.park(db, job, reason=result.reason, under=self._software())
            outcome = "parked"
        else:
            pause = None if result.is_own_fault else result.pause
            is_held = service.put_back(db, job, reason=result.reason, at=now(), pause=pause)
            outcome = "put_back"
        if not is_held:
            raise _OvertakenError
        if outcome == "parked":
            _PARKED.labels(job.kind).inc()
            _logger.error(
                "job parked after %s failures kind=%s id=%s reason=%s",
                service.MAX_ATTEMPTS,
                job.kind,
                job.id,
                result.reason,
            )
        return outcome

    def _work(self, lane: Lane) -> None:
        while not self._stopping.is_set():
            ready = [handler for handler in lane.handlers if handler.is_ready()]
            if not ready or not self._guarded(partial(self.run_one, ready)):
                self._stopping.wait(IDLE_S)

    def _keep_leases(self) -> None:
        while not self._stopping.wait(self._lease.total_seconds() / 3):
            self._guarded(self.renew_leases)

    def _guarded(self, step: Callable[[], object]) -> bool:
        new_correlation_id()
        try:
            return bool(step())
        except Exception:  # the edge of a thread that must not end
            _logger.exception("worker step failed, retrying")
            return False

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        name = f"jobs-{len(self._threads)}"
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
