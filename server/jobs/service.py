"""The queue: enqueue, claim with a lease, keep, finish, put back with back-off, park.

Every way to end a claim checks that the job is still held: a worker that was overtaken, or whose
job was cancelled or asked for anew, changes nothing.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, delete, func, select, update

from server.audit.service import record
from server.db.types import new_id, now
from server.errors import ConflictError, NotFoundError
from server.jobs.schemas import ClaimedJob
from server.jobs.tables import Job, JobState
from server.logs import correlation_id

#: Failures of its own after which a job is parked.
MAX_ATTEMPTS = 6
_LONGEST_PAUSE = timedelta(hours=1)
_WAITING, _RUNNING, _PARKED = (state.value for state in JobState)


@dataclass(frozen=True)
class QueueCounts:
    """How many jobs there are.

    Attributes:
        waiting: waiting or running.
        parked: failed too often.
    """

    waiting: int
    parked: int


def enqueue(db: Session, kind: str, about: Mapping[str, str], *, subject: str, actor: str) -> None:
    """Ask for a job. The same one that waits, runs or is parked starts over from the beginning.

    Args:
        db: the caller's transaction.
        kind: which handler does it.
        about: what it is about; kind and values together make it unique.
        subject: whom it concerns, as the audit trail names it.
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
    dialect = postgresql if db.get_bind().dialect.name == "postgresql" else sqlite
    again = fresh | {"revision": Job.revision + 1, "lease_owner": None, "lease_until": None}
    insert = dialect.insert(Job).values(row)
    db.execute(insert.on_conflict_do_update(index_elements=["kind", "key"], set_=again))


def due_kinds(db: Session, kinds: Collection[str], at: datetime) -> set[str]:
    """Return the kinds of which a job could be claimed."""
    query = select(Job.kind).where(col(Job.kind).in_(kinds), _due(at)).distinct()
    return set(db.exec(query))


def claim(
    db: Session, kind: str, *, owner: str, at: datetime, lease: timedelta
) -> ClaimedJob | None:
    """Take the job of a kind that has waited longest. Never gives one to two workers.

    On PostgreSQL rows that others are claiming are skipped; on SQLite a writing transaction is
    alone.
    """
    query = select(Job).where(Job.kind == kind, _due(at)).order_by(col(Job.not_before)).limit(1)
    row = db.exec(query.with_for_update(skip_locked=True)).first()
    if row is None:
        return None
    row.state = _RUNNING
    row.revision += 1
    row.lease_owner = owner
    row.lease_until = at + lease
    return _claimed(row)


def renew(db: Session, *, owner: str, until: datetime) -> None:
    """Keep every lease of a worker pool that is still alive."""
    mine = and_(col(Job.lease_owner) == owner, col(Job.state) == _RUNNING)
    db.exec(update(Job).where(mine).values(lease_until=until))


def holds_any(db: Session, owner: str) -> bool:
    """Return whether a worker pool has claimed something and not finished it."""
    mine = and_(col(Job.lease_owner) == owner, col(Job.state) == _RUNNING)
    return db.exec(select(Job.id).where(mine).limit(1)).first() is not None


def finish(db: Session, job: ClaimedJob) -> bool:
    """Delete a job that is done. False: it is not held any more."""
    row = _held(db, job)
    if row is not None:
        db.delete(row)
    return row is not None


def is_held(db: Session, job: ClaimedJob) -> bool:
    """Return whether a job is still the caller's, and keep it so until the commit."""
    return _held(db, job) is not None


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
    row.parked_under = under
    _release(row, _PARKED, reason)
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
    row = _idle(db, job_id)
    row.state, row.attempts, row.not_before = _WAITING, 0, now()
    _record(db, row, "job.retry", actor)


def take_away(db: Session, job_id: uuid.UUID, *, actor: str) -> ClaimedJob:
    """Delete a job, because a person asks; returns what it was.

    Raises:
        NotFoundError: no such job; it may be done meanwhile.
        ConflictError: it runs at this moment.
    """
    row = _idle(db, job_id)
    _record(db, row, "job.cancel", actor)
    taken = _claimed(row)
    db.delete(row)
    db.flush()
    return taken


def forget_subject(db: Session, subject: str, kinds: Collection[str]) -> None:
    """Delete the jobs of these kinds that concern somebody; a worker on one changes nothing."""
    db.exec(delete(Job).where(col(Job.subject) == subject, col(Job.kind).in_(kinds)))


def forget(db: Session, kind: str, abouts: Collection[Mapping[str, str]]) -> None:
    """Delete the jobs about exactly these things."""
    keys = [_key(about) for about in abouts]
    db.exec(delete(Job).where(col(Job.kind) == kind, col(Job.key).in_(keys)))


def find(db: Session, kind: str, about: Mapping[str, str]) -> Job | None:
    """Return the job about something, in whatever state."""
    return db.exec(select(Job).where(Job.kind == kind, Job.key == _key(about))).first()


def concerning(db: Session, subject: str) -> list[Job]:
    """Return all jobs that concern somebody, oldest first."""
    return list(db.exec(select(Job).where(Job.subject == subject).order_by(col(Job.id))))


def of_kind(db: Session, kind: str) -> list[Job]:
    """Return all jobs of a kind, oldest first."""
    return list(db.exec(select(Job).where(Job.kind == kind).order_by(col(Job.id))))


def counts(db: Session) -> QueueCounts:
    """Return how many jobs there are."""
    parked = func.count().filter(col(Job.state) == _PARKED)
    total, stuck = db.exec(select(func.count(), parked).select_from(Job)).one()
    return QueueCounts(total - stuck, stuck)


def page(db: Session, *, limit: int, offset: int) -> list[Job]:
    """Return jobs for the admin page: parked ones first, then in the order they are due."""
    order = (col(Job.state) != _PARKED, col(Job.not_before), col(Job.id))
    return list(db.exec(select(Job).order_by(*order).limit(limit).offset(offset)))


def _key(about: Mapping[str, str]) -> str:
    return ":".join(about[name] for name in sorted(about))


def _due(at: datetime) -> ColumnElement[bool]:
    return or_(
        and_(col(Job.state) == _WAITING, col(Job.not_before) <= at),
        and_(col(Job.state) == _RUNNING, col(Job.lease_until) <= at),
    )


def _held(db: Session, job: ClaimedJob) -> Job | None:
    row = db.get(Job, job.id, with_for_update=True, populate_existing=True)
    is_held = row is not None and row.state == _RUNNING and row.revision == job.revision
    return row if is_held else None


def _idle(db: Session, job_id: uuid.UUID) -> Job:
    row = db.get(Job, job_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFoundError("There is no such job. It may be done.", what="job")
    if row.state == _RUNNING:
        raise ConflictError("The job is running. Try again in a minute.", problem="job_runs")
    return row


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
