"""Take batches in: verify, store once, quarantine the rest, and say what is in our keeping.

Used by the MQTT link and by the HTTP endpoint alike. One call is one transaction of the caller's;
an ack may leave only after that transaction has committed.
"""

import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlmodel import Session, col, select

from protocol.v1 import signing
from protocol.v1.events import MAX_REFUSALS_PER_ACK
from protocol.v1.messages import (
    Ack,
    EventBatch,
    EventKind,
    EventRefusal,
    RefusalReason,
)
from server.attendance.beforehand import Beforehand, kiosks_due, look_beforehand
from server.attendance.chains import follow_chains
from server.attendance.clock_corrections import (
    EventTime,
    is_correctable,
    learn_from_events,
    times_of,
)
from server.attendance.gaps import is_sound, take_gaps
from server.attendance.key_history import judge_by_time
from server.attendance.quarantine import discarded_ids, due_events, settle
from server.attendance.quarantine_keeping import Kept, keep_in_quarantine
from server.attendance.register import MARKING_KINDS
from server.attendance.sequence import Link, lost_numbers, move_progress
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.attendance.verification import (
    Accepted,
    Delivery,
    Rejected,
    open_batch,
    refuse_known,
    reject_all,
)
from server.attendance.watermarks import take_watermark
from server.credentials.tables import CodeUse
from server.db.bulk import BulkInsert
from server.kiosks.claims import KioskKeys, keys_of
from server.kiosks.runs import runs_beyond
from server.kiosks.service import Locked, lock_chain, lock_chains
from server.kiosks.tables import Kiosk, KioskProgress, KioskState
from server.networks.scans import forget_events

_STORING = BulkInsert(StoredEvent)
_CHUNK = 500
#: Events a kiosk may be ahead of what was received. A number beyond is no backlog; it would leave
#: none for the kiosk that claims this place next.
LONGEST_LEAP = 10_000_000


@dataclass
class Harvest:
    """What the deliveries of one kiosk came to, before and after the database was asked."""

    kiosk_id: str
    kiosk: Kiosk | None = None
    #: Locked. None where there is no such kiosk; then nothing is stored.
    progress: KioskProgress | None = None
    batches: list[EventBatch] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    #: Accepted and not known yet.
    fresh: list[Accepted] = field(default_factory=list)
    #: Accepted, but their number belongs to another event.
    forked: list[Accepted] = field(default_factory=list)
    #: The fresh ones, as their table holds them.
    rows: list[dict[str, Any]] = field(default_factory=list)
    #: Whether it may have stated that it lost events which may still be found.
    has_lost: bool = True
    #: What became of what was rejected.
    kept: Kept = field(default_factory=Kept)


@dataclass(frozen=True)
class Intake:
    """The outcome of one call.

    Attributes:
        acks: for each kiosk that delivered, to send after the commit in this order. One ack names
            so many refusals and no more; several together name them all.
        stored: events new to the record.
        repeated: events that were there already.
        refused: events or batches that went to quarantine and were not there already.
        dropped: those that were refused and not kept, as their kiosk has sent too much unsigned.
    """

    acks: tuple[Ack, ...]
    stored: int
    repeated: int
    refused: int
    dropped: int


def take_in(db: Session, deliveries: Sequence[Delivery], at: datetime) -> Intake:
    """Take in batches of any kiosks.

    Args:
        db: the database session; the caller commits.
        deliveries: in the order they came.
        at: the server's clock.
    """
    in_order = sorted(deliveries, key=attrgetter("kiosk_id"))
    by_kiosk = {one: list(own) for one, own in groupby(in_order, key=attrgetter("kiosk_id"))}
    locked = lock_chains(db, [key for key in map(_key, by_kiosk) if key is not None])
    harvests = [Harvest(one, *_of(one, locked)) for one in by_kiosk]
    for harvest in harvests:
        _judge_all(harvest, by_kiosk[harvest.kiosk_id], keys_of(db, harvest.kiosk), at)
    _store_all(db, harvests, at)
    acks = [ack for harvest in harvests for ack in _acks(db, harvest, at)]
    stored = sum(len(harvest.fresh) for harvest in harvests)
    sound = sum(len(harvest.accepted) for harvest in harvests)
    refused = sum(harvest.kept.new for harvest in harvests)
    dropped = sum(harvest.kept.dropped for harvest in harvests)
    return Intake(tuple(acks), stored, sound - stored, refused, dropped)


def store_kept(
    db: Session, kiosk_id: uuid.UUID, at: datetime, *, accepted: Sequence[Accepted] = ()
) -> int:
    """Store events from the quarantine: those accepted now, and those no longer in the future.

    Args:
        db: the database session; the caller commits.
        kiosk_id: whose.
        at: the server's clock.
        accepted: by an admin; read from the quarantine.

    Returns:
        How many are new to the record.
    """
    harvest = Harvest(str(kiosk_id), *lock_chain(db, kiosk_id))
    harvest.accepted = list(accepted)
    _store_all(db, [harvest], at)
    return len(harvest.fresh)


