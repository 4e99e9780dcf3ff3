"""How far a kiosk's events have come: what is new, what it lost, and what that proves."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

from sqlmodel import Session, col, func, or_, select

from protocol.v1.events import MAX_LOST_PER_ACK
from protocol.v1.messages import SeqRange
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.kiosks import lost_spans, runs
from server.kiosks.runs import Run
from server.kiosks.tables import KioskProgress, LostSpan

#: Numbers read at one ack to find out which lost ones were found, so that its cost is bounded.
_MOST_READ = 2000


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


def lost_numbers(db: Session, progress: KioskProgress) -> tuple[SeqRange, ...]:
    """Return numbers that count as lost and that no event has, in order, for an ack.

    Another device of the identity, or an older copy of the disk, may have these events after all.
    An ack names only so many; the rest follows when these are found or decided.
    """
    spans = lost_spans.stated_spans(db, progress.kiosk_id, MAX_LOST_PER_ACK)
    if not spans:
        return ()
    held, known_through = _held_within(db, progress.kiosk_id, spans)
    missing = sorted({run for span in spans for run in numbers_without(span, held)})
    named = [run for run in missing if run.first <= known_through][:MAX_LOST_PER_ACK]
    return tuple(SeqRange(first=run.first, last=min(run.last, known_through)) for run in named)


def _held_within(
    db: Session, kiosk_id: uuid.UUID, spans: Sequence[LostSpan]
) -> tuple[list[Run], int]:
    """Return the numbers within spans that an event has, and the number up to which they are all.

    An event is stored or, signed by its kiosk, in quarantine.
    """
    numbers: list[int] = []
    known_through = max(span.last for span in spans)
    stored = select(StoredEvent.seq).where(StoredEvent.kiosk_id == kiosk_id)
    apart = select(QuarantinedEvent.seq).where(
        QuarantinedEvent.kiosk_id == str(kiosk_id), col(QuarantinedEvent.is_authentic)
    )
    for query, number in ((stored, col(StoredEvent.seq)), (apart, col(QuarantinedEvent.seq))):
        within = or_(*(number.between(span.first, span.last) for span in spans))
        rows = db.exec(query.where(within).order_by(number).limit(_MOST_READ))
        found = [one for one in rows if one is not None]
        if len(found) == _MOST_READ:
            known_through = min(known_through, found[-1])
        numbers += found
    return runs.runs_of(numbers), known_through


def numbers_without(span: LostSpan, held: Sequence[Run]) -> list[Run]:
    """Return the numbers of a span that no event has."""
    inside = [run for run in held if run.first <= span.last and run.last >= span.first]
    edges = [Run(0, span.first - 1), *inside, Run(span.last + 1, span.last + 1)]
    between = [Run(one.last + 1, other.first - 1) for one, other in pairwise(edges)]
    return [run for run in between if run.first <= run.last]


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
