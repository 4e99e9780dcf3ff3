"""Take batches in: verify, store once, quarantine the rest, and say what is in our keeping.

Used by the MQTT link and by the HTTP endpoint alike. One call is one transaction of the caller's;
an ack may leave only after that transaction has committed.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, col, select

from protocol.v1 import signing
from protocol.v1.events import MAX_REFUSALS_PER_ACK
from protocol.v1.messages import (
    Ack,
    EventBatch,
    EventKind,
    EventRefusal,
    RefusalReason,
    corrected_time,
)
from server.attendance.sequence import Link, move_progress, stored_runs
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.attendance.verification import (
    Accepted,
    Delivery,
    Rejected,
    judge,
    open_batch,
    refuse_known,
    reject_all,
)
from server.db.types import new_id
from server.kiosks.service import move_watermark
from server.kiosks.tables import Kiosk, KioskProgress, KioskState
from server.networks.scans import forget_events

_CHUNK = 500
#: Events a kiosk may be ahead of what was received. A number beyond is no backlog; it would leave
#: none for the kiosk that claims this place next.
LONGEST_LEAP = 10_000_000


@dataclass
class Harvest:
    """What the deliveries of one kiosk came to, before and after the database was asked."""

    kiosk_id: str
    batches: list[EventBatch] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    #: Accepted and not known yet.
    fresh: list[Accepted] = field(default_factory=list)


@dataclass(frozen=True)
class Intake:
    """The outcome of one call.

    Attributes:
        acks: one for each kiosk that delivered, to send after the commit.
        stored: events new to the record.
        repeated: events that were there already.
        refused: events or batches that went to quarantine.
    """

    acks: tuple[Ack, ...]
    stored: int
    repeated: int
    refused: int


def take_in(db: Session, deliveries: Sequence[Delivery], at: datetime) -> Intake:
    """Take in batches of any kiosks.

    Args:
        db: the database session; the caller commits.
        deliveries: in the order they came.
        at: the server's clock.
    """
    harvests = []
    acks = []
    in_order = sorted(deliveries, key=attrgetter("kiosk_id"))
    for kiosk_id, own in groupby(in_order, key=attrgetter("kiosk_id")):
        harvest = Harvest(kiosk_id)
        kiosk, progress = _lock(db, kiosk_id)
        _judge_all(harvest, own, kiosk, at)
        if kiosk is not None and progress is not None:
            _store(db, harvest, kiosk, progress, at)
        keep_in_quarantine(db, kiosk_id, harvest.rejected, at)
        harvests.append(harvest)
        acks.append(_ack(db, harvest, progress, at))
    stored = sum(len(harvest.fresh) for harvest in harvests)
    sound = sum(len(harvest.accepted) for harvest in harvests)
    refused = sum(len(harvest.rejected) for harvest in harvests)
    return Intake(tuple(acks), stored, sound - stored, refused)


def _lock(db: Session, kiosk_id: str) -> tuple[Kiosk | None, KioskProgress | None]:
    """The kiosk, and its progress locked: one writer at a time works on one kiosk's chain."""
    try:
        key = uuid.UUID(kiosk_id)
    except ValueError:
        return None, None
    progress = db.get(KioskProgress, key, with_for_update=True, populate_existing=True)
    return db.get(Kiosk, key), progress


def _judge_all(
    harvest: Harvest, deliveries: Iterable[Delivery], kiosk: Kiosk | None, at: datetime
) -> None:
    refusal = _blanket_refusal(kiosk)
    key = signing.public_key(kiosk.signing_key) if kiosk and kiosk.signing_key else None
    for delivery in deliveries:
        batch = open_batch(delivery)
        if isinstance(batch, Rejected):
            harvest.rejected.append(batch)
        elif refusal is not None or key is None:
            reason = refusal or RefusalReason.UNKNOWN_KIOSK
            harvest.rejected.extend(reject_all(batch.events, reason))
        else:
            harvest.batches.append(batch)
            for raw in batch.events:
                verdict = judge(raw, harvest.kiosk_id, key, at)
                if isinstance(verdict, Accepted):
                    harvest.accepted.append(verdict)
                else:
                    harvest.rejected.append(verdict)


def _taken_back(harvest: Harvest) -> list[uuid.UUID]:
    """The events that a person took back: no template may come of their scans."""
    events = [one.event for one in harvest.fresh]
    return [
        uuid.UUID(event.refers_to)
        for event in events
        if event.kind == EventKind.NOT_ME and event.refers_to
    ]


def _blanket_refusal(kiosk: Kiosk | None) -> RefusalReason | None:
    if kiosk is None or kiosk.state == KioskState.NEW:
        return RefusalReason.UNKNOWN_KIOSK
    return RefusalReason.REVOKED_KIOSK if kiosk.state == KioskState.REVOKED else None


def _store(
    db: Session, harvest: Harvest, kiosk: Kiosk, progress: KioskProgress, at: datetime
) -> None:
    known = _known(db, kiosk.id, harvest.accepted)
    for one in harvest.accepted:
        if one.event.seq > progress.highest_seq + LONGEST_LEAP:
            harvest.rejected.append(refuse_known(one, RefusalReason.LEAP))
        else:
            _place(harvest, known, one)
    forget_events(db, kiosk.id, _taken_back(harvest))
    hashes = _hashes_before(db, kiosk.id, harvest)
    rows = [_row(kiosk.id, one, hashes, at) for one in harvest.fresh]
    for start in range(0, len(rows), _CHUNK):
        db.execute(StoredEvent.__table__.insert(), rows[start : start + _CHUNK])  # type: ignore[attr-defined]
    progress.torn += sum(row["is_chain_torn"] for row in rows)
    progress.refused += len(harvest.rejected)
    fresh = [Link(one.event.seq, one.event.hash) for one in harvest.fresh]
    authentic = [
        Link(one.seq, one.hash)
        for one in harvest.rejected
        if one.is_authentic and one.seq and one.hash
    ]
    move_progress(db, progress, fresh, authentic, at)
    for batch in harvest.batches:
        move_watermark(progress, batch.synced_through, batch.last_seq, at)
    db.add(progress)


