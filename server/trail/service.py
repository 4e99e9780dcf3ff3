"""Ask for a check of the whole chain, and how far it is."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from server.audit.service import ChainPoint, record
from server.audit.tables import AuditCheck, AuditEntry
from server.db.types import now
from server.jobs import service as jobs

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
    """Ask for a check of the whole chain; nothing happens where one is open."""
    if jobs.find(db, VERIFY, _ABOUT) is not None:
        return
    record(db, actor=actor, action="audit.verify", subject=SUBJECT)
    begin(db, actor=actor)
    jobs.enqueue(db, VERIFY, _ABOUT, subject=SUBJECT, actor=actor)


def state(db: Session) -> CheckState:
    """Return how far the last check is."""
    return CheckState(db.get(AuditCheck, 1), jobs.find(db, VERIFY, _ABOUT) is not None)


def begin(db: Session, *, actor: str) -> None:
    """Note that a check begins; what the one before found is forgotten."""
    newest = db.exec(select(AuditEntry.seq).order_by(col(AuditEntry.seq).desc()).limit(1)).first()
    _keep(db, AuditCheck(total=newest or 0, asked_by=actor, started_at=now()))


def note(db: Session, point: ChainPoint, *, finished_at: datetime | None = None) -> None:
    """Note how far a check is, or what it found."""
    row = db.get(AuditCheck, 1)
    if row is not None:
        row.checked, row.broken_at, row.finished_at = point.seq, point.broken_at, finished_at
        row.total = max(row.total, point.seq)
        db.add(row)


def _keep(db: Session, row: AuditCheck) -> None:
    db.merge(row)
    db.flush()
