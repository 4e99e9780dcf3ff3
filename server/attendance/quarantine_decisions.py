"""Accept or discard quarantined events: what may be accepted, and what accepting does."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from protocol.v1.messages import RefusalReason
from server.attendance.gaps import is_sound
from server.attendance.ingest import store_kept
from server.attendance.key_history import with_signer
from server.attendance.quarantine import content_of, settle
from server.attendance.tables import QuarantineDecision, QuarantinedEvent, StoredEvent
from server.attendance.verification import Accepted, FromQuarantine, read_kept
from server.audit.service import record
from server.db.types import new_id
from server.errors import ConflictError, NotFoundError
from server.kiosks.claims import KioskKeys, keys_of
from server.kiosks.service import lock_chain
from server.kiosks.tables import Kiosk

#: Accepted in one transaction; other writers wait meanwhile.
MOST_AT_ONCE = 200
#: Reasons for which no event of a group can be accepted.
DISCARD_ONLY = frozenset(
    {
        RefusalReason.MALFORMED.value,
        RefusalReason.TOO_LARGE.value,
        RefusalReason.BAD_HASH.value,
        RefusalReason.BAD_SIGNATURE.value,
        RefusalReason.WRONG_KIOSK.value,
        RefusalReason.UNKNOWN_KIOSK.value,
        RefusalReason.UNKNOWN_VERSION.value,
        RefusalReason.BACKEND.value,
    }
)
_TIME_REASONS = frozenset({RefusalReason.BEFORE_CLAIM.value, RefusalReason.FUTURE.value})


@dataclass(frozen=True)
class Decision:
    """Who decides, why and when."""

    actor: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Readable:
    """What can be read of a quarantined event.

    Attributes:
        event: None where it cannot be read.
        obstacle: why it can only be discarded, a key of the translations under
            `quarantine.obstacle`; empty where it can be accepted.
    """

    event: Accepted | None
    obstacle: str


def read_quarantined(row: QuarantinedEvent, keys: KioskKeys | None) -> Readable:
    """Read a quarantined event and say whether it can be accepted.

    Only what this kiosk signed can be, with its present key or an earlier one: nobody can vouch
    for anything else.

    Args:
        row: what was refused.
        keys: of the kiosk that it names; None where there is none, or it was never claimed.
    """
    event = read_kept(row.body)
    if row.reason == RefusalReason.UNKNOWN_VERSION and event is None:
        return Readable(None, "newer")
    if event is None:
        return Readable(None, "unreadable")
    if event.event.kiosk_id != row.kiosk_id:
        return Readable(event, "other_kiosk")
    if keys is None:
        return Readable(event, "unknown_kiosk")
    if not is_sound(event.event):
        return Readable(event, "unsound_gap")
    signed = with_signer(event, keys)
    return Readable(signed or event, "" if signed or row.is_authentic else "unsigned")


def kiosk_named(db: Session, wire_id: str) -> Kiosk | None:
    """Return the kiosk of this id on the wire; None where there is none."""
    try:
        return db.get(Kiosk, uuid.UUID(wire_id))
    except ValueError:
        return None


def accept(db: Session, row_id: uuid.UUID, decision: Decision) -> None:
    """Put a quarantined event into the record.

    Raises:
        NotFoundError: there is no such row.
        ConflictError: it is decided already, or it can only be discarded.
    """
    row = _undecided(db, row_id)
    readable = read_quarantined(row, keys_of(db, kiosk_named(db, row.kiosk_id)))
    if readable.event is None or readable.obstacle:
        raise ConflictError("This can only be discarded.", problem="not_acceptable")
    _accept_rows(db, [(row, readable.event)], decision)
    _audit(db, "quarantine.accept", row, decision)


def discard(db: Session, row_id: uuid.UUID, decision: Decision) -> None:
    """Decide that a quarantined event never enters the record. The row stays.

    The same event under other numbers, or refused for other reasons, is discarded with it.

    Raises:
        NotFoundError: there is no such row.
        ConflictError: it is decided already.
    """
    row = _undecided(db, row_id)
    _decide(row, QuarantineDecision.DISCARDED, decision)
    db.add(row)
    db.flush()
    kiosk = kiosk_named(db, row.kiosk_id)
    if kiosk is not None and row.event_id:
        settle(db, kiosk.id, {row.event_id}, decision.at)
    _audit(db, "quarantine.discard", row, decision)


def accept_all(db: Session, kiosk_id: uuid.UUID, reason_code: str, decision: Decision) -> int:
    """Accept what waits of one kiosk for one reason, at most 200 at once, the oldest first.

    What can only be discarded stays.

    Returns:
        How many were accepted.
    """
    _lock(db, str(kiosk_id))
    keys = keys_of(db, db.get(Kiosk, kiosk_id))
    query = select(QuarantinedEvent).where(
        QuarantinedEvent.kiosk_id == str(kiosk_id),
        QuarantinedEvent.reason == reason_code,
        col(QuarantinedEvent.decision).is_(None),
    )
    waiting = db.exec(query.order_by(col(QuarantinedEvent.id)).execution_options(yield_per=100))
    rows: list[tuple[QuarantinedEvent, Accepted]] = []
    for row in waiting:
        readable = read_quarantined(row, keys)
        if readable.event is not None and not readable.obstacle:
            rows.append((row, readable.event))
        if len(rows) == MOST_AT_ONCE:
            break
    if rows:
        _accept_rows(db, rows, decision)
        record(
            db,
            actor=decision.actor,
            action="quarantine.accept_all",
            subject=f"kiosk:{kiosk_id}",
            details={"reason": reason_code, "events": [row.event_id for row, _event in rows]},
        )
    return len(rows)


def _accept_rows(
    db: Session, rows: Sequence[tuple[QuarantinedEvent, Accepted]], decision: Decision
) -> None:
    """Store the events of these rows, all of one kiosk, and close the rows."""
    kiosk_id = uuid.UUID(rows[0][0].kiosk_id)
    recorded = _recorded(db, kiosk_id, [row for row, _event in rows])
    events = []
    for row, read in rows:
        event = read
        known = recorded.get(event.event.id)
        if known is not None and content_of(known) == content_of(row.body):
            continue
        recorded.setdefault(event.event.id, row.body)
        if known is not None:  # two events share an id, and both were signed
            event = event.under(new_id())
        is_time_doubted = row.reason in _TIME_REASONS
        kept = FromQuarantine(row.is_authentic, decision.actor, is_time_doubted)
        events.append(replace(event, kept=kept))
    for row, _event in rows:
        _decide(row, QuarantineDecision.ACCEPTED, decision)
        db.add(row)
    db.flush()
    store_kept(db, kiosk_id, decision.at, accepted=events)


def _recorded(db: Session, kiosk_id: uuid.UUID, rows: Sequence[QuarantinedEvent]) -> dict[str, str]:
    ids = [uuid.UUID(row.event_id) for row in rows if row.event_id]
    query = select(StoredEvent.id, StoredEvent.body).where(
        StoredEvent.kiosk_id == kiosk_id, col(StoredEvent.id).in_(ids)
    )
    return {str(one): body for one, body in db.exec(query)}


def _undecided(db: Session, row_id: uuid.UUID) -> QuarantinedEvent:
    row = db.get(QuarantinedEvent, row_id)
    if row is None:
        raise NotFoundError("There is no such event in quarantine.", problem="no_quarantined")
    _lock(db, row.kiosk_id)
    db.refresh(row)
    if row.decision is not None:
        raise ConflictError("This is decided already.", problem="decided_already")
    return row


def _lock(db: Session, wire_id: str) -> None:
    """Let nothing else be taken in of this kiosk meanwhile."""
    try:
        lock_chain(db, uuid.UUID(wire_id))
    except ValueError:
        return


def _decide(row: QuarantinedEvent, word: QuarantineDecision, decision: Decision) -> None:
    row.decision, row.decided_at = word, decision.at
    row.decided_by, row.decision_reason = decision.actor, decision.reason
    row.due_at = None


def _audit(db: Session, action: str, row: QuarantinedEvent, decision: Decision) -> None:
    record(
        db,
        actor=decision.actor,
        action=action,
        subject=f"quarantined_event:{row.id}",
        details={"kiosk": row.kiosk_id, "event": row.event_id, "reason": row.reason},
    )
