"""Correct the times of events from before their kiosk knew the time.

A kiosk without a battery-backed clock counts seconds from its start. One trusted moment of the
same boot dates all of them: true time = trusted time - (trusted uptime - uptime).
"""

import logging
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import update
from sqlmodel import Session, col, select

from protocol.v1.messages import ClockSource, Watermark, whole_ms
from server.attendance.register import CLOCK_TOLERANCE
from server.attendance.tables import BootClock, StoredEvent
from server.attendance.verification import Accepted
from server.db.types import now
from server.db.upsert import insert_into
from server.kiosks.tables import Kiosk, KioskProgress

logger = logging.getLogger(__name__)

TRUSTED = frozenset({ClockSource.NTP.value, ClockSource.SERVER.value})
_CHUNK = 500


@dataclass(frozen=True)
class EventTime:
    """When an event counts, and how sure that is.

    Attributes:
        counted_at: UTC, ms.
        not_before: where the time is uncertain: the earliest it may have been.
        is_corrected: `counted_at` comes from a trusted moment of the same boot.
    """

    counted_at: datetime
    not_before: datetime | None = None
    is_corrected: bool = False


class _Undated(NamedTuple):
    """A stored event whose kiosk had not compared its clock."""

    id: uuid.UUID
    uptime_s: float | None
    received_at: datetime
    not_before: datetime | None


def learn(
    db: Session, kiosk: Kiosk, boot_id: str, uptime_s: float, true_at: datetime, basis: str
) -> int:
    """Note the first trusted moment of a boot and correct the events of that boot by it.

    A later moment of the same boot changes nothing.

    Args:
        db: the caller's.
        kiosk: it signed what the moment comes from.
        boot_id: names the boot.
        uptime_s: at that moment, seconds since the boot.
        true_at: that moment, UTC. Its clock source was NTP or the server.
        basis: `event:<id>` or `watermark:<number>`.

    Returns:
        How many stored events were corrected.
    """
    boot = {"kiosk_id": kiosk.id, "boot_id": boot_id}
    moment = {"uptime_s": uptime_s, "true_at": true_at, "basis": basis, "learned_at": now()}
    adding = insert_into(db, BootClock).values(boot | moment).on_conflict_do_nothing()
    if db.execute(adding.returning(col(BootClock.boot_id))).first() is None:
        return 0
    known = db.get_one(BootClock, (kiosk.id, boot_id))
    count = sum(_correct(db, known, part) for part in _chunks(_uncorrected(db, known)))
    if count:
        logger.info("event times corrected kiosk=%s events=%s basis=%s", kiosk.id, count, basis)
    return count


def learn_from_watermark(db: Session, kiosk: Kiosk, watermark: Watermark, at: datetime) -> int:
    """Learn from a watermark whose signature is verified; see `learn`.

    A moment yet to come teaches nothing: the kiosk's clock still follows a wrong one.
    """
    moment = watermark.made_at
    if watermark.clock_source not in TRUSTED or moment > at + CLOCK_TOLERANCE:
        return 0
    basis = f"watermark:{watermark.seq}"
    return learn(db, kiosk, watermark.boot_id, watermark.uptime_s, moment, basis)


def learn_from_events(
    db: Session, kiosk: Kiosk, accepted: Iterable[Accepted], *, known: Collection[str] = ()
) -> None:
    """Learn from the first trusted event of each boot among these, but for those known already."""
    learned: set[str] = set(known)
    for one in sorted(accepted, key=lambda one: one.event.seq):
        clock = one.event.clock
        is_own = one.kept is None or one.kept.accepted_by is None
        is_trusted = clock.source in TRUSTED and is_own
        if not is_trusted or clock.boot_id is None or clock.uptime_s is None:
            continue
        if clock.boot_id not in learned:
            learned.add(clock.boot_id)
            basis = f"event:{one.event.id}"
            learn(db, kiosk, clock.boot_id, clock.uptime_s, one.stated_at, basis)


def times_of(
    db: Session,
    kiosk: Kiosk,
    progress: KioskProgress,
    accepted: Iterable[Accepted],
    at: datetime,
) -> dict[str, EventTime]:
    """Decide when events count, by event id.

    What an earlier key signed is of another device, or of one that began anew: of the time of such
    an event it is known only that it was not before that key was first claimed.

    Args:
        db: the caller's.
        kiosk: they are of this one; its trusted moments are learned already.
        progress: as it was before these events.
        accepted: not stored yet.
        at: the server's clock.
    """
    events = list(accepted)
    boots = _known_boots(
        db, kiosk.id, {one.event.clock.boot_id for one in events if is_correctable(one)}
    )
    uncertain = [one for one in events if is_uncertain(one)]
    numbers = [one.event.seq for one in uncertain if one.earlier_since is None]
    bound = _earliest(db, kiosk, progress, min(numbers), at) if numbers else at
    bounds = {one.event.id: min(at, one.earlier_since or bound) for one in uncertain}
    return {one.event.id: _time_of(one, boots, at, bounds.get(one.event.id)) for one in events}