def _store_all(db: Session, harvests: Sequence[Harvest], at: datetime) -> None:
    """Store what counts, with one statement for the events of all kiosks, and keep the rest."""
    known = {
        one.kiosk.id: (one, one.kiosk, one.progress)
        for one in harvests
        if one.kiosk is not None and one.progress is not None
    }
    due = kiosks_due(db, list(known), at)
    for harvest, kiosk, _progress in known.values():
        harvest.accepted += due_events(db, kiosk.id, at) if kiosk.id in due else []
    brought = {key: (one.accepted, one.batches) for key, (one, *_) in known.items()}
    before = look_beforehand(db, brought, {key: one[2] for key, one in known.items()})
    for harvest, kiosk, progress in known.values():
        _place_all(db, harvest, kiosk, progress, before)
        _make_rows(db, harvest, kiosk, progress, before.boots_of(kiosk.id), at)
    rows = [row for harvest in harvests for row in harvest.rows]
    if rows:
        _STORING.add(db, rows)
    for harvest, kiosk, progress in known.values():
        _follow(db, harvest, kiosk, progress, before, at)
    for harvest in harvests:
        _keep(db, harvest, before, at)


def _keep(db: Session, harvest: Harvest, before: Beforehand, at: datetime) -> None:
    harvest.kept = keep_in_quarantine(db, harvest.kiosk_id, harvest.rejected, at)
    if harvest.progress is not None and harvest.kept.new:
        harvest.progress.refused += harvest.kept.new
        db.add(harvest.progress)
    kiosk = harvest.kiosk
    refused = {one.event_id for one in harvest.rejected if one.is_authentic and one.event_id}
    if kiosk is not None and (refused or kiosk.id in before.apart):
        settle(db, kiosk.id, refused | {one.event.id for one in harvest.accepted}, at)


def _of(kiosk_id: str, locked: Mapping[uuid.UUID, Locked]) -> Locked:
    key = _key(kiosk_id)
    return (None, None) if key is None else locked.get(key, (None, None))


def _key(kiosk_id: str) -> uuid.UUID | None:
    try:
        key = uuid.UUID(kiosk_id)
    except ValueError:
        return None
    return key if str(key) == kiosk_id else None


def _judge_all(
    harvest: Harvest, deliveries: Iterable[Delivery], keys: KioskKeys | None, at: datetime
) -> None:
    for delivery in deliveries:
        refusal = _blanket_refusal(harvest.kiosk, delivery)
        batch = open_batch(delivery)
        if isinstance(batch, Rejected):
            harvest.rejected.append(batch)
        elif refusal is not None or keys is None:
            reason = refusal or RefusalReason.UNKNOWN_KIOSK
            harvest.rejected.extend(reject_all(batch.events, reason))
        else:
            harvest.batches.append(batch)
            for raw in batch.events:
                verdict = judge_by_time(raw, harvest.kiosk_id, keys, at)
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


def _blanket_refusal(kiosk: Kiosk | None, delivery: Delivery) -> RefusalReason | None:
    if kiosk is None or kiosk.state == KioskState.NEW:
        return RefusalReason.UNKNOWN_KIOSK
    is_out = kiosk.state == KioskState.REVOKED and not delivery.is_earlier
    return RefusalReason.REVOKED_KIOSK if is_out else None


def _place_all(
    db: Session, harvest: Harvest, kiosk: Kiosk, progress: KioskProgress, before: Beforehand
) -> None:
    is_usual, is_apart = kiosk.id in before.usual, kiosk.id in before.apart
    known = _Known({}, {}) if is_usual else _known(db, kiosk.id, harvest.accepted)
    discarded = discarded_ids(db, kiosk.id, harvest.accepted) if is_apart else set()
    for one in harvest.accepted:
        is_leap = one.event.seq > progress.highest_seq + LONGEST_LEAP
        if one.kept is not None:
            _place_kept(harvest, known, one, is_leap=is_leap)
        elif one.event.id in discarded:
            harvest.rejected.append(refuse_known(one, RefusalReason.REUSED_ID))
        elif is_leap:
            harvest.rejected.append(refuse_known(one, RefusalReason.LEAP))
        elif not is_sound(one.event):
            harvest.rejected.append(refuse_known(one, RefusalReason.MALFORMED))
        else:
            _place(harvest, known, one)
    forget_events(db, kiosk.id, _taken_back(harvest))
    has_gap = any(one.event.kind == EventKind.GAP for one in harvest.fresh)
    harvest.has_lost = has_gap or kiosk.id in before.stated


