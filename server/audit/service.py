"""Write to the audit trail, and verify that nobody changed it. Services call it, pages do not."""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol

import rfc8785
import sqlalchemy
from sqlmodel import Session, col, select

from server.audit.tables import AuditCheck, AuditedPerson, AuditEntry
from server.db.lock import AUDIT_LOCK, lock_until_commit
from server.db.prepared import Prepared, table_of
from server.db.types import now
from server.logs import acting_token, correlation_id

SYSTEM = "system"
#: Where a session keeps what all its entries say; see `recorded_with`.
_SHARED = "audit_details"
GENESIS = bytes(32)
_VERIFY_PAGE = 1000
_PERSON = "person"
#: Details that name a person, beside the subject.
_NAMES_PERSON = (_PERSON, "other")
#: A detail that names several.
_NAMES_PEOPLE = "students"
_ABOUT, _ENTRIES = table_of(AuditedPerson), table_of(AuditEntry)
_LAST = Prepared(
    sqlalchemy.select(_ENTRIES.c.seq, _ENTRIES.c.hash).order_by(_ENTRIES.c.seq.desc()).limit(1)
)
_COLUMNS = (
    col(AuditEntry.seq),
    col(AuditEntry.at),
    col(AuditEntry.actor),
    col(AuditEntry.action),
    col(AuditEntry.subject),
    col(AuditEntry.details),
    col(AuditEntry.correlation_id),
    col(AuditEntry.prev_hash),
    col(AuditEntry.hash),
)


@dataclass(frozen=True)
class Verification:
    """Outcome of checking the chain.

    Attributes:
        entries: how many were read.
        broken_at: seq of the first entry that does not fit; None where all do.
    """

    entries: int
    broken_at: int | None


@dataclass(frozen=True)
class ChainPoint:
    """How far the chain is known to be whole: up to this entry, with this hash.

    Attributes:
        seq: of the last entry that fits.
        hash: of that entry, 32 bytes.
        broken_at: seq of the entry after it, where that does not fit.
        is_end: whether nothing more is to be read.
    """

    seq: int = 0
    hash: bytes = GENESIS
    broken_at: int | None = None
    is_end: bool = False


class _Hashed(Protocol):
    """What the hash of an entry covers."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    details: dict[str, Any]
    correlation_id: str
    prev_hash: bytes


@contextmanager
def recorded_with(db: Session, **details: str) -> Iterator[None]:
    """Add details to every entry that this session records within the block.

    For many changes with one cause, such as a file: the services that make them need not know it.
    """
    before = db.info.get(_SHARED, {})
    db.info[_SHARED] = before | details
    try:
        yield
    finally:
        db.info[_SHARED] = before


def record(
    db: Session,
    *,
    actor: str,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
    people: Collection[uuid.UUID] = (),
) -> AuditEntry:
    """Append one entry, in the caller's transaction: what is undone is not recorded.

    Args:
        db: the caller's; on PostgreSQL it holds the chain's lock until its commit.
        actor: `account:<id>`, `kiosk:<id>` or `system`.
        action: noun.verb, such as `person.view_biometrics`; the audit page has words for each.
        subject: see `subject_of`.
        details: ids and codes only; never names or biometric data. `token` is added where an
            API token acts for its account, and what `recorded_with` says.
        people: further people that the entry is about, where they are too many for its details;
            `digest_of` them belongs there.
    """
    by_token = {"token": token} if (token := acting_token()) else {}
    lock_until_commit(db, AUDIT_LOCK)
    seq, prev_hash = next(iter(_LAST.rows(db)), (0, GENESIS))
    entry = AuditEntry(
        seq=seq + 1,
        at=now(),
        actor=actor,
        action=action,
        subject=subject,
        details=dict(details or {}) | db.info.get(_SHARED, {}) | by_token,
        correlation_id=correlation_id(),
        prev_hash=prev_hash,
        hash=b"",
    )
    entry.hash = _digest(entry)
    db.add(entry)
    db.flush()
    about = people_of(subject, entry.details).union(people)
    if about:  # as rows: objects of hundreds of people cost more than all else here
        rows = [{"person_id": person_id, "seq": entry.seq} for person_id in about]
        db.execute(sqlalchemy.insert(_ABOUT), rows)
    return entry


def people_of(subject: str, details: Mapping[str, Any]) -> set[uuid.UUID]:
    """Return the people that an entry is about."""
    kind, _, identity = subject.partition(":")
    named = [details.get(name) for name in _NAMES_PERSON] + list(details.get(_NAMES_PEOPLE, ()))
    return set(_ids([identity if kind == _PERSON else None, *named]))


def digest_of(people: Iterable[uuid.UUID]) -> str:
    """Return a digest of ids in any order, by which an entry proves which people it is about."""
    return sha256(b"".join(sorted(one.bytes for one in people))).hexdigest()


def recent(db: Session, *, limit: int = 100) -> list[AuditEntry]:
    """The newest entries, newest first."""
    return list(db.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(limit)))


def verify(db: Session) -> Verification:
    """Walk the whole chain: each seq follows, each hash fits what the row says now."""
    point = ChainPoint()
    while not point.is_end:
        point = verify_further(db, point)
    point = against_last_check(db, point)
    return Verification(point.seq, point.broken_at)


def against_last_check(db: Session, point: ChainPoint) -> ChainPoint:
    """Compare a chain that is whole with the last check that found it so.

    A chain is whole too where entries were cut off its end, or where all were written again.

    Args:
        db: the caller's.
        point: the end of the chain.
    """
    last = db.get(AuditCheck, 1)
    if point.broken_at is not None or last is None or not last.good_seq:
        return point
    query = select(AuditEntry.hash).where(col(AuditEntry.seq) == last.good_seq)
    found = db.exec(query).first()
    if found is None:
        return replace(point, broken_at=point.seq + 1)
    return point if found == last.good_hash else replace(point, broken_at=last.good_seq)


def verify_further(db: Session, point: ChainPoint, most: int = _VERIFY_PAGE) -> ChainPoint:
    """Check the entries that follow a point; returns how far the chain is whole then.

    Args:
        db: the caller's; each call may have another, as entries are never changed.
        point: up to where the chain is known to be whole.
        most: entries to read.
    """
    query = sqlalchemy.select(*_COLUMNS).where(col(AuditEntry.seq) > point.seq)
    rows = db.execute(query.order_by(col(AuditEntry.seq)).limit(most)).all()
    seq, prev_hash = point.seq, point.hash
    for row in rows:
        intact = row.seq == seq + 1 and row.prev_hash == prev_hash
        if not intact or row.hash != _digest(row):
            return ChainPoint(seq, prev_hash, row.seq, is_end=True)
        seq, prev_hash = row.seq, row.hash
    return ChainPoint(seq, prev_hash, is_end=len(rows) < most)


def _ids(texts: Iterable[object]) -> Iterator[uuid.UUID]:
    for text in texts:
        try:
            yield uuid.UUID(str(text))
        except ValueError:
            continue


def _digest(entry: _Hashed) -> bytes:
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