def is_uncertain(one: Accepted) -> bool:
    """Return whether nobody vouches for the time an event states."""
    is_time_doubted = one.kept is not None and one.kept.is_time_doubted
    return is_time_doubted or one.event.clock.source == ClockSource.UNSYNCED


def is_correctable(one: Accepted) -> bool:
    """Return whether a trusted moment of the same boot says more than the event itself.

    True for a clock that was never set, and for a battery-backed one that was never compared.
    """
    clock = one.event.clock
    is_bare = clock.source == ClockSource.RTC and clock.offset_ms is None
    return clock.uptime_s is not None and (is_bare or clock.source == ClockSource.UNSYNCED)


def _time_of(
    one: Accepted,
    boots: Mapping[str | None, BootClock],
    at: datetime,
    not_before: datetime | None,
) -> EventTime:
    clock = one.event.clock
    boot = boots.get(clock.boot_id)
    if boot is not None and is_correctable(one) and clock.uptime_s is not None:
        moment = _dated(boot, clock.uptime_s, received_at=at, not_before=not_before)
        if moment is not None:
            return EventTime(moment, is_corrected=True)
    return EventTime(one.stated_at, not_before)


def _dated(
    boot: BootClock, uptime_s: float, *, received_at: datetime, not_before: datetime | None
) -> datetime | None:
    """Return the time of an event of this boot; None where it cannot have been then."""
    try:
        moment = whole_ms(boot.true_at - timedelta(seconds=boot.uptime_s - uptime_s))
    except OverflowError:  # an uptime of thousands of years
        return None
    # The server's clock may have been behind when it received the event.
    is_over = moment <= max(received_at, boot.true_at) + CLOCK_TOLERANCE
    is_late_enough = not_before is None or moment >= not_before - CLOCK_TOLERANCE
    return moment if is_over and is_late_enough else None


def _known_boots(
    db: Session, kiosk_id: uuid.UUID, boot_ids: set[str | None]
) -> dict[str | None, BootClock]:
    named = boot_ids - {None}
    if not named:
        return {}
    query = select(BootClock).where(
        BootClock.kiosk_id == kiosk_id, col(BootClock.boot_id).in_(named)
    )
    return {row.boot_id: row for row in db.exec(query)}


def _earliest(
    db: Session, kiosk: Kiosk, progress: KioskProgress, first_seq: int, at: datetime
) -> datetime:
    """Return when these events happened at the earliest: a kiosk numbers events in order.

    They are later than the last event before them whose time is certain; than what the kiosk has
    reported completely; and than its claim. A bound yet to come stands there by a wrong clock.
    """
    latest = at + CLOCK_TOLERANCE
    query = (
        select(StoredEvent.counted_at)
        .where(
            StoredEvent.kiosk_id == kiosk.id,
            col(StoredEvent.seq) < first_seq,
            col(StoredEvent.not_before).is_(None),
            col(StoredEvent.counted_at) <= latest,
        )
        .order_by(col(StoredEvent.seq).desc())
    )
    claimed_at = kiosk.key_since or kiosk.claimed_at
    bounds = [db.exec(query.limit(1)).first(), claimed_at]
    if first_seq > progress.stored_through:
        bounds.append(progress.synced_through)
    possible = [bound for bound in bounds if bound is not None and bound <= latest]
    return min(at, max(possible, default=at - timedelta(days=1)))


def _uncorrected(db: Session, boot: BootClock) -> list[_Undated]:
    query = select(
        StoredEvent.id, StoredEvent.uptime_s, StoredEvent.received_at, StoredEvent.not_before
    ).where(
        StoredEvent.kiosk_id == boot.kiosk_id,
        StoredEvent.boot_id == boot.boot_id,
        col(StoredEvent.is_time_corrected).is_(False),
    )
    return [_Undated(*row) for row in db.exec(query)]


def _correct(db: Session, boot: BootClock, events: Sequence[_Undated]) -> int:
    dated = [(one, _dated_again(boot, one)) for one in events]
    rows = [
        {
            "kiosk_id": boot.kiosk_id,
            "id": one.id,
            "counted_at": moment,
            "not_before": None,
            "is_time_corrected": True,
        }
        for one, moment in dated
        if moment is not None
    ]
    if rows:
        db.execute(update(StoredEvent), rows)
    return len(rows)


def _dated_again(boot: BootClock, one: _Undated) -> datetime | None:
    if one.uptime_s is None:
        return None
    return _dated(boot, one.uptime_s, received_at=one.received_at, not_before=one.not_before)


def _chunks(rows: Sequence[_Undated]) -> Iterable[Sequence[_Undated]]:
    return (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
