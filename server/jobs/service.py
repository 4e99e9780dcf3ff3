"""The queue: enqueue, claim with a lease, keep, finish, put back with back-off, park.

Every way to end a claim checks that the job is still held: a worker that was overtaken, or whose
job was cancelled or asked for anew, changes nothing.
"""

import logging
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy
from prometheus_client import Counter
from sqlalchemy import and_
from sqlmodel import Session, col, delete, func, select, update
from sqlmodel.sql.expression import SelectOfScalar

from server.audit.service import record
from server.db.prepared import Prepared, table_of
from server.db.types import new_id, now
from server.db.upsert import insert_into
from server.errors import ConflictError, NotFoundError
from server.jobs.schemas import WORKER_DIED, ClaimedJob
from server.jobs.tables import Job, JobState
from server.logs import correlation_id

_logger = logging.getLogger(__name__)
_PARKED_JOBS = Counter("rollcall_jobs_parked", "Jobs that failed too often.", ["kind"])

#: Counted failures after which a job is parked.
MAX_ATTEMPTS = 6
_LONGEST_PAUSE = timedelta(hours=1)
_IN_ONE_QUERY = 500
_WAITING, _RUNNING, _PARKED = (state.value for state in JobState)
_jobs = table_of(Job)
_COUNTS = Prepared(
    sqlalchemy.select(
        func.count(), func.count().filter(_jobs.c.attempts >= MAX_ATTEMPTS)
    ).select_from(_jobs)
)
_STUCK = Prepared(
    sqlalchemy.select(func.count()).select_from(_jobs).where(_jobs.c.attempts >= MAX_ATTEMPTS)
)


@dataclass(frozen=True)
class Worker:
    """Who claims jobs.

    Attributes:
        owner: of the claims, unique among all processes.
        lease: how long a claim lasts without a renewal.
        software: what is running; jobs that it parks are tried again under another one.
    """

    owner: str
    lease: timedelta
    software: str


@dataclass(frozen=True)
class QueueCounts:
    """How many jobs there are.

    Attributes:
        waiting: waiting or running.
        stuck: failed too often, parked or not.
    """

    waiting: int
    stuck: int


def enqueue(db: Session, kind: str, about: Mapping[str, str], *, subject: str, actor: str) -> None:
    """Ask for a job. The same one that waits, runs or is parked starts over from the beginning.

    Args:
        db: the caller's transaction.
        kind: which handler does it.
        about: what it is about; kind and values together make it unique.
        subject: what it concerns, as the audit trail names it.
        actor: who asks.
    """
    at = now()
    fresh = {"state": _WAITING, "attempts": 0, "not_before": at, "last_reason": None}
    row = fresh | {
        "id": new_id(),
        "kind": kind,
        "key": _key(about),
        "subject": subject,
        "about": dict(about),
        "revision": 0,
        "correlation_id": correlation_id(),
        "created_by": actor,
        "created_at": at,
    }
    again = fresh | {"revision": Job.revision + 1, "lease_owner": None, "lease_until": None}
    insert = insert_into(db, Job).values(row)
    db.execute(insert.on_conflict_do_update(index_elements=["kind", "key"], set_=again))


def due_kinds(db: Session, kinds: Collection[str], at: datetime) -> set[str]:
    """Return the kinds of which a job could be claimed."""
    return {
        kind
        for kind in kinds
        if any(db.exec(query).first() is not None for query in _due(kind, at))
    }


def claim(db: Session, kind: str, *, by: Worker, at: datetime) -> ClaimedJob | None:
    """Take a job of a kind: one whose worker died, else the one that has waited longest.

    Never gives a job to two workers: on PostgreSQL rows that others are claiming are skipped; on
    SQLite a writing transaction is alone. A worker that died counts as a failure, because a job
    may be what killed it; None where that parks the job.
    """
    for query in _due(kind, at):
        row = db.exec(query.with_for_update(skip_locked=True)).first()
        if row is not None:
            return _take(row, by, at)
    return None


def renew(db: Session, jobs: Collection[ClaimedJob], until: datetime) -> None:
    """Keep the leases of jobs that are still being worked on."""
    for job in jobs:
        mine = and_(
            col(Job.id) == job.id,
            col(Job.state) == _RUNNING,
            col(Job.revision) == job.revision,
        )
        db.exec(update(Job).where(mine).values(lease_until=until))


