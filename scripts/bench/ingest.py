"""Time the taking in of attendance events, SQLite beside PostgreSQL in one run.

    .venv/bin/python -m scripts.bench.ingest [--events 10000] [--kiosks 10] [--postgres URL]

Calls the ingest that MQTT and HTTP share, so verification, chain, storage and commit are in it.
Without --postgres it starts a private PostgreSQL where Debian's package is installed. Prints a
Markdown table.
"""

import argparse
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocol.v1 import signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import ClockStamp, EventBatch, UnsignedEvent
from server.attendance.ingest import take_in
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.kiosks.service import create_kiosk
from server.kiosks.tables import Kiosk, KioskState
from server.migrations.runner import upgrade
from server.timetable.service import create_room

BATCH = 100
_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
#: Whether `private_postgres` can start one.
HAS_POSTGRES = bool(_BINARIES)


@dataclass(frozen=True)
class Outcome:
    """One row of the table; times in milliseconds."""

    database: str
    batches_per_commit: int
    events_per_s: float
    commit_p50_ms: float
    commit_p99_ms: float


def make_kiosk(database: Database, name: str, room_id: uuid.UUID) -> tuple[str, Ed25519PrivateKey]:
    """A claimed kiosk; returns its id and key."""
    key = signing.make_key()
    with database.transaction() as db:
        kiosk = create_kiosk(db, name=name, room_id=room_id, actor="system")
        row = db.get_one(Kiosk, kiosk.id)
        row.state, row.signing_key = KioskState.CLAIMED, signing.public_text(key)
        db.add(row)
    return kiosk.wire_id, key


def make_deliveries(
    kiosk_id: str, key: Ed25519PrivateKey, count: int, *, batch: int = BATCH
) -> list[Delivery]:
    """A kiosk's chain of events, in full batches."""
    at, head, raws = datetime.now(UTC), signing.GENESIS_HASH, []
    for seq in range(1, count + 1):
        draft = UnsignedEvent(
            id=str(uuid7()),
            kiosk_id=kiosk_id,
            seq=seq,
            occurred_at=at,
            clock=ClockStamp(source="ntp", offset_ms=1.25, age_s=30.5),
            lesson_id=str(uuid7()),
            person_id=str(uuid7()),
            kind="seen",
            method="face",
            distance=0.412345,
            margin=0.2,
            threshold=0.5,
            quality=0.87,
            model_id="dlib-resnet-v1",
        )
        event = signing.sign_event(draft, prev_hash=head, key=key)
        head = event.hash
        raws.append(signing.to_raw(event))
    parts = [raws[start : start + batch] for start in range(0, count, batch)]
    return [
        Delivery(kiosk_id, EventBatch(kiosk_id=kiosk_id, events=tuple(part)).to_json())
        for part in parts
    ]


def measure(name: str, database: Database, events: int, kiosks: int, together: int) -> Outcome:
    """Take in everything, `together` batches to a commit."""
    with database.transaction() as db:
        room_id = create_room(db, f"R{uuid7()}", actor="system").id
    made = [make_kiosk(database, f"K{uuid7()}", room_id) for _ in range(kiosks)]
    chains = [make_deliveries(kiosk_id, key, events // kiosks) for kiosk_id, key in made]
    queue = [delivery for turn in zip(*chains, strict=True) for delivery in turn]
    times = []
    started = time.perf_counter()
    for start in range(0, len(queue), together):
        before = time.perf_counter()
        with database.transaction() as db:
            intake = take_in(db, queue[start : start + together], datetime.now(UTC))
        times.append((time.perf_counter() - before) * 1000)
        assert intake.refused == 0
    wall_s = time.perf_counter() - started
    ranked = sorted(times)
    return Outcome(
        database=name,
        batches_per_commit=together,
        events_per_s=len(queue) * BATCH / wall_s,
        commit_p50_ms=statistics.median(ranked),
        commit_p99_ms=ranked[min(len(ranked) - 1, int(len(ranked) * 0.99))],
    )


@contextmanager
def private_postgres() -> Iterator[str]:
    """A PostgreSQL with its own settings untouched (fsync on), gone afterwards."""
    binaries = _BINARIES[-1].parent
    account = pwd.getpwnam("postgres").pw_name if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="rollcall-bench-"))
    if account:
        shutil.chown(folder, account)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "rollcall", "-A", "trust"]
    subprocess.run(initdb, check=True, capture_output=True, user=account, cwd="/")
    options = [
        "-D",
        str(data),
        "-p",
        str(port),
        "-k",
        str(folder),
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    child = subprocess.Popen(
        [str(binaries / "postgres"), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=account,
        cwd="/",
    )
    try:
        wait_for(child, port)
        yield f"postgresql+psycopg://rollcall@127.0.0.1:{port}/postgres"
    finally:
        child.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        child.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def wait_for(child: subprocess.Popen[bytes], port: int, deadline_s: float = 30.0) -> None:
    """Return when PostgreSQL lets us in."""
    give_up_at = time.monotonic() + deadline_s
    while time.monotonic() < give_up_at:
        try:
            psycopg.connect(f"host=127.0.0.1 port={port} user=rollcall dbname=postgres").close()
        except psycopg.OperationalError:
            try:
                child.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise
        else:
            return
    raise TimeoutError("PostgreSQL does not answer")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--kiosks", type=int, default=10)
    parser.add_argument("--postgres", metavar="URL")
    options = parser.parse_args()
    outcomes = []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = {"SQLite": f"sqlite:///{folder}/bench.sqlite3"}
        if options.postgres:
            urls["PostgreSQL"] = options.postgres
        elif _BINARIES:
            urls["PostgreSQL"] = stack.enter_context(private_postgres())
        for name, url in urls.items():
            database = Database(url)
            upgrade(database)
            outcomes += [
                measure(name, database, options.events, options.kiosks, together)
                for together in (1, 10, 100)
            ]
            database.close()
    print("| database | batches of 100 per commit | events/s | commit p50 ms | commit p99 ms |")
    print("|---|---|---|---|---|")
    for one in outcomes:
        print(
            f"| {one.database} | {one.batches_per_commit} | {one.events_per_s:,.0f}"
            f" | {one.commit_p50_ms:.1f} | {one.commit_p99_ms:.1f} |"
        )


if __name__ == "__main__":
    main()
