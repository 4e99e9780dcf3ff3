"""Taking over events that were saved out of another file, with the numbers they had."""

import json
import sqlite3
from dataclasses import dataclass

from kiosk.storage import day_memory, gaps, kept
from kiosk.storage.chain import Chain, ChainHead, insert
from protocol.v1.messages import AttendanceEvent, RawEvent, UnsignedEvent
from protocol.v1.signing import read_event


@dataclass(frozen=True, slots=True)
class SavedEvent:
    """An event found in a file.

    Attributes:
        raw: exactly as it was signed.
        seq: its number.
        delivered_ms: when the server said that it has it (Unix ms); None where it waited, or where
            the file does not say.
    """

    raw: RawEvent
    seq: int
    delivered_ms: int | None


@dataclass(frozen=True, slots=True)
class Salvage:
    """What a damaged file still gave.

    Attributes:
        events: of this kiosk, signed by its key, by number.
        head: of the chain, if it was readable.
        others: of other identities, or signed by another key.
    """

    events: tuple[SavedEvent, ...]
    head: ChainHead | None
    others: tuple[SavedEvent, ...] = ()


def adopt(db: sqlite3.Connection, chain: Chain, saved: Salvage, written: int) -> int:
    """Put saved events into the table and note which numbers are missing beside them.

    Args:
        db: in a transaction; the chain has begun.
        chain: of the file that takes over.
        saved: what to take over.
        written: the highest number that the number file knows.

    Returns:
        How many events were taken over.
    """
    begun_seq = chain.head(db).seq
    taken, displaced = _insert_free(db, saved.events)
    for span, _ in kept.runs_of([(event.seq, None) for event in taken]):
        gaps.came_back(db, span)
    day_memory.adopt(db, taken)
    _move_head(db, chain, saved, taken, written)
    lowest = min((one.seq for one in saved.events), default=begun_seq + 1)
    chain.begin_above(db, min(begun_seq, lowest - 1, chain.begun_seq(db)))
    gaps.find_lost(db, chain.begun_seq(db), chain.head(db).seq)
    for raw in displaced:
        chain.add(db, UnsignedEvent.model_validate(raw))
    return len(taken) + len(displaced)


def collect(db: sqlite3.Connection, chain: Chain, events: tuple[SavedEvent, ...]) -> None:
    """Put events of another identity into a new file, as they are.

    Args:
        db: in a transaction; the file is empty.
        chain: names whose events they are.
        events: of one kiosk, by number.
    """
    taken, _ = _insert_free(db, events)
    chain.set_head(db, ChainHead(taken[-1].seq, taken[-1].hash) if taken else ChainHead())


def _insert_free(
    db: sqlite3.Connection, saved: tuple[SavedEvent, ...]
) -> tuple[list[AttendanceEvent], list[RawEvent]]:
    """Insert what has its number free; return that, and what needs another number."""
    taken: list[AttendanceEvent] = []
    displaced: list[RawEvent] = []
    for one in saved:
        event = read_event(one.raw)
        is_here = "SELECT id = ? FROM event WHERE id = ? OR seq = ? ORDER BY 1 DESC"
        row = db.execute(is_here, (event.id, event.id, event.seq)).fetchone()
        if row is None:
            insert(db, event, json.dumps(one.raw), delivered_ms=one.delivered_ms)
            taken.append(event)
        elif not row[0]:
            displaced.append(one.raw)
    return taken, displaced


def _move_head(
    db: sqlite3.Connection,
    chain: Chain,
    saved: Salvage,
    taken: list[AttendanceEvent],
    written: int,
) -> None:
    """Go on above the highest number that anything knows of."""
    known = [chain.head(db)]
    known += [ChainHead(event.seq, event.hash) for event in taken[-1:]]
    known += [saved.head] if saved.head is not None else []
    best = max(known, key=lambda head: (head.seq, head.is_event))
    if written > best.seq:
        best = ChainHead(written, best.hash, is_event=False)
    chain.set_head(db, best)
