"""A kiosk on a database that every example rolls back, and histories of what it sends."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import strategies as st
from sqlmodel import Session

from protocol.v1.events import MAX_RANGES_PER_ACK
from protocol.v1.messages import Ack, RawEvent
from server.attendance.ingest import take_in
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.db.types import now
from server.kiosks.runs import runs_of
from server.kiosks.service import create_kiosk
from server.kiosks.tables import Kiosk, KioskState
from server.timetable.service import create_room
from tests.fakes.simulated_kiosk import SimulatedKiosk

AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
_names = itertools.count(1)


@dataclass(frozen=True)
class Part:
    """One event of a chain: a sighting, or a gap event with the span it states."""

    seq: int
    span: tuple[int, int] | None = None


@dataclass
class HeldNumbers:
    """The numbers in the server's keeping, as a plain set."""

    held: set[int] = field(default_factory=set)

    def take(self, part: Part) -> None:
        self.held.add(part.seq)
        if part.span is not None:
            self.held |= set(range(part.span[0], part.span[1] + 1))

    @property
    def word(self) -> tuple[int, list[tuple[int, int]]]:
        """What an ack has to say: the end of the first run, and the runs after it."""
        through = next(number for number in itertools.count() if number + 1 not in self.held)
        beyond = runs_of(number for number in self.held if number > through)
        return through, [(run.first, run.last) for run in beyond][:MAX_RANGES_PER_ACK]


class ChainMaker:
    """Signs each event once, so that thousands of histories are made of the same ones."""

    def __init__(self, device: SimulatedKiosk) -> None:
        self.device = device
        self.made: dict[Part, RawEvent] = {}

    def event(self, part: Part) -> RawEvent:
        if part not in self.made:
            self.device.seq = part.seq - 1
            span = part.span
            self.made[part] = self.device.gap(AT, *span) if span else self.device.event(AT)
        return self.made[part]


def word_of(ack: Ack) -> tuple[int, list[tuple[int, int]]]:
    """What an ack says, to compare with the model."""
    return ack.stored_through, [(run.first, run.last) for run in ack.stored_beyond]


def claimed_kiosk(database: Database) -> SimulatedKiosk:
    """Add a claimed kiosk, without the cost of a claim."""
    device, number = SimulatedKiosk(), next(_names)
    with database.transaction() as db:
        room = create_room(db, f"Sequence room {number}", actor="system")
        kiosk = create_kiosk(db, name=f"Sequence kiosk {number}", room_id=room.id, actor="system")
        row = db.get_one(Kiosk, kiosk.id)
        row.state, row.claimed_at = KioskState.CLAIMED, now()
        row.signing_key = device.claim_request("ABCD2345").signing_key
        db.add(row)
        device.kiosk_id = row.wire_id
    return device


def send(db: Session, device: SimulatedKiosk, *events: RawEvent) -> Ack:
    """Take one batch in."""
    delivery = Delivery(device.kiosk_id, device.batch(list(events)))
    return take_in(db, [delivery], now()).acks[0]


@contextmanager
def undone(database: Database) -> Iterator[Session]:
    """A transaction that leaves no trace."""
    with database.transaction() as db:
        trial = db.begin_nested()
        yield db
        trial.rollback()


@st.composite
def histories(draw: st.DrawFn) -> list[list[Part]]:
    """Batches of one chain as they arrive: some lost, some repeated, in any order."""
    parts = [Part(1)]
    for seq in range(2, draw(st.integers(2, 24)) + 1):
        is_gap = draw(st.integers(0, 4)) == 0
        first = draw(st.integers(1, seq - 1)) if is_gap else 0
        parts.append(Part(seq, (first, draw(st.integers(first, seq - 1))) if is_gap else None))
    cuts = sorted(draw(st.sets(st.integers(1, len(parts) - 1), max_size=6)))
    edges = [0, *cuts, len(parts)]
    batches = [parts[one:other] for one, other in itertools.pairwise(edges)]
    return draw(st.lists(st.sampled_from(batches), min_size=1, max_size=10))
