"""Events that will not come: what a kiosk says it lost, and numbers that an admin closes."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam
from sqlmodel import Session, col, func, select

from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.db.prepared import several
from server.errors import ConflictError, NotFoundError
from server.kiosks import runs
from server.kiosks.runs import Run
from server.kiosks.tables import Kiosk, KioskProgress, LostSpan

#: Open spans of one kiosk. Further ones are added to the newest, so that a kiosk that reports
#: number after number fills no table.
MOST_OPEN = 100
NEVER_ARRIVED = "never_arrived"
FOUND = "found"
_SYSTEM = "system"
#: The order of every list of spans: open ones first, then the newest.
SPAN_ORDER = ListOrder(
    (col(LostSpan.closed_at).is_(None), col(LostSpan.noted_at), col(LostSpan.id)),
    (bool, datetime, uuid.UUID),
    is_descending=True,
)

_OPEN = (
    select(LostSpan)
    .where(
        col(LostSpan.kiosk_id).in_(several("kiosks")),
        col(LostSpan.closed_at).is_(None),
        col(LostSpan.from_at) <= bindparam("last"),
        col(LostSpan.through_at) >= bindparam("first"),
    )
    .order_by(col(LostSpan.noted_at).desc())
)


@dataclass(frozen=True)
class Bounds:
    """When lost events may have happened, UTC; `from_at` is not after `through_at`."""

    from_at: datetime
    through_at: datetime


@dataclass(frozen=True)
class Loss:
    """A span of numbers whose events are lost, why, and by which event a kiosk said so."""

    span: Run
    bounds: Bounds
    reason: str
    event_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Closing:
    """An admin's word: why, and which account."""

    reason: str
    actor: str


def note_lost(db: Session, progress: KioskProgress, loss: Loss, at: datetime) -> LostSpan | None:
    """Close the numbers of a span, and keep the span for people to decide about.

    Args:
        db: the caller's.
        progress: locked by the caller.
        loss: what is lost; numbers in the server's keeping are not.
        at: the server's clock.

    Returns:
        The span; None where no number of it is missing.
    """
    missing = runs.keep(db, progress, [loss.span], at)
    if missing == 0:
        return None
    is_full, newest = _newest_open(db, progress.kiosk_id)
    if is_full and newest is not None:
        row = _extended(newest, loss, missing)
    else:
        row = _span(progress.kiosk_id, loss, missing, at)
    db.add(row)
    db.flush()
    return row


def close_span(
    db: Session, kiosk: Kiosk, span_id: uuid.UUID, decision: Closing, at: datetime
) -> LostSpan:
    """Decide that lessons no longer wait for the events of a lost span.

    Raises:
        NotFoundError: this kiosk has no such span.
        ConflictError: it is closed already.
    """
    row = span_of(db, kiosk.id, span_id, for_update=True)
    if row.closed_at is not None:
        raise ConflictError("These lost events are closed already.", problem="span_closed")
    _close(row, decision, at)
    db.add(row)
    db.flush()
    return row


def close_missing(
    db: Session, progress: KioskProgress, loss: Loss, decision: Closing, at: datetime
) -> LostSpan:
    """Decide that numbers which never arrived will not: nothing waits for them any more.

    Args:
        db: the caller's.
        progress: locked by the caller.
        loss: the numbers; those that arrived meanwhile stay as they are.
        decision: whose it is, and why.
        at: the server's clock.

    Raises:
        ConflictError: none of these numbers is missing.
    """
    is_known = 1 <= loss.span.first <= loss.span.last < progress.highest_seq
    missing = runs.keep(db, progress, [loss.span], at) if is_known else 0
    if missing == 0:
        raise ConflictError("None of these events is missing.", problem="none_missing")
    row = _span(progress.kiosk_id, loss, missing, at)
    _close(row, decision, at)
    db.add(row)
    db.flush()
    return row


def note_found(
    db: Session,
    progress: KioskProgress,
    numbers: Sequence[int],
    kept_since: Mapping[int, datetime],
    at: datetime,
) -> None:
    """Note that events of lost spans came after all; a span without a loss is closed.

    A number was lost with the first span that covers it. A span that sums up several is left as it
    is: it covers numbers that it did not lose.

    Args:
        db: the caller's.
        progress: locked by the caller.
        numbers: of events that are new to the record.
        kept_since: since when a number was in the server's keeping before that, where it was. A
            span noted later did not lose it.
        at: the server's clock.
    """
    query = select(LostSpan).where(
        LostSpan.kiosk_id == progress.kiosk_id,
        col(LostSpan.first) <= max(numbers),
        col(LostSpan.last) >= min(numbers),
    )
    in_order = query.order_by(col(LostSpan.noted_at), col(LostSpan.id))
    left = set(numbers)
    for row in db.exec(in_order.with_for_update()):
        covered = {number for number in left if row.first <= number <= row.last}
        left -= covered
        lost = [one for one in covered if one not in kept_since or kept_since[one] > row.noted_at]
        if lost and row.closed_at is None and row.event_id is not None:
            row.missing = max(0, row.missing - len(lost))
            if row.missing == 0:
                _close(row, Closing(FOUND, _SYSTEM), at)
            else:
                _shrink(row, set(lost))
            db.add(row)