def finish(db: Session, job: ClaimedJob) -> bool:
    """Delete a job that is done. False: it is not held any more."""
    row = _held(db, job)
    if row is not None:
        db.delete(row)
    return row is not None


def is_held(db: Session, job: ClaimedJob) -> bool:
    """Return whether a job is still the caller's, without locking it.

    `finish` decides at the end. A new request for the job needs the person, who is locked.
    """
    row = db.get(Job, job.id, populate_existing=True)
    return row is not None and row.state == _RUNNING and row.revision == job.revision


def put_back(
    db: Session, job: ClaimedJob, *, reason: str, at: datetime, pause: timedelta | None
) -> bool:
    """Return a job to those that wait. False: it is not held any more.

    Args:
        db: the caller's transaction.
        job: as claimed.
        reason: code of what went wrong.
        at: now, UTC.
        pause: how long to wait without counting; None counts a failure and backs off.
    """
    row = _held(db, job)
    if row is None:
        return False
    if pause is None:
        row.attempts += 1
        pause = min(timedelta(seconds=2 ** min(row.attempts, 12)), _LONGEST_PAUSE)
    _release(row, _WAITING, reason)
    row.not_before = at + pause
    return True


def park(db: Session, job: ClaimedJob, *, reason: str, under: str) -> bool:
    """Set a job aside that failed too often. False: it is not held any more.

    Args:
        db: the caller's transaction.
        job: as claimed.
        reason: code of the last failure.
        under: the software that was running; another one tries the job again.
    """
    row = _held(db, job)
    if row is None:
        return False
    row.attempts += 1
    _park(row, reason, under)
    return True


def retry_after_upgrade(db: Session, kinds: Collection[str], under: str) -> int:
    """Let jobs wait again that were parked under other software; returns how many."""
    chosen = and_(
        col(Job.state) == _PARKED, col(Job.kind).in_(kinds), col(Job.parked_under) != under
    )
    if db.exec(select(Job.id).where(chosen).limit(1)).first() is None:
        return 0
    fresh = {"state": _WAITING, "attempts": 0, "not_before": now()}
    return db.exec(update(Job).where(chosen).values(**fresh)).rowcount


def retry(db: Session, job_id: uuid.UUID, *, actor: str) -> None:
    """Try a job again at once, because a person asks.

    Raises:
        NotFoundError: no such job; it may be done meanwhile.
        ConflictError: it runs at this moment.
    """
    # The audit trail is locked before a job everywhere.
    _record(db, find_idle(db, job_id), "job.retry", actor)
    row = find_idle(db, job_id, lock=True)
    row.state, row.attempts, row.not_before = _WAITING, 0, now()


def retry_all(db: Session, *, actor: str) -> int:
    """Try every job again that failed too often; returns how many."""
    record(db, actor=actor, action="job.retry_all", subject="jobs")
    chosen = and_(col(Job.attempts) >= MAX_ATTEMPTS, col(Job.state) != _RUNNING)
    fresh = {"state": _WAITING, "attempts": 0, "not_before": now()}
    return db.exec(update(Job).where(chosen).values(**fresh)).rowcount


def find_idle(db: Session, job_id: uuid.UUID, *, lock: bool = False) -> Job:
    """Return a job that no worker is working on.

    Raises:
        NotFoundError: no such job; it may be done meanwhile.
        ConflictError: it runs at this moment.
    """
    row = db.get(Job, job_id, with_for_update=lock, populate_existing=True)
    if row is None:
        raise NotFoundError("There is no such job. It may be done.", problem="job_done", what="job")
    if row.state == _RUNNING:
        raise ConflictError("The job is running. Try again in a minute.", problem="job_runs")
    return row


def cancel(
    db: Session,
    job_id: uuid.UUID,
    *,
    follow_up: Callable[[ClaimedJob], None],
    actor: str,
) -> None:
    """Delete a job, because a person asks.

    Args:
        db: the caller's transaction.
        job_id: of the job.
        follow_up: what the handler does about it. It locks the person before the job is locked,
            like everything that changes a person's photos.
        actor: who asks.

    Raises:
        NotFoundError: no such job; it may be done meanwhile.
        ConflictError: it runs at this moment.
    """
    seen = find_idle(db, job_id)
    follow_up(_claimed(seen))
    _record(db, seen, "job.cancel", actor)
    if db.get(Job, job_id, populate_existing=True) is not None:
        db.delete(find_idle(db, job_id, lock=True))


