"""Follow the chains of a kiosk's events in the database; see `server.attendance.forks`."""

import logging
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from protocol.v1.messages import ClockSource, RefusalReason, Watermark, corrected_time
from server.attendance.forks import Chains, Head, SeenEvent
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.attendance.verification import Accepted
from server.kiosks.tables import KioskProgress

logger = logging.getLogger(__name__)

_TRUSTED = frozenset({ClockSource.NTP.value, ClockSource.SERVER.value})
_CHUNK = 500


def follow_chains(
    db: Session,
    progress: KioskProgress,
    fresh: Sequence[Accepted],
    *,
    forked: Sequence[Accepted],
    departed: Collection[int],
    at: datetime,
) -> None:
    """Follow events that just came, before the progress moves past them.

    Args:
        db: the refused ones are not in quarantine yet.
        progress: locked by the caller.
        fresh: events new to the record.
        forked: events whose number another event has.
        departed: numbers of those fresh ones that do not follow the event before them.
        at: the server's clock.
    """
    refused = _new_ones(db, progress.kiosk_id, forked)
    is_usual = progress.chains is None and not refused and not departed
    if is_usual or progress.forked_at is not None:
        return
    seen = [(one, False, one.event.seq in departed) for one in fresh]
    seen += [(one, True, True) for one in refused]
    seen.sort(key=lambda one: (one[0].event.seq, one[1]))
    chains = _chains(db, progress)
    chains.take_events(_seen(one, refused, departs) for one, refused, departs in seen)
    _keep(progress, chains, at)


def follow_watermark(
    db: Session, progress: KioskProgress, watermark: Watermark, *, differs: bool, at: datetime
) -> None:
    """Follow a kiosk's signed word about its newest event.

    Args:
        db: the caller's.
        progress: locked by the caller.
        watermark: verified.
        differs: the server holds another event under that number.
        at: the server's clock.
    """
    if progress.forked_at is not None or (progress.chains is None and not differs):
        return
    is_trusted = watermark.clock_source in _TRUSTED
    chains = _chains(db, progress)
    chains.take_head(Head(watermark.head, watermark.made_at if is_trusted else None, differs))
    _keep(progress, chains, at)


def event_hash_at(db: Session, kiosk_id: uuid.UUID, seq: int) -> str | None:
    """Return the hash of the event under a number; None where it is not in the record."""
    query = select(StoredEvent.hash).where(StoredEvent.kiosk_id == kiosk_id, StoredEvent.seq == seq)
    return db.exec(query).first()


def _chains(db: Session, progress: KioskProgress) -> Chains:
    if progress.chains is not None:
        return Chains.model_validate(progress.chains)
    query = select(StoredEvent.counted_at, StoredEvent.clock_source).where(
        StoredEvent.kiosk_id == progress.kiosk_id, StoredEvent.seq == progress.highest_seq
    )
    row = db.exec(query).first()
    at = row[0] if row is not None and row[1] in _TRUSTED else None
    return Chains.after(progress.highest_hash, at)


def _keep(progress: KioskProgress, chains: Chains, at: datetime) -> None:
    progress.chains = None if chains.is_single else chains.model_dump(mode="json")
    since = chains.forked_since
    if since is None:
        return
    progress.chains, progress.forked_at = None, at
    # What the second device has not sent may have happened at any time since then.
    if progress.synced_through is not None:
        progress.synced_through = min(progress.synced_through, since)
    logger.warning("kiosk identity used by two devices, watermark stopped id=%s", progress.kiosk_id)


def _seen(one: Accepted, is_refused: bool, departs: bool) -> SeenEvent:
    event = one.event
    clock = event.clock
    made_at = corrected_time(event.occurred_at, clock.source, clock.offset_ms)
    return SeenEvent(
        prev_hash=event.prev_hash,
        hash=event.hash,
        event_id=event.id,
        made_at=made_at if clock.source in _TRUSTED else None,
        departs=departs,
        is_refused=is_refused,
    )


def _new_ones(db: Session, kiosk_id: uuid.UUID, forked: Sequence[Accepted]) -> list[Accepted]:
    """Leave out those that were refused before: a kiosk may send one many times."""
    by_hash = {one.event.hash: one for one in forked}
    seqs = sorted({one.event.seq for one in forked})
    for start in range(0, len(seqs), _CHUNK):
        query = select(QuarantinedEvent.hash).where(
            QuarantinedEvent.kiosk_id == str(kiosk_id),
            QuarantinedEvent.reason == RefusalReason.FORK.value,
            col(QuarantinedEvent.seq).in_(seqs[start : start + _CHUNK]),
        )
        for digest in db.exec(query):
            by_hash.pop(digest or "", None)
    return list(by_hash.values())
