"""What the kiosk's outbox costs: recording, acks, restores and opening, with many kept events.

    python -m scripts.bench.outbox [--events 60000] [--folder FOLDER]

FOLDER lies on the disk to measure; a temporary one otherwise. The events are copies of one text,
so the size of the file is that of real events.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from kiosk.domain.clock import ClockReading
from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.storage.numbers import NumberFile
from kiosk.storage.outbox import ChainSigner, ChainStart, SQLiteOutbox
from kiosk.storage.recovery import open_outbox
from kiosk.sync.clock import SystemClock
from protocol.v1.messages import Ack, ClockSource, EventKind
from protocol.v1.signing import make_key

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGNER = ChainSigner("bench", make_key())
_RECORDED = 200


def opened(folder: Path) -> SQLiteOutbox:
    """Open the outbox as a kiosk does at its start."""
    most = 1_000_000
    opening = open_outbox(
        folder / "outbox.db",
        _SIGNER,
        ChainStart(),
        clock=SystemClock(),
        max_events=most,
        max_kept_events=most,
    )
    return opening.outbox


def draft(number: int) -> EventDraft:
    """Return what a kiosk records of a person."""
    return EventDraft(
        kind=EventKind.SEEN,
        clock=ClockReading(datetime.now(UTC), ClockSource.NTP, 12, 3.5, "boot", 1.0),
        lesson_id="019ab0c0-0000-7000-8000-000000000001",
        person_id=f"019ab0c0-0000-7000-8000-{number:012d}",
        policy_version=4,
        evidence=MatchEvidence(0.31, 0.2, 0.5, 0.9, "sface-2021dec"),
    )


def fill(outbox: SQLiteOutbox, count: int) -> None:
    """Add kept events with the text of the last one, much faster than they are recorded."""
    with outbox._database.transaction() as db:  # noqa: SLF001 - nothing else writes rows that fast
        db.execute(
            "WITH RECURSIVE n(i) AS (SELECT ? UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO event (seq, id, body, at_ms, delivered_ms)"
            " SELECT i, 'id-' || i, (SELECT body FROM event LIMIT 1), 1, ? FROM n",
            (_RECORDED + 1, count, int(datetime.now(UTC).timestamp() * 1000)),
        )
        db.execute("UPDATE chain SET seq = ?", (count,))


def ack(through: int, seconds: int) -> Ack:
    """Return an ack that is newer than the one before."""
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return Ack(kiosk_id="bench", stored_through=through, server_time=at)


def timed_ms(work: Callable[[], object]) -> float:
    """Return how long something takes, in milliseconds."""
    started_s = time.perf_counter()
    work()
    return (time.perf_counter() - started_s) * 1000


def main() -> None:
    """Measure and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    outbox = opened(folder)
    record = [timed_ms(lambda: outbox.append(draft(1))) for _ in range(_RECORDED)]
    print(f"record one event: median {statistics.median(record):.1f} ms")
    numbers = NumberFile(folder / "other.seq", "bench")
    write = [timed_ms(lambda number=number: numbers.advance(number)) for number in range(1, 201)]  # type: ignore[misc]
    print(f"of it the number file: median {statistics.median(write):.1f} ms")
    outbox.sent(_RECORDED)
    outbox.settle(ack(_RECORDED, 1))
    fill(outbox, options.events)
    outbox.close()
    outbox = opened(folder)
    same = [timed_ms(lambda: outbox.settle(ack(options.events, 2))) for _ in range(50)]
    print(f"ack that changes nothing, {options.events} kept: {statistics.median(same):.2f} ms")
    lost = [timed_ms(lambda: outbox.settle(ack(0, 60))) for _ in range(10)]
    print(f"ack that makes 2,000 of them wait again: median {statistics.median(lost):.0f} ms")
    outbox.close()
    size_mb = (folder / "outbox.db").stat().st_size / 1e6
    print(f"open the file of {size_mb:.0f} MB: {timed_ms(lambda: opened(folder).close()):.0f} ms")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
