"""Time acks after a gap, by how many events came after it, SQLite beside PostgreSQL in one run.

    .venv/bin/python -m scripts.bench.sequence [--repeats 30] [--postgres URL]

Beside it stands what the server did until migration 0013: it read up to 20,000 numbers of events
and as many of quarantined ones, once to move the progress and once for the ack. Prints a Markdown
table; times are the lowest of all repeats, in milliseconds.
"""

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, select

from protocol.v1 import signing
from protocol.v1.events import MAX_RANGES_PER_ACK
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import ClockStamp, EventBatch, UnsignedEvent
from scripts.bench.ingest import make_kiosk, private_postgres
from server.attendance.ingest import ack_of, take_in
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.kiosks.tables import KioskProgress, ReceivedRun
from server.migrations.runner import upgrade
from server.timetable.service import create_room

_LOOK_AHEAD = 20_000
_CHUNK = 5000


@dataclass(frozen=True)
class Case:
    """Events after a gap at number 1: each number, or every second one."""

    events: int
    step: int = 1

    @property
    def numbers(self) -> range:
        """The numbers that these events have."""
        return range(2, 2 + self.events * self.step, self.step)

    @property
    def words(self) -> str:
        """How the table names the case."""
        gaps = f", {self.events:,} gaps" if self.step > 1 else ""
        return f"{self.events:,}{gaps}"


CASES = (Case(0), Case(20_000), Case(60_000), Case(300_000), Case(20_000, step=2))


@dataclass(frozen=True)
class Outcome:
    """One row of the table; times in milliseconds."""

    database: str
    case: Case
    scan_ms: float
    ack_ms: float
    batch_ms: float


def add_history(database: Database, kiosk_id: uuid.UUID, case: Case) -> None:
    """Add events without checking them, and the runs that migration 0013 makes of them."""
    at = datetime.now(UTC)
    rows = [_event_row(kiosk_id, seq, at) for seq in case.numbers]
    runs = [(seq, seq) for seq in case.numbers]
    if case.step == 1 and rows:
        runs = [(2, case.events + 1)]
    with database.transaction() as db:
        for start in range(0, len(rows), _CHUNK):
            db.execute(StoredEvent.__table__.insert(), rows[start : start + _CHUNK])  # type: ignore[attr-defined]
        made = [
            {"kiosk_id": kiosk_id, "first": first, "last": last, "opened_at": at}
            for first, last in runs
        ]
        for start in range(0, len(made), _CHUNK):
            db.execute(ReceivedRun.__table__.insert(), made[start : start + _CHUNK])  # type: ignore[attr-defined]
        progress = db.get_one(KioskProgress, kiosk_id)
        progress.highest_seq = runs[-1][1] if runs else 0
        db.add(progress)


def _event_row(kiosk_id: uuid.UUID, seq: int, at: datetime) -> dict[str, object]:
    return {
        "kiosk_id": kiosk_id,
        "id": uuid.uuid4(),
        "seq": seq,
        "occurred_at": at,
        "counted_at": at,
        "received_at": at,
        "kind": "seen",
        "method": "face",
        "clock_source": "ntp",
        "hash": "0" * 64,
        "is_chain_torn": False,
        "body": "{}",
    }


def scan(db: Session, progress: KioskProgress) -> list[tuple[int, int]]:
    """Find the runs by reading the events, as before migration 0013."""
    runs: list[tuple[int, int]] = []
    numbers = {seq for seq in _kept_after(db, progress) if seq is not None}
    for seq in sorted(numbers):
        if runs and runs[-1][1] == seq - 1:
            runs[-1] = (runs[-1][0], seq)
        elif len(runs) == MAX_RANGES_PER_ACK:
            break
        else:
            runs.append((seq, seq))
    return runs


def _kept_after(db: Session, progress: KioskProgress) -> Iterator[int | None]:
    stored = select(StoredEvent.seq).where(
        StoredEvent.kiosk_id == progress.kiosk_id, col(StoredEvent.seq) > progress.stored_through
    )
    yield from db.exec(stored.order_by(col(StoredEvent.seq)).limit(_LOOK_AHEAD))
    kept = select(QuarantinedEvent.seq).where(
        QuarantinedEvent.kiosk_id == str(progress.kiosk_id),
        col(QuarantinedEvent.seq) > progress.stored_through,
        col(QuarantinedEvent.is_authentic),
    )
    found = db.exec(kept.order_by(col(QuarantinedEvent.seq)).limit(_LOOK_AHEAD))
    yield from (seq for seq in found if seq is not None)


def lowest_ms(repeats: int, work: Callable[[], object]) -> float:
    """Return the lowest time of some work: other work of the machine only adds to it."""
    times = []
    for _ in range(repeats):
        before = time.perf_counter()
        work()
        times.append((time.perf_counter() - before) * 1000)
    return min(times)


def measure(name: str, database: Database, case: Case, repeats: int) -> Outcome:
    """Measure one case on one database."""
    with database.transaction() as db:
        room_id = create_room(db, f"R{uuid7()}", actor="system").id
    wire_id, key = make_kiosk(database, f"K{uuid7()}", room_id)
    kiosk_id = uuid.UUID(wire_id)
    add_history(database, kiosk_id, case)

    def before() -> None:
        with database.reading() as db:
            progress = db.get_one(KioskProgress, kiosk_id)
            for _ in range(2):  # to move the progress, and for the ack
                scan(db, progress)

    def after() -> None:
        with database.reading() as db:
            ack_of(db, db.get_one(KioskProgress, kiosk_id), datetime.now(UTC))

    batches = one_event_batches(wire_id, key, repeats, case.numbers.stop)

    def batch() -> None:
        with database.transaction() as db:
            take_in(db, [next(batches)], datetime.now(UTC))

    return Outcome(
        name,
        case,
        scan_ms=lowest_ms(repeats, before),
        ack_ms=lowest_ms(repeats, after),
        batch_ms=lowest_ms(repeats, batch),
    )


def one_event_batches(
    kiosk_id: str, key: Ed25519PrivateKey, count: int, first: int
) -> Iterator[Delivery]:
    """Batches of one event each, one number after another."""
    head, made = signing.GENESIS_HASH, []
    for seq in range(first, first + count):
        draft = UnsignedEvent(
            id=str(uuid7()),
            kiosk_id=kiosk_id,
            seq=seq,
            occurred_at=datetime.now(UTC),
            clock=ClockStamp(source="ntp"),
            kind="seen",
            method="face",
        )
        event = signing.sign_event(draft, prev_hash=head, key=key)
        head = event.hash
        batch = EventBatch(kiosk_id=kiosk_id, events=(signing.to_raw(event),))
        made.append(Delivery(kiosk_id, batch.to_json()))
    return iter(made)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--postgres", metavar="URL")
    options = parser.parse_args()
    print("| database | events after the gap | before: reads, ms | ack, ms | batch of 1, ms |")
    print("|---|---|---|---|---|")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = {
            "SQLite": f"sqlite:///{folder}/bench.sqlite3",
            "PostgreSQL": options.postgres or stack.enter_context(private_postgres()),
        }
        for name, url in urls.items():
            database = Database(url)
            upgrade(database)
            for case in CASES:
                one = measure(name, database, case, options.repeats)
                times = f"{one.scan_ms:.1f} | {one.ack_ms:.1f} | {one.batch_ms:.1f}"
                print(f"| {name} | {case.words} | {times} |", flush=True)
            database.close()


if __name__ == "__main__":
    main()
