"""The worker loop: threads that claim jobs, hand them to their handlers and keep their leases."""

import logging
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from prometheus_client import Counter
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session

from server.db.engine import Database
from server.db.types import now
from server.jobs import service
from server.jobs.schemas import UNEXPECTED, ClaimedJob, Done, JobHandler, Later, Result
from server.logs import adopt_correlation_id, new_correlation_id

_logger = logging.getLogger(__name__)

_ENDED = Counter("rollcall_jobs", "Attempts at jobs, by kind and outcome.", ["kind", "outcome"])

#: Reason of a job whose result the database did not take.
NOT_STORED = "NOT_STORED"
_NOT_STORED_PAUSE = timedelta(seconds=5)
IDLE_S = 0.5
#: After an error outside of a job, such as a database that is away.
FAILED_S = 5.0
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
        self._in_hand: set[ClaimedJob] = set()
        self._is_failing = False
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
            worker = service.Worker(self._owner, self._lease, self._software())
            with self._database.transaction() as db:
                job = service.claim(db, handler.kind, by=worker, at=at)
            if job is not None:
                self._run(handler, job)
                return True
        return False

    def renew_leases(self) -> None:
        """Keep the leases of the jobs in hand, and of no others: a stuck one must expire."""
        jobs = tuple(self._in_hand)
        if jobs:
            with self._database.transaction() as db:
                service.renew(db, jobs, now() + self._lease)

    def _run(self, handler: JobHandler, job: ClaimedJob) -> None:
        adopt_correlation_id(job.correlation_id)
        self._in_hand.add(job)
        try:
            outcome = self._work_on(handler, job)
        finally:
            self._in_hand.discard(job)
        _ENDED.labels(job.kind, outcome).inc()
        _logger.info("job ended kind=%s subject=%s outcome=%s", job.kind, job.subject, outcome)

    def _work_on(self, handler: JobHandler, job: ClaimedJob) -> str:
        try:
            return self._store(job, handler.run(job))
        except _OvertakenError:
            return "overtaken"
        except OperationalError:  # the database is away, or two transactions met
            _logger.warning("job result not stored, retrying kind=%s id=%s", job.kind, job.id)
            return self._put_back_anyway(job, Later(NOT_STORED, pause=_NOT_STORED_PAUSE))
        except Exception:  # one bad job must not stop the others
            _logger.exception("job failed unexpectedly kind=%s id=%s", job.kind, job.id)
            return self._put_back_anyway(job, Later(UNEXPECTED, is_own_fault=True))

    def _put_back_anyway(self, job: ClaimedJob, result: Later) -> str:
        """Put a job back; where that fails too, its lease expires and another attempt starts."""
        try:
            return self._store(job, result)
        except _OvertakenError:
            return "overtaken"
        except SQLAlchemyError:
            _logger.warning("job not put back, waiting for its lease kind=%s", job.kind)
            return "database_error"

    def _store(self, job: ClaimedJob, result: Result) -> str:
        with self._database.transaction() as db:
            if isinstance(result, Done):
                instead = result.write(db)
                if isinstance(instead, Later):
                    return self._put_back(db, job, instead)
                if not service.finish(db, job):
                    raise _OvertakenError
                return result.outcome
            return self._put_back(db, job, result)

    def _put_back(self, db: Session, job: ClaimedJob, result: Later) -> str:
        if result.write is not None:
            result.write(db)
        is_last = job.attempts + 1 >= service.MAX_ATTEMPTS
        if result.is_own_fault and result.may_park and is_last:
            is_held = service.park(db, job, reason=result.reason, under=self._software())
            outcome = "parked"
        else:
            pause = None if result.is_own_fault else result.pause
            is_held = service.put_back(db, job, reason=result.reason, at=now(), pause=pause)
            outcome = "put_back"
        if not is_held:
            raise _OvertakenError
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
            is_done = bool(step())
        except Exception:  # the edge of a thread that must not end
            if not self._is_failing:
                _logger.exception("worker step failed, retrying every %s s", FAILED_S)
            self._is_failing = True
            self._stopping.wait(FAILED_S)
            return False
        self._is_failing = False
        return is_done

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        name = f"jobs-{len(self._threads)}"
        thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
        thread.start()
        self._threads.append(thread)
