"""Keep what cannot become part of the record: what a kiosk signed always, the rest up to a bound.

A kiosk counts events as delivered that were refused for their time or their id, see
`kiosk.storage.verdicts`. It signed them, and the server alone may have them: they are kept whatever
happens. What is refused unsigned the kiosk keeps, waiting or apart, so nothing is lost where a
message of that kind is counted and not kept.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

from sqlmodel import Session, col, select

from server.attendance.tables import QuarantinedEvent, QuarantineTally
from server.attendance.verification import Rejected
from server.db.types import new_id
from server.db.upsert import insert_into

#: Of one kiosk, not signed by it.
MOST_ROWS = 10_000
MOST_BYTES = 16 * 2**20
_CHUNK = 500


class Kept(NamedTuple):
    """What became of refused messages.

    Attributes:
        new: how many are new to the quarantine.
        dropped: how many were counted and not kept.
    """

    new: int = 0
    dropped: int = 0


def keep_in_quarantine(
    db: Session, kiosk_id: str, rejected: Iterable[Rejected], at: datetime
) -> Kept:
    """Keep what was refused, with the reason; a repeat changes nothing.

    Args:
        db: the caller's. What is kept unsigned of the kiosk is locked.
        kiosk_id: by topic or token, also of no kiosk that there is.
        rejected: in any order, repeats allowed.
        at: the server's clock.
    """
    by_hash = {one.body_hash: one for one in sorted(rejected, key=attrgetter("is_signed"))}
    kept = [one for one in by_hash.values() if one.is_signed]
    unsigned = [one for one in by_hash.values() if not one.is_signed]
    dropped = 0
    if unsigned:
        tally = _locked(db, kiosk_id)
        new = _new_ones(db, kiosk_id, unsigned)
        within = [one for one in new if _has_taken(tally, one)]
        dropped = len(new) - len(within)
        if dropped:
            tally.dropped, tally.dropped_at = tally.dropped + dropped, at
        db.add(tally)
        kept += within
    return Kept(_insert(db, kiosk_id, kept, at), dropped)


def _locked(db: Session, kiosk_id: str) -> QuarantineTally:
    """Return what is counted of a kiosk: no other transaction changes it meanwhile."""
    zero = {"kiosk_id": kiosk_id, "held": 0, "held_bytes": 0, "dropped": 0}
    db.execute(insert_into(db, QuarantineTally).values(zero).on_conflict_do_nothing())
    return db.get_one(QuarantineTally, kiosk_id, with_for_update=True, populate_existing=True)


def _has_taken(tally: QuarantineTally, one: Rejected) -> bool:
    """Count one more where there is room for it."""
    size = len(one.body.encode())
    has_room = tally.held < MOST_ROWS and tally.held_bytes + size <= MOST_BYTES
    if has_room:
        tally.held += 1
        tally.held_bytes += size
    return has_room


def _new_ones(db: Session, kiosk_id: str, rejected: Sequence[Rejected]) -> list[Rejected]:
    known: set[bytes] = set()
    for start in range(0, len(rejected), _CHUNK):
        hashes = [one.body_hash for one in rejected[start : start + _CHUNK]]
        query = select(QuarantinedEvent.body_hash).where(
            QuarantinedEvent.kiosk_id == kiosk_id, col(QuarantinedEvent.body_hash).in_(hashes)
        )
        known.update(db.exec(query))
    return [one for one in rejected if one.body_hash not in known]


def _insert(db: Session, kiosk_id: str, kept: Sequence[Rejected], at: datetime) -> int:
    """Insert what is not there yet; returns how much that was."""
    rows = [
        {
            "id": new_id(),
            "kiosk_id": kiosk_id,
            "event_id": one.event_id,
            "seq": one.seq,
            "reason": one.reason,
            "is_authentic": one.is_authentic,
            "hash": one.hash,
            "body_hash": one.body_hash,
            "body": one.body,
            "received_at": at,
            "due_at": one.due_at,
        }
        for one in kept
    ]
    if not rows:
        return 0
    adding = insert_into(db, QuarantinedEvent).on_conflict_do_nothing()
    return len(db.execute(adding.returning(col(QuarantinedEvent.id)), rows).all())
