"""Ask for a check of the whole chain, and how far it is."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from server.audit.service import ChainPoint, record
from server.audit.tables import AuditCheck, AuditEntry
from server.db.lock import AUDIT_LOCK, lock_until_commit
from server.db.types import now
from server.jobs import service as jobs
from server.jobs.tables import JobState

VERIFY = "verify_audit"
SUBJECT = "audit"
_ABOUT: dict[str, str] = {}


@dataclass(frozen=True)
class CheckState:
    """The check of the chain as the page shows it.

    Attributes:
        last: the last one that began; None where there was none.
        is_open: whether one waits or is under way.
    """

    last: AuditCheck | None
    is_open: bool


def request_check(db: Session, *, actor: str) -> None:
    """Ask for a check of the whole chain; nothing happens where one is open.

    One that failed too often begins again.
    """
    lock_until_commit(db, AUDIT_LOCK)  # of several who ask at once, one begins it
    if _is_open(db):
        return
    record(db, actor=actor, action="audit.verify", subject=SUBJECT)
    begin(db, actor=actor)
    jobs.enqueue(db, VERIFY, _ABOUT, subject=SUBJECT, actor=actor)


def state(db: Session) -> CheckState:
    """Return how far the last check is."""
    return CheckState(db.get(AuditCheck, 1), _is_open(db))


def _is_open(db: Session) -> bool:
    job = jobs.find(db, VERIFY, _ABOUT)
    return job is not None and job.state != JobState.PARKED


def begin(db: Session, *, actor: str) -> None:
    """Note that a check begins; of what the one before found, how far it was whole stays."""
    good = db.get(AuditCheck, 1) or AuditCheck(asked_by=actor, started_at=now())
    newest = db.exec(select(AuditEntry.seq).order_by(col(AuditEntry.seq).desc()).limit(1)).first()
    row = AuditCheck(total=newest or 0, asked_by=actor, started_at=now())
    row.good_seq, row.good_hash = good.good_seq, good.good_hash
    _keep(db, row)


def note(db: Session, point: ChainPoint, *, finished_at: datetime | None = None) -> None:
    """Note how far a check is, or what it found."""
    row = db.get(AuditCheck, 1)
    if row is not None:
        row.checked, row.broken_at, row.finished_at = point.seq, point.broken_at, finished_at
        row.total = max(row.total, point.seq)
        if finished_at is not None and point.broken_at is None:
            row.good_seq, row.good_hash = point.seq, point.hash
        db.add(row)


def _keep(db: Session, row: AuditCheck) -> None:
    db.merge(row)
    db.flush()
