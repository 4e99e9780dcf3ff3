"""Take back what a server noted while its clock was ahead, once the clock is right again."""

import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlmodel import Session, col, func, or_, select

from protocol.v1.fields import parse_message
from protocol.v1.messages import AttendanceEvent, ClockSource
from server.attendance.clock_corrections import TRUSTED
from server.attendance.register import CLOCK_TOLERANCE
from server.attendance.tables import StoredEvent
from server.attendance.watermarks import believed
from server.kiosks.placements import placements_of
from server.kiosks.service import lock_chain
from server.kiosks.tables import Kiosk, KioskPlacement, KioskProgress

logger = logging.getLogger(__name__)


def kiosks_ahead(db: Session, at: datetime) -> Sequence[uuid.UUID]:
    """Return the kiosks that have reported for a time yet to come.

    Not those that were made later than now: then it is the present clock that is wrong.
    """
    latest = at + CLOCK_TOLERANCE
    table, place = KioskProgress, KioskPlacement
    reported = select(table.kiosk_id).where(
        or_(col(table.synced_through) > latest, col(table.claimed_through) > latest)
    )
    left = select(place.kiosk_id).where(
        col(place.reported_through) > latest, col(place.from_at) <= at
    )
    known = select(Kiosk.id).where(col(Kiosk.created_at) <= at)
    ahead = or_(col(Kiosk.id).in_(reported), col(Kiosk.id).in_(left))
    return sorted(db.exec(known.where(ahead)))


def take_back_future(db: Session, kiosk_id: uuid.UUID, at: datetime) -> None:
    """Take back what was noted about a kiosk for a time yet to come.

    Its watermark goes back to the newest event that is here with all before it: everything until
    then was reported. Its next watermark says the rest; until it comes, lessons since then wait.
    Events that count later than now by the server's clock have an uncertain time, and a person
    decides.

    Args:
        db: the caller's.
        kiosk_id: whose.
        at: the server's clock, which is right again. Where it is behind instead, lessons wait for
            the next watermark without need.
    """
    kiosk, progress = lock_chain(db, kiosk_id)
    if kiosk is None or progress is None:
        return
    certain = _certain_through(db, kiosk_id, progress.stored_through, at)
    if believed(progress.synced_through, at) is None:
        progress.synced_through = certain
    if believed(progress.claimed_through, at) is None:
        progress.claimed_through, progress.claimed_head = progress.synced_through, None
    db.add(progress)
    for row in placements_of(db, kiosk_id):
        if row.reported_through is not None and believed(row.reported_through, at) is None:
            row.reported_through = certain
            db.add(row)
    db.flush()
    _lower_bounds(db, kiosk, at)
    count = _doubt_followers(db, kiosk, at)
    logger.warning(
        "report for a time yet to come taken back kiosk=%s until=%s events=%s",
        kiosk_id,
        progress.synced_through,
        count,
    )


def _lower_bounds(db: Session, kiosk: Kiosk, at: datetime) -> None:
    """Let no event of unknown time be later than now at the earliest."""
    is_later = col(StoredEvent.not_before) > at + CLOCK_TOLERANCE
    query = select(StoredEvent.id, StoredEvent.seq).where(
        StoredEvent.kiosk_id == kiosk.id, is_later
    )
    found = db.exec(query).all()
    bound = _bound_before(db, kiosk, [seq for _id, seq in found], at)
    _change(db, kiosk, {event_id: {"not_before": bound} for event_id, _seq in found})


def _doubt_followers(db: Session, kiosk: Kiosk, at: datetime) -> int:
    """Let nobody vouch for times yet to come that kiosks took from the server's clock.

    Returns:
        How many events have an uncertain time now.
    """
    query = select(StoredEvent.id, StoredEvent.seq, StoredEvent.body).where(
        StoredEvent.kiosk_id == kiosk.id,
        col(StoredEvent.counted_at) > at + CLOCK_TOLERANCE,
        col(StoredEvent.not_before).is_(None),
    )
    found = db.exec(query).all()
    bound = _bound_before(db, kiosk, [seq for _id, seq, _body in found], at)
    doubted = [event_id for event_id, _seq, body in found if _follows_server(body)]
    _change(db, kiosk, {event_id: {"not_before": bound} for event_id in doubted})
    return len(doubted)


def _follows_server(body: str) -> bool:
    """Return whether an event counts at the server's time, not at that of its kiosk."""
    clock = parse_message(AttendanceEvent, body.encode()).clock
    offset = timedelta(milliseconds=clock.offset_ms or 0)
    return clock.source == ClockSource.SERVER or abs(offset) > CLOCK_TOLERANCE


def _bound_before(
    db: Session, kiosk: Kiosk, numbers: Iterable[int | None], at: datetime
) -> datetime:
    """Return when events of these numbers happened at the earliest."""
    first = min((one for one in numbers if one is not None), default=1)
    bound = _certain_through(db, kiosk.id, first - 1, at) or kiosk.key_since or kiosk.claimed_at
    return min(bound or at, at)


def _change(db: Session, kiosk: Kiosk, changes: Mapping[uuid.UUID, Mapping[str, object]]) -> None:
    for event_id, values in changes.items():
        is_it = (col(StoredEvent.kiosk_id) == kiosk.id) & (col(StoredEvent.id) == event_id)
        db.exec(update(StoredEvent).where(is_it).values(**values))


def _certain_through(
    db: Session, kiosk_id: uuid.UUID, through: int, at: datetime
) -> datetime | None:
    """Return the time of the newest event whose time is sure, up to a number; None: no such."""
    query = select(func.max(StoredEvent.counted_at)).where(
        StoredEvent.kiosk_id == kiosk_id,
        col(StoredEvent.seq) <= through,
        col(StoredEvent.clock_source).in_(TRUSTED),
        col(StoredEvent.not_before).is_(None),
        col(StoredEvent.counted_at) <= at,
    )
    return db.exec(query).first()
