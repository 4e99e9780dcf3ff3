"""The quarantine for clients: list, accept, discard."""

import uuid
from datetime import datetime
from typing import Literal

from fastapi import Response
from pydantic import BaseModel, Field

from server.attendance import quarantine_decisions as decisions
from server.attendance import quarantine_listing as listing
from server.attendance.quarantine_access import FilterDep, ReaderDep, may_see_people
from server.attendance.quarantine_decisions import Decision
from server.attendance.quarantine_listing import QuarantineItem
from server.attendance.tables import QuarantineDecision
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable.schemas import Reason
from server.web.access import AdminDep
from server.web.cursors import ListQueryDep
from server.web.list_schemas import ListPart
from server.web.routes import GuardedRouter
from server.web.strict import StrictInput

_LIST = "quarantine"
router = GuardedRouter(prefix="/api/v1", tags=["quarantine"])


class QuarantinedRead(BaseModel):
    """An event in quarantine."""

    id: uuid.UUID
    kiosk_id: str
    event_id: str | None
    seq: int | None
    cause: str = Field(description="why it did not enter the record")
    occurred_at: datetime | None = Field(description="what the kiosk's clock said")
    person_id: uuid.UUID | None = Field(description="null where the account may see nobody")
    received_at: datetime
    due_at: datetime | None = Field(description="when it is judged again automatically")
    may_be_accepted: bool
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


class QuarantineList(ListPart):
    """Some events in quarantine, newest first."""

    events: list[QuarantinedRead]
    dropped: int = Field(
        description="messages without a valid signature that were counted and not kept, of the"
        " kiosk that was asked for or of all"
    )


class QuarantineDecide(StrictInput):
    """Accept or discard, and why."""

    decision: Literal[QuarantineDecision.ACCEPTED, QuarantineDecision.DISCARDED]
    reason: Reason


class QuarantineAcceptAll(StrictInput):
    """Accept what waits of one kiosk for one cause, and why."""

    kiosk_id: uuid.UUID
    cause: str = Field(max_length=48)
    reason: Reason


class QuarantineAccepted(BaseModel):
    """How many events were accepted; ask again while it is not 0."""

    accepted: int


@router.get("/quarantine")
def read_quarantine(
    principal: ReaderDep, db: ReadDBDep, which: FilterDep, asked: ListQueryDep
) -> QuarantineList:
    """Events in quarantine, newest first."""
    sees_people = may_see_people(principal)
    wanted = asked.wanted(_LIST, listing.ORDER)
    part = listing.quarantine_part(db, which, wanted, with_people=sees_people)
    return QuarantineList(
        events=[_read(item, sees_people=sees_people) for item in part.rows],
        dropped=listing.dropped_of(db, which.kiosk_id),
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


@router.post("/quarantine/accept")
def accept_all(principal: AdminDep, db: DBDep, body: QuarantineAcceptAll) -> QuarantineAccepted:
    """Accept at most 200 events of one kiosk that wait for one cause, the oldest first."""
    decision = Decision(principal.actor, body.reason, now())
    accepted = decisions.accept_all(db, body.kiosk_id, body.cause, decision)
    return QuarantineAccepted(accepted=accepted)


@router.post("/quarantine/{row_id}/decision", status_code=204)
def decide(principal: AdminDep, db: DBDep, row_id: uuid.UUID, body: QuarantineDecide) -> Response:
    """Accept or discard an event."""
    decision = Decision(principal.actor, body.reason, now())
    if body.decision == QuarantineDecision.ACCEPTED:
        decisions.accept(db, row_id, decision)
    else:
        decisions.discard(db, row_id, decision)
    return Response(status_code=204)


def _read(item: QuarantineItem, *, sees_people: bool) -> QuarantinedRead:
    row, event = item.row, item.readable.event
    return QuarantinedRead(
        id=row.id,
        kiosk_id=row.kiosk_id,
        event_id=row.event_id,
        seq=row.seq,
        cause=row.reason,
        occurred_at=item.occurred_at,
        person_id=event.person_id if event and sees_people else None,
        received_at=row.received_at,
        due_at=row.due_at,
        may_be_accepted=not item.readable.obstacle,
        decision=row.decision,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.decision_reason,
    )
