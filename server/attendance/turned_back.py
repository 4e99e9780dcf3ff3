"""Take back what a server noted while its clock was ahead, once the clock is right again."""

import json
import logging
import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col, delete, func, or_, select

from server.attendance.clock_corrections import TRUSTED
from server.attendance.register import CLOCK_TOLERANCE
from server.attendance.tables import BootClock, StoredEvent
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
    Events that state a later time than now count as of unknown time: what the kiosk says next
    dates them by the time since it started, else a person decides.

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
    count = _doubt_events(db, kiosk, at)
    logger.warning(
        "report for a time yet to come taken back kiosk=%s until=%s events=%s",
        kiosk_id,
        progress.synced_through,
        count,
    )


def _doubt_events(db: Session, kiosk: Kiosk, at: datetime) -> int:
    """Let nothing vouch for times yet to come: neither the events nor what they taught."""
    latest = at + CLOCK_TOLERANCE
    is_later = (col(StoredEvent.counted_at) > latest) | (col(StoredEvent.not_before) > latest)
    query = select(StoredEvent.id, StoredEvent.seq, StoredEvent.body).where(
        StoredEvent.kiosk_id == kiosk.id, is_later
    )
    found = db.exec(query).all()
    first = min((seq for _id, seq, _body in found if seq is not None), default=1)
    not_before = _certain_through(db, kiosk.id, first - 1, at) or kiosk.claimed_at
    bounds = {"not_before": min(not_before or at, at), "received_at": at}
    rows = [
        {"kiosk_id": kiosk.id, "id": event_id, "is_time_corrected": False} | bounds | _boot(body)
        for event_id, _seq, body in found
    ]
    if rows:
        db.execute(update(StoredEvent), rows)
    is_wrong = (col(BootClock.kiosk_id) == kiosk.id) & (col(BootClock.true_at) > latest)
    db.exec(delete(BootClock).where(is_wrong))
    return len(rows)


def _boot(body: str) -> dict[str, object]:
    clock = json.loads(body)["clock"]
    return {"boot_id": clock.get("boot_id"), "uptime_s": clock.get("uptime_s")}


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