def _make_rows(
    db: Session,
    harvest: Harvest,
    kiosk: Kiosk,
    progress: KioskProgress,
    boots: Collection[str],
    at: datetime,
) -> None:
    hashes = _hashes_before(db, progress, harvest)
    learn_from_events(db, kiosk, harvest.fresh, known=boots)
    times = times_of(db, kiosk, progress, harvest.fresh, at)
    harvest.rows = [_row(kiosk.id, one, hashes, times[one.event.id], at) for one in harvest.fresh]


def _follow(
    db: Session,
    harvest: Harvest,
    kiosk: Kiosk,
    progress: KioskProgress,
    before: Beforehand,
    at: datetime,
) -> None:
    """Move what is known of a kiosk past the events that were just stored."""
    _note_codes(db, harvest.fresh, harvest.rows)
    torn = {row["seq"] for row in harvest.rows if row["is_chain_torn"]}
    progress.torn += len(torn)
    numbered = [one for one in harvest.fresh if one.has_number]
    follow_chains(db, progress, numbered, forked=harvest.forked, departed=torn, at=at)
    fresh = [Link(one.event.seq, one.event.hash) for one in numbered]
    move_progress(db, progress, fresh, _kept_apart(harvest, progress), at)
    stated = [one.event for one in numbered if is_sound(one.event)]
    take_gaps(db, kiosk, progress, stated, at)
    boots = before.boots_of(kiosk.id)
    for batch in harvest.batches:
        take_watermark(db, kiosk, progress, batch.watermark, at, boots=boots)
    db.add(progress)


def _note_codes(db: Session, fresh: Sequence[Accepted], rows: Sequence[dict[str, Any]]) -> None:
    """Note the codes of phones that a kiosk accepted; most events have none."""
    for one, row in zip(fresh, rows, strict=True):
        if one.event.code_id is not None and one.event.kind == EventKind.SEEN:
            db.add(
                CodeUse(
                    code_id=one.event.code_id,
                    kiosk_id=row["kiosk_id"],
                    event_id=row["id"],
                    person_id=row["person_id"],
                    counted_at=row["counted_at"],
                    received_at=row["received_at"],
                )
            )


def _kept_apart(harvest: Harvest, progress: KioskProgress) -> list[Link]:
    """Refused events whose numbers count as received; that of a forked one is another event's.

    Whatever else was wrong with an event, a number far ahead of all others does not count.
    """
    most = progress.highest_seq + LONGEST_LEAP
    return [
        Link(one.seq, one.hash)
        for one in harvest.rejected
        if one.is_authentic and one.hash and one.reason != RefusalReason.FORK
        if one.seq and one.seq <= most
    ]


@dataclass
class _Known:
    """What the database holds of the ids and sequence numbers at hand; grows with each event."""

    hash_by_id: dict[str, str]
    id_by_seq: dict[int, str]
    #: Events that have no number in the record.
    unnumbered: set[str] = field(default_factory=set)


def _known(db: Session, kiosk_id: uuid.UUID, accepted: Sequence[Accepted]) -> _Known:
    known = _Known({}, {})
    for start in range(0, len(accepted), _CHUNK):
        part = accepted[start : start + _CHUNK]
        ids = [one.event_id for one in part]
        seqs = [one.event.seq for one in part]
        query = select(StoredEvent.id, StoredEvent.seq, StoredEvent.hash).where(
            col(StoredEvent.kiosk_id) == kiosk_id,
            col(StoredEvent.id).in_(ids) | col(StoredEvent.seq).in_(seqs),
        )
        for event_id, seq, digest in db.exec(query):
            known.hash_by_id[str(event_id)] = digest
            if seq is not None:
                known.id_by_seq[seq] = str(event_id)
            else:
                known.unnumbered.add(str(event_id))
    return known


def _place(harvest: Harvest, known: _Known, one: Accepted) -> None:
    """Place what its kiosk sent.

    The kiosk gives another number to an event whose number is taken, but it has its present key
    alone: one that an earlier key signed is stored without a number.
    """
    event = one.event
    if event.id in known.hash_by_id:
        is_unheld = event.id in known.unnumbered and event.seq not in known.id_by_seq
        if is_unheld or known.hash_by_id[event.id] != event.hash:
            harvest.rejected.append(refuse_known(one, RefusalReason.REUSED_ID))
        return
    if event.seq in known.id_by_seq and one.earlier_since is not None:
        one = replace(one, has_number=False)
    elif event.seq in known.id_by_seq:
        harvest.rejected.append(refuse_known(one, RefusalReason.FORK))
        harvest.forked.append(one)
        return
    known.hash_by_id[event.id] = event.hash
    if one.has_number:
        known.id_by_seq[event.seq] = event.id
    harvest.fresh.append(one)


