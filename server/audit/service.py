"""Write to the audit trail, read it, and verify that nobody changed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import rfc8785
from sqlmodel import Session, col, select

from server.audit.tables import AuditEntry
from server.db.lock import AUDIT_LOCK, lock_until_commit
from server.db.types import now
from server.logs import correlation_id

SYSTEM = "system"
GENESIS = bytes(32)
_VERIFY_PAGE = 1000


@dataclass(frozen=True)
class Verification:
    """Outcome of checking the chain.

    Attributes:
        entries: how many were read.
        broken_at: seq of the first entry that does not fit; None where all do.
    """

    entries: int
    broken_at: int | None


def record(
    db: Session,
    *,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append one entry, in the caller's transaction: what is undone is not recorded.

    Args:
        db: the caller's; on PostgreSQL it holds the chain's lock until its commit.
        actor: `account:<id>`, `kiosk:<id>` or `system`.
        action: noun.verb, such as `person.view_biometrics`.
        subject: see `subject_of`.
        details: ids and codes only; never names or biometric data.
    """
    lock_until_commit(db, AUDIT_LOCK)
    db.flush()
    last = db.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(1)).first()
    entry = AuditEntry(
        seq=last.seq + 1 if last else 1,
        at=now(),
        actor=actor,
        action=action,
        subject=subject,
        details=dict(details or {}),
        correlation_id=correlation_id(),
        prev_hash=last.hash if last else GENESIS,
        hash=b"",
    )
    entry.hash = _digest(entry)
    db.add(entry)
    db.flush()
    return entry


def recent(db: Session, *, before: int | None = None, limit: int = 100) -> list[AuditEntry]:
    """The newest entries, newest first; `before` continues a listing."""
    query = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(limit)
    if before is not None:
        query = query.where(col(AuditEntry.seq) < before)
    return list(db.exec(query))


def verify(db: Session) -> Verification:
    """Walk the whole chain: each seq follows, each hash fits what the row says now."""
    seq, prev_hash = 0, GENESIS
    while page := _page_after(db, seq):
        for entry in page:
            intact = entry.seq == seq + 1 and entry.prev_hash == prev_hash
            if not intact or entry.hash != _digest(entry):
                return Verification(seq, entry.seq)
            seq, prev_hash = entry.seq, entry.hash
    return Verification(seq, None)


def _page_after(db: Session, seq: int) -> list[AuditEntry]:
    query = select(AuditEntry).where(col(AuditEntry.seq) > seq).order_by(col(AuditEntry.seq))
    return list(db.exec(query.limit(_VERIFY_PAGE)))


def _digest(entry: AuditEntry) -> bytes:
    content: dict[str, Any] = {
        "seq": entry.seq,
        "at": _stamp(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "correlation_id": entry.correlation_id,
        "prev_hash": entry.prev_hash.hex(),
    }
    return sha256(rfc8785.dumps(content)).digest()


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
