"""Events that kiosks lost or that never arrived, for clients, and the decisions about them."""

import uuid

from server.attendance import lost_decisions
from server.attendance.schemas import (
    LostEventsRead,
    LostSpanClose,
    LostSpanRead,
    MissingEventsClose,
    MissingEventsRead,
)
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.kiosks.api import ViewerDep
from server.kiosks.lost_spans import SPAN_ORDER, Closing, spans_part
from server.kiosks.runs import Run
from server.kiosks.tables import LostSpan
from server.web.access import AdminDep
from server.web.cursors import ListQueryDep
from server.web.routes import GuardedRouter

_LIST = "lost-events"
router = GuardedRouter(prefix="/api/v1", tags=["kiosks"])


@router.get("/kiosks/{kiosk_id}/lost-events")
def list_lost_events(
    kiosk_id: uuid.UUID, _: ViewerDep, db: ReadDBDep, asked: ListQueryDep
) -> LostEventsRead:
    """Which events a kiosk lost, open ones first, and which have not arrived yet."""
    missing = lost_decisions.missing_events(db, kiosk_id)
    part = spans_part(db, kiosk_id, asked.wanted(_LIST, SPAN_ORDER))
    return LostEventsRead(
        spans=[_span_read(row) for (row,) in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
        missing=None
        if missing is None
        else MissingEventsRead(
            first=missing.first, last=missing.last, count=missing.count, since=missing.since
        ),
    )


@router.post("/kiosks/{kiosk_id}/lost-events/{span_id}/close")
def close_lost_events(
    kiosk_id: uuid.UUID,
    span_id: uuid.UUID,
    body: LostSpanClose,
    principal: AdminDep,
    db: DBDep,
) -> LostSpanRead:
    """Stop waiting for events that the kiosk said it lost; lessons of their time settle."""
    decision = Closing(body.reason, principal.actor)
    return _span_read(lost_decisions.close_span(db, kiosk_id, span_id, decision, now()))


@router.post("/kiosks/{kiosk_id}/missing-events/close")
def close_missing_events(
    kiosk_id: uuid.UUID, body: MissingEventsClose, principal: AdminDep, db: DBDep
) -> LostSpanRead:
    """Stop waiting for numbers that never arrived; where they arrive after all, they count."""
    decision = Closing(body.reason, principal.actor)
    span = Run(body.first, body.last)
    return _span_read(lost_decisions.close_missing(db, kiosk_id, span, decision, now()))


def _span_read(row: LostSpan) -> LostSpanRead:
    return LostSpanRead(
        id=row.id,
        first=row.first,
        last=row.last,
        missing=row.missing,
        from_at=row.from_at,
        through_at=row.through_at,
        reason=row.reason,
        event_id=row.event_id,
        noted_at=row.noted_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        close_reason=row.close_reason,
    )
