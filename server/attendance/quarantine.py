"""Events in quarantine: which are due to be judged again, and which need no decision any more."""

import json
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel import Session, col, select

from protocol.v1.messages import RefusalReason
from server.attendance.tables import QuarantineDecision, QuarantinedEvent, StoredEvent
from server.attendance.verification import (
    FUTURE_TOLERANCE,
    Accepted,
    FromQuarantine,
    read_kept,
)

_CHUNK = 500
#: Of one kiosk in one transaction; the rest follows in the next.
MOST_AT_ONCE = 500
#: Quarantined rows read at once to settle 500 ids: a kiosk may send one id without end.
MOST_SETTLED = 2000
_PLACE_IN_CHAIN = ("seq", "prev_hash", "hash", "signature")


def due_events(db: Session, kiosk_id: uuid.UUID, at: datetime) -> list[Accepted]:
    """Return the events of a kiosk that lay in the future and no longer do, at most 500.

    Args:
        db: holds the lock on the kiosk's progress.
        kiosk_id: whose.
        at: the server's clock.
    """
    query = (
        select(QuarantinedEvent)
        .where(QuarantinedEvent.kiosk_id == str(kiosk_id), col(QuarantinedEvent.due_at) <= at)
        .order_by(col(QuarantinedEvent.due_at), col(QuarantinedEvent.seq))
    )
    found = []
    for row in db.exec(query.limit(MOST_AT_ONCE)):
        event = read_kept(row.body)
        if event is None:
            row.due_at, row.reason = None, RefusalReason.MALFORMED
        elif event.stated_at > at + FUTURE_TOLERANCE:
            row.due_at = event.stated_at - FUTURE_TOLERANCE
        else:
            kept = FromQuarantine(is_authentic=row.is_authentic)
            found.append((row, replace(event, kept=kept)))
        db.add(row)
    return _not_discarded(db, kiosk_id, found, at)


def kiosks_with_due(db: Session, at: datetime) -> list[uuid.UUID]:
    """Return the kiosks that have events due to be judged again, in a fixed order."""
    query = select(QuarantinedEvent.kiosk_id).where(col(QuarantinedEvent.due_at) <= at).distinct()
    return sorted(uuid.UUID(one) for one in db.exec(query))


def discarded_ids(db: Session, kiosk_id: uuid.UUID, accepted: Sequence[Accepted]) -> set[str]:
    """Return the ids among these events that an admin discarded: a repeat stays discarded.

    What an admin accepted afterwards is not among them.
    """
    found: set[str] = set()
    ids = [one.event.id for one in accepted if one.kept is None or one.kept.accepted_by is None]
    for part in _chunks(ids):
        query = (
            select(QuarantinedEvent.event_id)
            .where(
                QuarantinedEvent.kiosk_id == str(kiosk_id),
                col(QuarantinedEvent.event_id).in_(part),
                QuarantinedEvent.decision == QuarantineDecision.DISCARDED,
                col(QuarantinedEvent.is_authentic),
            )
            .distinct()
        )
        found.update(one for one in db.exec(query) if one is not None)
    return found


def settle(db: Session, kiosk_id: uuid.UUID, event_ids: Collection[str], at: datetime) -> None:
    """Close what needs no decision: the record has the event, or an admin discarded it before.

    The same event under another number is the same event: a kiosk gives a new number to one whose
    number was taken. Only the newest rows are looked at: a kiosk may send one id
    without end.
    """
    for part in _chunks(sorted(event_ids)):
        rows: dict[str, list[QuarantinedEvent]] = {}
        is_discarded = col(QuarantinedEvent.decision) == QuarantineDecision.DISCARDED
        query = select(QuarantinedEvent).where(
            QuarantinedEvent.kiosk_id == str(kiosk_id),
            col(QuarantinedEvent.event_id).in_(part),
            col(QuarantinedEvent.decision).is_(None) | is_discarded,
        )
        for row in db.exec(query.order_by(col(QuarantinedEvent.id).desc()).limit(MOST_SETTLED)):
            rows.setdefault(row.event_id or "", []).append(row)
        recorded = _bodies(db, kiosk_id, rows) if rows else {}
        for event_id, own in rows.items():
            _settle_id(db, own, recorded.get(event_id), at)
    db.flush()


def undecided_ids(db: Session) -> list[tuple[uuid.UUID, Sequence[str]]]:
    """Return the ids of undecided events by kiosk, in parts of at most 500."""
    query = (
        select(QuarantinedEvent.kiosk_id, QuarantinedEvent.event_id)
        .where(
            col(QuarantinedEvent.decision).is_(None),
            col(QuarantinedEvent.is_authentic),
            col(QuarantinedEvent.event_id).is_not(None),
        )
        .distinct()
    )
    waiting: dict[str, list[str]] = {}
    for kiosk_id, event_id in db.exec(query):
        waiting.setdefault(kiosk_id, []).append(event_id or "")
    return [(uuid.UUID(one), part) for one in sorted(waiting) for part in _chunks(waiting[one])]


def _not_discarded(
    db: Session,
    kiosk_id: uuid.UUID,
    due: Sequence[tuple[QuarantinedEvent, Accepted]],
    at: datetime,
) -> list[Accepted]:
    """Leave out what an admin discarded; another event of such an id waits for a decision."""
    discarded = discarded_ids(db, kiosk_id, [event for _row, event in due])
    settle(db, kiosk_id, discarded, at)
    for row, event in due:
        if event.event.id in discarded and row.decision is None:
            row.due_at, row.reason = None, RefusalReason.REUSED_ID
            db.add(row)
    return [event for _row, event in due if event.event.id not in discarded]


def content_of(body: str) -> object:
    """Return what an event says apart from its place in the chain; None where it is no JSON."""
    try:
        raw = json.loads(body)
    except ValueError:
        return None
    if not isinstance(raw, dict):
        return None
    return {key: value for key, value in raw.items() if key not in _PLACE_IN_CHAIN}


def _settle_id(
    db: Session, rows: Sequence[QuarantinedEvent], recorded: str | None, at: datetime
) -> None:
    """Settle the rows of one event id."""
    discarded = {_said(row.body): row for row in rows if row.decision and row.is_authentic}
    in_record = None if recorded is None else _said(recorded)
    for row in rows:
        if row.decision is not None:
            continue
        said = _said(row.body)
        other = discarded.get(said)
        if recorded is not None:
            row.due_at = None
            if said == in_record:
                row.decision, row.decided_at = QuarantineDecision.RECORDED, at
        elif said is not None and other is not None:
            row.decision, row.decided_at = other.decision, other.decided_at
            row.decided_by, row.decision_reason = other.decided_by, other.decision_reason
            row.due_at = None
        db.add(row)


def _said(body: str) -> str | None:
    content = content_of(body)
    return None if content is None else json.dumps(content, sort_keys=True)


def _bodies(db: Session, kiosk_id: uuid.UUID, event_ids: Iterable[str]) -> dict[str, str]:
    query = select(StoredEvent.id, StoredEvent.body).where(
        StoredEvent.kiosk_id == kiosk_id,
        col(StoredEvent.id).in_([uuid.UUID(one) for one in event_ids]),
    )
    return {str(one): body for one, body in db.exec(query)}


def _chunks(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))