def forget_subject(db: Session, subject: str, kinds: Collection[str]) -> None:
    """Delete the jobs of these kinds about a subject; a worker on one changes nothing."""
    db.exec(delete(Job).where(col(Job.subject) == subject, col(Job.kind).in_(kinds)))


def forget(db: Session, kind: str, abouts: Collection[Mapping[str, str]]) -> None:
    """Delete the jobs about exactly these things."""
    keys = [_key(about) for about in abouts]
    for start in range(0, len(keys), _IN_ONE_QUERY):
        part = keys[start : start + _IN_ONE_QUERY]
        db.exec(delete(Job).where(col(Job.kind) == kind, col(Job.key).in_(part)))


def find(db: Session, kind: str, about: Mapping[str, str]) -> Job | None:
    """Return the job about something, in whatever state."""
    return db.exec(select(Job).where(Job.kind == kind, Job.key == _key(about))).first()


def concerning(db: Session, subject: str) -> list[Job]:
    """Return all jobs about a subject, oldest first."""
    return list(db.exec(select(Job).where(Job.subject == subject).order_by(col(Job.id))))


def of_kind(db: Session, kind: str) -> list[Job]:
    """Return all jobs of a kind, oldest first."""
    return list(db.exec(select(Job).where(Job.kind == kind).order_by(col(Job.id))))


def counts(db: Session) -> QueueCounts:
    """Return how many jobs there are."""
    total, stuck = _COUNTS.rows(db)[0]
    return QueueCounts(total - stuck, stuck)


def stuck(db: Session) -> int:
    """Return how many jobs failed so often that a person has to look."""
    number: int = _STUCK.values(db)[0]
    return number


def page(db: Session, *, limit: int, offset: int) -> list[Job]:
    """Return jobs for the admin page: those that fail first, then in the order they are due."""
    order = (col(Job.attempts) < MAX_ATTEMPTS, col(Job.not_before), col(Job.id))
    return list(db.exec(select(Job).order_by(*order).limit(limit).offset(offset)))


def _key(about: Mapping[str, str]) -> str:
    return ":".join(about[name] for name in sorted(about))


def _due(kind: str, at: datetime) -> tuple[SelectOfScalar[Job], SelectOfScalar[Job]]:
    """Jobs whose worker died, and those that wait; each query uses the index."""
    mine = select(Job).where(Job.kind == kind).limit(1)
    died = mine.where(Job.state == _RUNNING, col(Job.lease_until) <= at)
    waiting = mine.where(Job.state == _WAITING, col(Job.not_before) <= at)
    return died.order_by(col(Job.lease_until)), waiting.order_by(col(Job.not_before))


def _take(row: Job, by: Worker, at: datetime) -> ClaimedJob | None:
    if row.state == _RUNNING:
        row.attempts += 1
        if row.attempts >= MAX_ATTEMPTS:
            _park(row, WORKER_DIED, by.software)
            return None
        row.last_reason = WORKER_DIED
    row.state = _RUNNING
    row.revision += 1
    row.lease_owner = by.owner
    row.lease_until = at + by.lease
    return _claimed(row)


def _held(db: Session, job: ClaimedJob) -> Job | None:
    row = db.get(Job, job.id, with_for_update=True, populate_existing=True)
    is_held = row is not None and row.state == _RUNNING and row.revision == job.revision
    return row if is_held else None


def _park(row: Job, reason: str, under: str) -> None:
    row.parked_under = under
    _release(row, _PARKED, reason)
    _PARKED_JOBS.labels(row.kind).inc()
    _logger.error(
        "job parked after %s failures kind=%s id=%s reason=%s",
        row.attempts,
        row.kind,
        row.id,
        reason,
    )


def _release(row: Job, state: str, reason: str) -> None:
    row.state = state
    row.last_reason = reason
    row.lease_owner = None
    row.lease_until = None


def _claimed(row: Job) -> ClaimedJob:
    return ClaimedJob(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        about=dict(row.about),
        attempts=row.attempts,
        revision=row.revision,
        correlation_id=row.correlation_id,
        created_by=row.created_by,
        created_at=row.created_at,
    )


def _record(db: Session, row: Job, action: str, actor: str) -> None:
    details = {"kind": row.kind, "attempts": row.attempts, "reason": row.last_reason or ""}
    record(db, actor=actor, action=action, subject=row.subject, details=details)
