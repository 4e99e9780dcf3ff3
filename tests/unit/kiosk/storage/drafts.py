"""Events and outboxes for storage tests."""

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from kiosk.domain.clock import ClockReading
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.storage.outbox import ChainSigner, ChainStart, SQLiteOutbox
from kiosk.storage.recovery import OpenedOutbox, open_outbox
from protocol.v1.messages import (
    Ack,
    ClockSource,
    EventKind,
    EventRefusal,
    RawEvent,
    SeqRange,
)
from protocol.v1.signing import ChainLink, ChainReport, inspect_chain, private_key, verify_event
from protocol.v1.statements import sign_ack
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.school import SERVER_KEY

SIGNER = ChainSigner("k1", private_key(bytes(range(32))))


def draft(person_id: str = "p1", lesson_id: str | None = "s1") -> EventDraft:
    return EventDraft(
        kind=EventKind.SEEN,
        clock=ClockReading(START, ClockSource.NTP, 12, 3.5, "b1", 812.3456),
        lesson_id=lesson_id,
        person_id=person_id,
        policy_version=4,
        evidence=MatchEvidence(0.31, 0.2, 0.5, 0.9, "dlib-resnet-v1"),
    )


def opened(
    folder: Path,
    *,
    signer: ChainSigner = SIGNER,
    start: ChainStart | None = None,
    clock: ManualClock | None = None,
    max_events: int = 1000,
    max_kept_events: int = 1000,
) -> OpenedOutbox:
    return open_outbox(
        folder / "outbox.db",
        signer,
        start or ChainStart(),
        clock=clock or ManualClock(),
        max_events=max_events,
        max_kept_events=max_kept_events,
    )


def outbox_in(folder: Path, *, max_events: int = 1000) -> SQLiteOutbox:
    return opened(folder, max_events=max_events).outbox


def ack(
    stored_through: int,
    *refused: EventRefusal,
    kiosk_id: str = "k1",
    beyond: Sequence[tuple[int, int]] = (),
    lost: Sequence[tuple[int, int]] = (),
    after_s: float = 0.0,
) -> Ack:
    """An ack of the server; ``after_s`` seconds after START by its clock."""
    unsigned = Ack(
        kiosk_id=kiosk_id,
        stored_through=stored_through,
        stored_beyond=tuple(SeqRange(first=first, last=last) for first, last in beyond),
        refused=refused,
        lost=tuple(SeqRange(first=first, last=last) for first, last in lost),
        server_time=START + timedelta(seconds=after_s),
    )
    return sign_ack(unsigned, SERVER_KEY)


def memory_folder() -> str:
    """A new folder, in memory where the system has that: thousands of commits are not synced."""
    memory = Path("/dev/shm")
    return tempfile.mkdtemp(prefix="rollcall-", dir=memory if memory.is_dir() else None)


def hand_over(outbox: SQLiteOutbox, limit: int = 100_000) -> list[RawEvent]:
    """The events that wait, and they count as sent."""
    events = outbox.pending(limit)
    outbox.sent(max((int(str(raw["seq"])) for raw in events), default=0))
    return events


def seqs(outbox: SQLiteOutbox) -> list[int]:
    """The numbers that wait, and they count as sent."""
    return [int(str(raw["seq"])) for raw in hand_over(outbox)]


def chain_of(events: list[RawEvent], signer: ChainSigner = SIGNER) -> ChainReport:
    """Verify every event and say what their chain is like, from its beginning."""
    proven = [verify_event(event, signer.key.public_key()) for event in events]
    return inspect_chain(ChainLink(event.seq, event.hash, event.prev_hash) for event in proven)
