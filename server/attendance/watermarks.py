"""A kiosk's word that it has sent everything up to a moment: believed only where it is proven."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, func, or_, select

from protocol.v1 import signing, statements
from protocol.v1.errors import ProtocolError
from protocol.v1.events import never_before
from protocol.v1.messages import ClockSource, Watermark
from server.attendance.chains import event_hash_at, follow_watermark
from server.attendance.clock_corrections import learn_from_watermark
from server.attendance.register import CLOCK_TOLERANCE
from server.attendance.tables import StoredEvent
from server.kiosks.placements import placements_of
from server.kiosks.service import lock_chain
from server.kiosks.tables import Kiosk, KioskPlacement, KioskProgress

logger = logging.getLogger(__name__)

_TRUSTED = (ClockSource.NTP.value, ClockSource.SERVER.value)


def take_watermark(
    db: Session,
    kiosk: Kiosk,
    progress: KioskProgress,
    watermark: Watermark | None,
    at: datetime,
) -> None:
    """Take in a watermark that came with a batch or a status, and move what it proves.

    It counts once every event it speaks of is here and the newest of them is the one it names,
    and never for a time that is yet to come. A kiosk whose identity two devices use is not
    believed.

    Args:
        db: the caller's.
        kiosk: whose topic or token it came by.
        progress: of that kiosk, locked by the caller.
        watermark: from a peer that may be hostile; None where none came.
        at: the server's clock.
    """
    if watermark is not None and _is_genuine(watermark, kiosk):
        held = _held_hash(db, progress, watermark.seq)
        differs = held is not None and held != watermark.head
        follow_watermark(db, progress, watermark, differs=differs, at=at)
        if not differs:
            learn_from_watermark(db, kiosk, watermark)
        bounded = min(watermark.through, at)
        is_newer = progress.claimed_through is None or bounded > progress.claimed_through
        if is_newer and not differs:
            progress.claimed_through = bounded
            progress.claimed_seq, progress.claimed_head = watermark.seq, watermark.head
    settle_watermark(db, progress)


def believed(through: datetime | None, at: datetime) -> datetime | None:
    """Return how far a kiosk has reported; None where that is a time yet to come.

    Nobody can report for the future: a clock was wrong then.
    """
    is_possible = through is not None and through <= at + CLOCK_TOLERANCE
    return through if is_possible else None


def kiosks_ahead(db: Session, at: datetime) -> Sequence[uuid.UUID]:
    """Return the kiosks that have reported for a time yet to come."""
    latest = at + CLOCK_TOLERANCE
    table, place = KioskProgress, KioskPlacement
    reported = select(table.kiosk_id).where(
        or_(col(table.synced_through) > latest, col(table.claimed_through) > latest)
    )
    left = select(place.kiosk_id).where(col(place.reported_through) > latest)
    return sorted({*db.exec(reported), *db.exec(left)})


def take_back_future(db: Session, kiosk_id: uuid.UUID, at: datetime) -> None:
    """Take back what a kiosk reported for a time yet to come: the server's clock was ahead.

    What is certain is the newest event that is here with all before it: everything until then was
    reported. The kiosk's next watermark says the rest; until it comes, lessons since then wait.

    Args:
        db: the caller's.
        kiosk_id: whose.
        at: the server's clock, which is right again. Where it is wrong now instead, and behind,
            lessons wait for the next watermark without need.
    """
    _kiosk, progress = lock_chain(db, kiosk_id)
    if progress is None:
        return
    certain = _certain_through(db, progress, at)
    if believed(progress.synced_through, at) is None:
        progress.synced_through = certain
    if believed(progress.claimed_through, at) is None:
        progress.claimed_through, progress.claimed_head = progress.synced_through, None
    db.add(progress)
    for row in placements_of(db, kiosk_id):
        if row.reported_through is not None and believed(row.reported_through, at) is None:
            row.reported_through = certain
            db.add(row)
    logger.warning("server clock went back, watermark taken back id=%s", kiosk_id)


def _certain_through(db: Session, progress: KioskProgress, at: datetime) -> datetime | None:
    query = select(func.max(StoredEvent.counted_at)).where(
        StoredEvent.kiosk_id == progress.kiosk_id,
        col(StoredEvent.seq) <= progress.stored_through,
        col(StoredEvent.clock_source).in_(_TRUSTED),
        col(StoredEvent.not_before).is_(None),
        col(StoredEvent.counted_at) <= at,
    )
    return db.exec(query).first()


def settle_watermark(db: Session, progress: KioskProgress) -> None:
    """Move the watermark to what was claimed last, if its events are here by now."""
    is_waiting = progress.claimed_through is not None and (
        progress.synced_through is None or progress.claimed_through > progress.synced_through
    )
    if not is_waiting or progress.claimed_head is None or progress.forked_at is not None:
        return
    if progress.stored_through < progress.claimed_seq:
        return
    held = _held_hash(db, progress, progress.claimed_seq)
    if held is not None and held != progress.claimed_head:
        progress.claimed_through, progress.claimed_head = progress.synced_through, None
        return
    progress.synced_through = never_before(progress.synced_through, progress.claimed_through)


def _is_genuine(watermark: Watermark, kiosk: Kiosk) -> bool:
    if watermark.kiosk_id != kiosk.wire_id or kiosk.signing_key is None:
        logger.warning("watermark refused id=%s reason=wrong_kiosk", kiosk.id)
        return False
    try:
        statements.verify_watermark(watermark, signing.public_key(kiosk.signing_key))
    except ProtocolError:
        logger.warning("watermark refused id=%s reason=bad_signature", kiosk.id)
        return False
    return True


def _held_hash(db: Session, progress: KioskProgress, seq: int) -> str | None:
    return signing.GENESIS_HASH if seq == 0 else event_hash_at(db, progress.kiosk_id, seq)
