"""A kiosk's word that it has sent everything up to a moment: believed only where it is proven."""

import logging
from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session

from protocol.v1 import signing, statements
from protocol.v1.errors import ProtocolError
from protocol.v1.events import never_before
from protocol.v1.messages import Watermark
from server.attendance.chains import event_hash_at, follow_watermark
from server.attendance.clock_corrections import learn_from_watermark
from server.attendance.register import CLOCK_TOLERANCE
from server.kiosks.tables import Kiosk, KioskProgress

logger = logging.getLogger(__name__)


def take_watermark(
    db: Session,
    kiosk: Kiosk,
    progress: KioskProgress,
    watermark: Watermark | None,
    at: datetime,
    *,
    boots: Collection[str] = (),
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
        boots: of this kiosk, which are dated already.
    """
    if watermark is not None and _is_genuine(watermark, kiosk):
        held = _held_hash(db, progress, watermark.seq, watermark.head)
        differs = held is not None and held != watermark.head
        follow_watermark(db, progress, watermark, differs=differs, at=at)
        if not differs and watermark.boot_id not in boots:
            learn_from_watermark(db, kiosk, watermark, at)
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


def settle_watermark(db: Session, progress: KioskProgress) -> None:
    """Move the watermark to what was claimed last, if its events are here by now."""
    is_waiting = progress.claimed_through is not None and (
        progress.synced_through is None or progress.claimed_through > progress.synced_through
    )
    if not is_waiting or progress.claimed_head is None or progress.forked_at is not None:
        return
    if progress.stored_through < progress.claimed_seq:
        return
    held = _held_hash(db, progress, progress.claimed_seq, progress.claimed_head)
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


def _held_hash(db: Session, progress: KioskProgress, seq: int, named: str) -> str | None:
    """Return the hash of the event under a number; of the newest one it is known."""
    if seq == 0:
        return signing.GENESIS_HASH
    if (seq, named) == (progress.highest_seq, progress.highest_hash):
        return named
    return event_hash_at(db, progress.kiosk_id, seq)