@dataclass
class _Known:
    """What the database holds of the ids and sequence numbers at hand; grows with each event."""

    hash_by_id: dict[str, str]
    id_by_seq: dict[int, str]


def _known(db: Session, kiosk_id: uuid.UUID, accepted: Sequence[Accepted]) -> _Known:
    known = _Known({}, {})
    for start in range(0, len(accepted), _CHUNK):
        part = accepted[start : start + _CHUNK]
        ids = [uuid.UUID(one.event.id) for one in part]
        seqs = [one.event.seq for one in part]
        query = select(StoredEvent.id, StoredEvent.seq, StoredEvent.hash).where(
            col(StoredEvent.kiosk_id) == kiosk_id,
            col(StoredEvent.id).in_(ids) | col(StoredEvent.seq).in_(seqs),
        )
        for event_id, seq, digest in db.exec(query):
            known.hash_by_id[str(event_id)] = digest
            known.id_by_seq[seq] = str(event_id)
    return known


def _place(harvest: Harvest, known: _Known, one: Accepted) -> None:
    event = one.event
    if event.id in known.hash_by_id:
        if known.hash_by_id[event.id] != event.hash:
            harvest.rejected.append(refuse_known(one, RefusalReason.REUSED_ID))
        return
    if event.seq in known.id_by_seq:
        harvest.rejected.append(refuse_known(one, RefusalReason.FORK))
        return
    known.hash_by_id[event.id] = event.hash
    known.id_by_seq[event.seq] = event.id
    harvest.fresh.append(one)


def _hashes_before(db: Session, kiosk_id: uuid.UUID, harvest: Harvest) -> dict[int, set[str]]:
    """Hashes by sequence number, for the events that stand right before the fresh ones."""
    hashes: dict[int, set[str]] = {}
    for one in harvest.fresh:
        hashes.setdefault(one.event.seq, set()).add(one.event.hash)
    for refused in harvest.rejected:
        if refused.is_authentic and refused.seq and refused.hash:
            hashes.setdefault(refused.seq, set()).add(refused.hash)
    missing = [one.event.seq - 1 for one in harvest.fresh if one.event.seq - 1 not in hashes]
    for start in range(0, len(missing), _CHUNK):
        part = missing[start : start + _CHUNK]
        stored = select(StoredEvent.seq, StoredEvent.hash).where(
            col(StoredEvent.kiosk_id) == kiosk_id, col(StoredEvent.seq).in_(part)
        )
        kept = select(QuarantinedEvent.seq, QuarantinedEvent.hash).where(
            col(QuarantinedEvent.kiosk_id) == str(kiosk_id), col(QuarantinedEvent.seq).in_(part)
        )
        for seq, digest in [*db.exec(stored), *db.exec(kept)]:
            if seq is not None and digest is not None:
                hashes.setdefault(seq, set()).add(digest)
    return hashes


def _row(
    kiosk_id: uuid.UUID, one: Accepted, hashes: dict[int, set[str]], at: datetime
) -> dict[str, Any]:
    event = one.event
    before = hashes.get(event.seq - 1, set())
    if event.seq == 1:
        before = {signing.GENESIS_HASH}
    return {
        "kiosk_id": kiosk_id,
        "id": uuid.UUID(event.id),
        "seq": event.seq,
        "occurred_at": event.occurred_at,
        "counted_at": corrected_time(event.occurred_at, event.clock.source, event.clock.offset_ms),
        "received_at": at,
        "lesson_id": one.lesson_id,
        "person_id": one.person_id,
        "kind": event.kind,
        "method": event.method,
        "refers_to": uuid.UUID(event.refers_to) if event.refers_to else None,
        "clock_source": event.clock.source,
        "distance": event.distance,
        "shown_status": event.shown,
        "hash": event.hash,
        "is_chain_torn": bool(before) and event.prev_hash not in before,
        "body": one.body,
    }


def keep_in_quarantine(
    db: Session, kiosk_id: str, rejected: Iterable[Rejected], at: datetime
) -> None:
    """Keep what was refused, with the reason; a repeat changes nothing."""
    rows = {
        one.body_hash: {
            "id": new_id(),
            "kiosk_id": kiosk_id,
            "event_id": one.event_id,
            "seq": one.seq,
            "reason": one.reason,
            "is_authentic": one.is_authentic,
            "hash": one.hash,
            "body_hash": one.body_hash,
            "body": one.body,
            "received_at": at,
        }
        for one in rejected
    }
    if rows:
        db.execute(_insert_or_ignore(db), list(rows.values()))


def _insert_or_ignore(db: Session) -> Insert:
    """A repeat of what is in quarantine changes nothing."""
    table = QuarantinedEvent.__table__  # type: ignore[attr-defined]
    if db.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()


def _ack(db: Session, harvest: Harvest, progress: KioskProgress | None, at: datetime) -> Ack:
    refused = [
        EventRefusal(id=one.event_id or "", seq=one.seq, reason=one.reason)
        for one in harvest.rejected[:MAX_REFUSALS_PER_ACK]
    ]
    return Ack(
        kiosk_id=harvest.kiosk_id,
        stored_through=progress.stored_through if progress else 0,
        stored_beyond=stored_runs(db, progress) if progress else (),
        refused=tuple(refused),
        server_time=at,
    )