def _place_kept(harvest: Harvest, known: _Known, one: Accepted, *, is_leap: bool) -> None:
    """Place an event from the quarantine. It never takes a number that a kiosk may still use."""
    event = one.event
    if event.id in known.hash_by_id:
        return
    is_authentic = one.kept is not None and one.kept.is_authentic
    has_number = is_authentic and not is_leap and event.seq not in known.id_by_seq
    known.hash_by_id[event.id] = event.hash
    if has_number:
        known.id_by_seq[event.seq] = event.id
    harvest.fresh.append(replace(one, has_number=has_number))


def _hashes_before(db: Session, progress: KioskProgress, harvest: Harvest) -> dict[int, set[str]]:
    """Hashes by sequence number, for the events that stand right before the fresh ones."""
    hashes: dict[int, set[str]] = {0: {signing.GENESIS_HASH}}
    newest = Link(progress.highest_seq, progress.highest_hash)
    for one in harvest.fresh:
        hashes.setdefault(one.event.seq, set()).add(one.event.hash)
    for refused in harvest.rejected:
        if refused.is_authentic and refused.seq and refused.hash:
            hashes.setdefault(refused.seq, set()).add(refused.hash)
    if any(Link(one.event.seq - 1, one.event.prev_hash) == newest for one in harvest.fresh):
        hashes.setdefault(newest.seq, set()).add(newest.hash)
    missing = [one.event.seq - 1 for one in harvest.fresh if one.event.seq - 1 not in hashes]
    for start in range(0, len(missing), _CHUNK):
        part = missing[start : start + _CHUNK]
        stored = select(StoredEvent.seq, StoredEvent.hash).where(
            col(StoredEvent.kiosk_id) == progress.kiosk_id, col(StoredEvent.seq).in_(part)
        )
        kept = select(QuarantinedEvent.seq, QuarantinedEvent.hash).where(
            col(QuarantinedEvent.kiosk_id) == str(progress.kiosk_id),
            col(QuarantinedEvent.seq).in_(part),
        )
        for seq, digest in [*db.exec(stored), *db.exec(kept)]:
            if seq is not None and digest is not None:
                hashes.setdefault(seq, set()).add(digest)
    return hashes


def _row(
    kiosk_id: uuid.UUID,
    one: Accepted,
    hashes: dict[int, set[str]],
    time: EventTime,
    at: datetime,
) -> dict[str, Any]:
    event = one.event
    before = hashes.get(event.seq - 1, set())
    return {
        "kiosk_id": kiosk_id,
        "id": one.event_id,
        "seq": event.seq if one.has_number else None,
        "occurred_at": event.occurred_at,
        "counted_at": time.counted_at,
        "not_before": time.not_before,
        "is_time_corrected": time.is_corrected,
        "boot_id": event.clock.boot_id if is_correctable(one) else None,
        "uptime_s": event.clock.uptime_s if is_correctable(one) else None,
        "accepted_by": one.kept.accepted_by if one.kept else None,
        "received_at": at,
        "lesson_id": one.lesson_id,
        "person_id": one.person_id,
        "kind": event.kind,
        "method": event.method,
        "refers_to": uuid.UUID(event.refers_to) if event.refers_to else None,
        "clock_source": event.clock.source,
        "distance": event.distance,
        "margin": event.margin,
        "shown_status": event.shown,
        "direction": event.direction if event.kind in MARKING_KINDS else None,
        "hash": event.hash,
        "is_chain_torn": one.has_number and bool(before) and event.prev_hash not in before,
        "body": one.body,
    }


def ack_of(db: Session, progress: KioskProgress, at: datetime, *, has_lost: bool = True) -> Ack:
    """Return the word on what is in the server's keeping of one kiosk, without a batch.

    Its signature is the caller's to add. Whether it may have stated lost events is the caller's to
    know.
    """
    return Ack(
        kiosk_id=str(progress.kiosk_id),
        stored_through=progress.stored_through,
        stored_beyond=runs_beyond(db, progress),
        lost=lost_numbers(db, progress) if has_lost else (),
        server_time=at,
    )


def _acks(db: Session, harvest: Harvest, at: datetime) -> Iterator[Ack]:
    """Return as many acks as it takes to name every refusal.

    A kiosk counts what an ack covers and does not name as delivered; an event whose number another
    one has would be lost.
    """
    if harvest.progress is None:
        ack = Ack(kiosk_id=harvest.kiosk_id, stored_through=0, server_time=at)
    else:
        ack = ack_of(db, harvest.progress, at, has_lost=harvest.has_lost)
    refused = tuple(
        EventRefusal(id=one.event_id or "", seq=one.seq, reason=one.reason)
        for one in harvest.rejected
    )
    for start in range(0, max(len(refused), 1), MAX_REFUSALS_PER_ACK):
        part = refused[start : start + MAX_REFUSALS_PER_ACK]
        yield ack.model_copy(update={"refused": part})