def _shrink(row: LostSpan, found: Collection[int]) -> None:
    """Let a span end where its lost numbers do: kiosks send the oldest first."""
    while row.first in found and row.first < row.last:
        row.first += 1
    while row.last in found and row.first < row.last:
        row.last -= 1


def span_of(
    db: Session, kiosk_id: uuid.UUID, span_id: uuid.UUID, *, for_update: bool = False
) -> LostSpan:
    """Return one lost span of a kiosk.

    Raises:
        NotFoundError: it has none of that id.
    """
    row = db.get(LostSpan, span_id, with_for_update=for_update)
    if row is None or row.kiosk_id != kiosk_id:
        raise NotFoundError("There are no such lost events.", problem="no_lost_events")
    return row


def spans_of(
    db: Session, kiosk_id: uuid.UUID, *, limit: int, offset: int
) -> tuple[Sequence[LostSpan], int]:
    """Return lost spans of a kiosk, open ones first, then the newest; and how many there are."""
    mine = LostSpan.kiosk_id == kiosk_id
    total = db.exec(select(func.count()).select_from(LostSpan).where(mine)).one()
    query = select(LostSpan).where(mine).order_by(*SPAN_ORDER.by())
    return db.exec(query.limit(limit).offset(offset)).all(), total


def spans_part(db: Session, kiosk_id: uuid.UUID, wanted: PartWanted) -> Part[tuple[LostSpan]]:
    """Return a part of the same list."""
    return read_part(db, select(LostSpan).where(LostSpan.kiosk_id == kiosk_id), SPAN_ORDER, wanted)


def open_spans(
    db: Session, kiosk_ids: Collection[uuid.UUID], first: datetime, last: datetime
) -> Sequence[LostSpan]:
    """Return the open lost spans of these kiosks that touch a time, the newest first."""
    values = {"kiosks": kiosk_ids, "first": first, "last": last}
    return db.execute(_OPEN, values).scalars().all()


def stated_spans(db: Session, kiosk_id: uuid.UUID, limit: int) -> Sequence[LostSpan]:
    """Return the newest open spans that a kiosk stated in one event each."""
    query = select(LostSpan).where(
        LostSpan.kiosk_id == kiosk_id,
        col(LostSpan.closed_at).is_(None),
        col(LostSpan.event_id).is_not(None),
    )
    return db.exec(query.order_by(col(LostSpan.noted_at).desc()).limit(limit)).all()


def _newest_open(db: Session, kiosk_id: uuid.UUID) -> tuple[bool, LostSpan | None]:
    is_open = (LostSpan.kiosk_id == kiosk_id, col(LostSpan.closed_at).is_(None))
    count = db.exec(select(func.count()).select_from(LostSpan).where(*is_open)).one()
    newest = select(LostSpan).where(*is_open).order_by(col(LostSpan.noted_at).desc()).limit(1)
    return count >= MOST_OPEN, db.exec(newest.with_for_update()).first()


def _span(kiosk_id: uuid.UUID, loss: Loss, missing: int, at: datetime) -> LostSpan:
    return LostSpan(
        kiosk_id=kiosk_id,
        first=loss.span.first,
        last=loss.span.last,
        missing=missing,
        from_at=loss.bounds.from_at,
        through_at=loss.bounds.through_at,
        reason=loss.reason,
        event_id=loss.event_id,
        noted_at=at,
    )


def _extended(row: LostSpan, loss: Loss, missing: int) -> LostSpan:
    row.first, row.last = min(row.first, loss.span.first), max(row.last, loss.span.last)
    row.missing += missing
    row.event_id = None
    row.from_at = min(row.from_at, loss.bounds.from_at)
    row.through_at = max(row.through_at, loss.bounds.through_at)
    return row


def _close(row: LostSpan, decision: Closing, at: datetime) -> None:
    row.closed_at, row.closed_by, row.close_reason = at, decision.actor, decision.reason
