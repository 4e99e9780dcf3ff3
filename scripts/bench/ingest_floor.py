"""Say how far taking events in is from its floor: verification alone and a raw insert alone.

    .venv/bin/python -m scripts.bench.ingest_floor [--rounds 15] [--postgres URL] [--one-database]

CPU time of this process for 100 events, medians of rounds in which every row takes its turn, on
copies of the same events. "Floor" is the Ed25519 verification of 100 signatures plus 100 rows in
one statement and one commit; no server that checks and stores can do with less. Without --postgres
it starts a private PostgreSQL where Debian's package is installed. Prints a Markdown table.
"""

import argparse
import base64
import json
import logging
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Column, LargeBinary, MetaData, String, Table

from protocol.v1.identifiers import uuid7
from scripts.bench.ingest import (
    BATCH,
    HAS_POSTGRES,
    make_deliveries,
    make_kiosk,
    private_postgres,
)
from server.attendance.ingest import take_in
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.migrations.runner import upgrade
from server.timetable.service import create_room

#: A table of the fewest columns that keep an event: its key and its text.
_RAW = Table(
    "floor_events",
    MetaData(),
    Column("kiosk_id", String(32), primary_key=True),
    Column("id", String(32), primary_key=True),
    Column("hash", LargeBinary),
    Column("body", String),
)

Step = Callable[[], None]


class Floor:
    """One database, and the steps that are measured on it."""

    def __init__(self, database: Database, rounds: int) -> None:
        self.database = database
        _RAW.create(database.engine, checkfirst=True)
        with database.transaction() as db:
            room_id = create_room(db, f"R{uuid7()}", actor="system").id
        self._room_id = room_id
        self._batches = self._of_one(rounds)
        self._singles = [self._of_many() for _ in range(rounds)]
        self._signed = self._for_floor()

    def verify(self) -> None:
        """Check 100 signatures over hashes that are there already."""
        key, signed = self._signed
        for signature, digest in signed:
            key.public_key().verify(signature, digest)

    def insert(self) -> None:
        """Store 100 rows by the driver in one statement and commit."""
        rows = [
            {"kiosk_id": uuid.uuid4().hex, "id": uuid.uuid4().hex, "hash": digest, "body": _BODY}
            for _signature, digest in self._signed[1]
        ]
        with self.database.transaction() as db:
            db.execute(_RAW.insert(), rows)

    def batch(self) -> None:
        """The product: a batch of 100 events of one kiosk."""
        self._take([next(self._batches)])

    def singles(self) -> None:
        """The product: 100 kiosks with one event each, in one commit."""
        self._take(self._singles.pop())

    def _take(self, deliveries: list[Delivery]) -> None:
        with self.database.transaction() as db:
            intake = take_in(db, deliveries, datetime.now(UTC))
        assert intake.stored == BATCH

    def _of_one(self, rounds: int) -> Iterator[Delivery]:
        kiosk_id, key = self._kiosk()
        return iter(make_deliveries(kiosk_id, key, BATCH * rounds))

    def _of_many(self) -> list[Delivery]:
        made = [self._kiosk() for _ in range(BATCH)]
        return [make_deliveries(kiosk_id, key, 1)[0] for kiosk_id, key in made]

    def _for_floor(self) -> tuple[Ed25519PrivateKey, list[tuple[bytes, bytes]]]:
        kiosk_id, key = self._kiosk()
        events = json.loads(make_deliveries(kiosk_id, key, BATCH)[0].payload)["events"]
        return key, [
            (base64.b64decode(one["signature"]), bytes.fromhex(one["hash"])) for one in events
        ]

    def _kiosk(self) -> tuple[str, Ed25519PrivateKey]:
        return make_kiosk(self.database, f"K{uuid7()}", self._room_id)


_BODY = "x" * 900


def measure(database: Database, rounds: int) -> dict[str, float]:
    """Return CPU milliseconds of each step, medians; the steps take turns."""
    floor = Floor(database, rounds)
    steps: dict[str, Step] = {
        "verify": floor.verify,
        "insert": floor.insert,
        "batch": floor.batch,
        "singles": floor.singles,
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.process_time()
            step()
            times[name].append((time.process_time() - began) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--one-database", action="store_true", help="SQLite alone")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(
        "| database | verification ms | raw insert ms | floor ms"
        " | 100 events of one kiosk ms | times the floor | of 100 kiosks ms | times the floor |"
    )
    print("|---|---|---|---|---|---|---|---|")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-floor-"))
        urls = {"SQLite": f"sqlite:///{folder}/bench.sqlite3"}
        if options.postgres:
            urls["PostgreSQL"] = options.postgres
        elif HAS_POSTGRES and not options.one_database:
            urls["PostgreSQL"] = stack.enter_context(private_postgres())
        for name, url in urls.items():
            database = Database(url)
            upgrade(database)
            print(_row(name, measure(database, options.rounds)), flush=True)
            database.close()


def _row(name: str, found: dict[str, float]) -> str:
    floor = found["verify"] + found["insert"]
    parts = [found["verify"], found["insert"], floor, found["batch"], found["batch"] / floor]
    parts += [found["singles"], found["singles"] / floor]
    return f"| {name} | " + " | ".join(f"{one:.1f}" for one in parts) + " |"


if __name__ == "__main__":
    main()
