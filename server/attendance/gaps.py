"""A kiosk's signed word that it lost events: close their numbers, and keep what may be missing."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, select

from protocol.v1.messages import AttendanceEvent, ClockSource, EventKind, GapSpan
from server.attendance.register import CLOCK_TOLERANCE
from server.attendance.tables import StoredEvent
from server.kiosks import lost_spans
from server.kiosks.claims import no_event_before
from server.kiosks.lost_spans import Bounds, Loss
from server.kiosks.runs import Run
from server.kiosks.tables import Kiosk, KioskProgress

_UNTIMED = frozenset({ClockSource.UNSYNCED.value, ClockSource.RTC.value})
#: How far to look for an event whose clock was right, beside a gap without bounds.
_NEIGHBOURS = 50


class Side(NamedTuple):
    """Below or above a number."""

    seq: int
    is_after: bool


def is_sound(event: AttendanceEvent) -> bool:
    """Return whether a gap event says something that can be true; other kinds always do.

    It may speak only of numbers before its own.
    """
    if event.kind != EventKind.GAP:
        return True
    return event.gap is not None and event.gap.first <= event.gap.last < event.seq


def take_gaps(
    db: Session,
    kiosk: Kiosk,
    progress: KioskProgress,
    events: Iterable[AttendanceEvent],
    at: datetime,
) -> None:
    """Close the numbers of sound gap events that were just stored.

    Numbers that are in the server's keeping are not lost, whatever the kiosk says.
    """
    for event in events:
        if event.kind == EventKind.GAP and event.gap is not None:
            span = Run(event.gap.first, event.gap.last)
            bounds = _bounds(db, kiosk, event.gap, at)
            loss = Loss(span, bounds, event.gap.reason, uuid.UUID(event.id))
            lost_spans.note_lost(db, progress, loss, at)


def bounds_of(db: Session, kiosk: Kiosk, span: Run, at: datetime) -> Bounds:
    """Return when the events of a span may have happened, by the events beside it.

    Where those contradict each other the span is open towards now. An event of a time yet to come
    bounds nothing.
    """
    before = _neighbour(db, kiosk.id, Side(span.first, is_after=False), at)
    after = _neighbour(db, kiosk.id, Side(span.last, is_after=True), at)
    from_at = before or no_event_before(db, kiosk)
    through_at = min(after or at, at)
    is_contradicted = through_at < from_at - CLOCK_TOLERANCE
    return Bounds(min(from_at, through_at), at if is_contradicted else max(from_at, through_at))


def _bounds(db: Session, kiosk: Kiosk, gap: GapSpan, at: datetime) -> Bounds:
    """Believe the kiosk's bounds as far as they agree with the events beside the span."""
    known = bounds_of(db, kiosk, Run(gap.first, gap.last), at)
    from_at, through_at = known.from_at, known.through_at
    began_at = no_event_before(db, kiosk)
    if gap.from_at is not None and began_at <= gap.from_at <= known.through_at:
        from_at = gap.from_at
    if gap.through_at is not None and gap.through_at >= known.from_at:
        through_at = min(gap.through_at, at)
    return Bounds(from_at, through_at) if from_at <= through_at else known


def _neighbour(db: Session, kiosk_id: uuid.UUID, side: Side, at: datetime) -> datetime | None:
    """Return the time of the nearest event on one side whose clock was right; None: no such."""
    number = col(StoredEvent.seq)
    query = (
        select(StoredEvent.counted_at, StoredEvent.clock_source)
        .where(
            StoredEvent.kiosk_id == kiosk_id,
            number > side.seq if side.is_after else number < side.seq,
            col(StoredEvent.not_before).is_(None),
            col(StoredEvent.counted_at) <= at + CLOCK_TOLERANCE,
        )
        .order_by(number if side.is_after else number.desc())
        .limit(_NEIGHBOURS)
    )
    times = (at for at, source in db.exec(query) if source not in _UNTIMED)
    return next(times, None)
