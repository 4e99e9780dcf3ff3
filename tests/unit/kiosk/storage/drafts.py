"""Events and outboxes for storage tests."""

from pathlib import Path

from kiosk.domain.clock import ClockReading
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.storage.outbox import ChainSigner, ChainStart, SQLiteOutbox
from kiosk.storage.recovery import OpenedOutbox, open_outbox
from protocol.v1.messages import Ack, ClockSource, EventKind, EventRefusal, RawEvent
from protocol.v1.signing import ChainLink, ChainReport, inspect_chain, private_key, verify_event
from tests.fakes.kiosk_clock import START, ManualClock

SIGNER = ChainSigner("k1", private_key(bytes(range(32))))


def draft(person_id: str = "p1", lesson_id: str | None = "s1") -> EventDraft:
    return EventDraft(
        kind=EventKind.SEEN,
        clock=ClockReading(START, ClockSource.NTP, 12, 3.5),
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
    max_events: int = 1000,
) -> OpenedOutbox:
    return open_outbox(
        folder / "outbox.db",
        signer,
        start or ChainStart(),
        clock=ManualClock(),
        max_events=max_events,
    )


def outbox_in(folder: Path, *, max_events: int = 1000) -> SQLiteOutbox:
    return opened(folder, max_events=max_events).outbox


def ack(stored_through: int, *refused: EventRefusal, kiosk_id: str = "k1") -> Ack:
    return Ack(kiosk_id=kiosk_id, stored_through=stored_through, refused=refused, server_time=START)


def chain_of(events: list[RawEvent], signer: ChainSigner = SIGNER) -> ChainReport:
    """Verify every event and say what their chain is like, from its beginning."""
    proven = [verify_event(event, signer.key.public_key()) for event in events]
    return inspect_chain(ChainLink(event.seq, event.hash, event.prev_hash) for event in proven)
