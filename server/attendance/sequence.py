"""How far a kiosk's events have come: what is new, what it lost, and what that proves."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, func, select

from server.attendance.tables import QuarantinedEvent
from server.kiosks import lost_spans, runs
from server.kiosks.tables import KioskProgress


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
    is_newest = newest.seq > progress.highest_seq
    numbers = {link.seq for link in (*fresh, *authentic)}
    added = runs.keep(db, progress, runs.runs_of(numbers), at)
    if is_newest:
        progress.highest_hash = newest.hash
    if fresh and added < len(numbers):
        # Some stand under numbers that counted as lost: they were found after all.
        found = [link.seq for link in fresh]
        lost_spans.note_found(db, progress, found, _in_quarantine(db, progress, found), at)


def _in_quarantine(
    db: Session, progress: KioskProgress, numbers: Sequence[int]
) -> dict[int, datetime]:
    """Return since when numbers are in the server's keeping through a refused event."""
    table = QuarantinedEvent
    query = (
        select(table.seq, func.min(table.received_at))
        .where(
            table.kiosk_id == str(progress.kiosk_id),
            col(table.seq).in_(numbers),
            col(table.is_authentic),
        )
        .group_by(col(table.seq))
    )
    return {seq: since for seq, since in db.exec(query) if seq is not None}
