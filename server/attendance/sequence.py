"""How far a kiosk's events have come: the contiguous run, and the runs past a gap."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from protocol.v1.events import MAX_RANGES_PER_ACK
from protocol.v1.messages import SeqRange
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.kiosks.tables import KioskProgress

_LOOK_AHEAD = 20_000


class Link(NamedTuple):
    """An event's place in its kiosk's chain."""

    seq: int
    hash: str


def move_progress(
    db: Session,
    progress: KioskProgress,
    fresh: Sequence[Link],
    authentic: Sequence[Link],
    at: datetime,
) -> None:
    """Move a kiosk's progress past what was just stored or kept in quarantine.

    Args:
        db: the rows are in it, not committed yet.
        progress: locked by the caller.
        fresh: events new to the record.
        authentic: refused events that the kiosk did sign: they are kept too.
        at: the server's clock.
    """
    if fresh:
        progress.last_event_at = at
    newest = max((*fresh, *authentic), default=Link(0, ""))
    if newest.seq > progress.highest_seq:
        progress.highest_seq, progress.highest_hash = newest
    arrived = {link.seq for link in (*fresh, *authentic)}
    through = _contiguous(progress.stored_through, arrived)
    if progress.stored_through < through < progress.highest_seq:
        arrived |= set(_kept_after(db, progress.kiosk_id, through))
        through = _contiguous(through, arrived)
    progress.stored_through = through


def stored_runs(db: Session, progress: KioskProgress) -> tuple[SeqRange, ...]:
    """The runs in our keeping past the first gap, oldest first."""
    if progress.highest_seq <= progress.stored_through:
        return ()
    runs: list[SeqRange] = []
    for seq in sorted(set(_kept_after(db, progress.kiosk_id, progress.stored_through))):
        if runs and runs[-1].last == seq - 1:
            runs[-1] = SeqRange(first=runs[-1].first, last=seq)
        elif len(runs) == MAX_RANGES_PER_ACK:
            break
        else:
            runs.append(SeqRange(first=seq, last=seq))
    return tuple(runs)


def _kept_after(db: Session, kiosk_id: uuid.UUID, seq: int) -> Iterable[int]:
    stored = (
        select(StoredEvent.seq)
        .where(col(StoredEvent.kiosk_id) == kiosk_id, col(StoredEvent.seq) > seq)
        .order_by(col(StoredEvent.seq))
        .limit(_LOOK_AHEAD)
    )
    kept = (
        select(QuarantinedEvent.seq)
        .where(
            col(QuarantinedEvent.kiosk_id) == str(kiosk_id),
            col(QuarantinedEvent.seq) > seq,
            col(QuarantinedEvent.is_authentic),
        )
        .order_by(col(QuarantinedEvent.seq))
        .limit(_LOOK_AHEAD)
    )
    return [*db.exec(stored), *(found for found in db.exec(kept) if found is not None)]


def _contiguous(start: int, seqs: set[int]) -> int:
    last = start
    while last + 1 in seqs:
        last += 1
    return last
