"""Let many kiosks send an event now and then to the writer of the broker link, without a broker.

    .venv/bin/python -m scripts.bench.ingest_writer [--kiosks 1000] [--rate 100] [--seconds 20]
        [--gather-ms 0 20 50] [--checkout FOLDER]

Each kiosk sends single events, at random moments, `--rate` a second in all. Says how long after
its arrival an event's signed ack is published, and what the process computes meanwhile. The writer
runs on SQLite in a process of its checkout. Prints a Markdown table.
"""

import argparse
import inspect
import json
import logging
import os
import queue
import random
import subprocess
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

from protocol.v1 import topics
from scripts.bench.ingest import make_deliveries, make_kiosk
from server.config import Settings
from server.db.engine import Database
from server.db.vault import open_vault
from server.kiosks.server_key import ServerSigner
from server.migrations.runner import upgrade
from server.mqtt import writer
from server.mqtt.link import Arrival
from server.timetable.service import create_room

HERE = Path(__file__).resolve().parents[2]


class RecordingLink:
    """Stands in for the link: hands arrivals over, and notes when an ack is published."""

    def __init__(self) -> None:
        self.arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self.sent_at_s: dict[str, list[float]] = {}
        self.waits_s: list[float] = []
        self.commits = 0

    def send(self, kiosk_id: str, payload: bytes, number: int) -> None:
        """Let a batch arrive."""
        self.sent_at_s.setdefault(kiosk_id, []).append(time.perf_counter())
        address = topics.Address(kiosk_id, topics.EVENTS)
        self.arrivals.put(Arrival(address, payload, number, 1, is_retained=False, connection=1))

    def publish(self, topic: str, _payload: bytes, **_: object) -> None:
        """Note an ack: it speaks of everything of its kiosk that was taken in."""
        address = topics.parse(topic)
        assert address is not None
        at_s = time.perf_counter()
        self.waits_s += [at_s - one for one in self.sent_at_s.pop(address.kiosk_id, [])]

    def acknowledge(self, _arrivals: list[Arrival]) -> None:
        """Count commits."""
        self.commits += 1


def measure(kiosks: int, rate: float, seconds: float) -> dict[str, float]:
    """Run the writer of this checkout."""
    with tempfile.TemporaryDirectory(prefix="rollcall-writer-") as folder:
        settings = Settings(data_dir=Path(folder))
        database = Database(f"sqlite:///{folder}/bench.sqlite3")
        upgrade(database)
        with database.transaction() as db:
            room_id = create_room(db, "R1", actor="system").id
        each = int(rate * seconds / kiosks) + 8
        chains = []
        for number in range(kiosks):
            kiosk_id, key = make_kiosk(database, f"K{number}", room_id)
            chains.append((kiosk_id, iter(make_deliveries(kiosk_id, key, each, batch=1))))
        link = RecordingLink()
        signer = ServerSigner(database, open_vault(settings))
        ingest = writer.IngestWriter(*_parts(link, database, signer))
        ingest.start()
        began_cpu_s, began_s = time.process_time(), time.perf_counter()
        _feed(link, chains, rate, seconds)
        sent_s, sent = time.perf_counter() - began_s, len(link.waits_s)
        ingest.finish()
        cpu_s = time.process_time() - began_cpu_s
        database.close()
    waits = sorted(link.waits_s)
    return {
        "sent_in_time": sent / (rate * sent_s),
        "commits": link.commits / sent_s,
        "p50": waits[len(waits) // 2] * 1000,
        "p99": waits[int(len(waits) * 0.99)] * 1000,
        "cpu": cpu_s / sent_s * 100,
    }


def _parts(link: RecordingLink, database: Database, signer: ServerSigner) -> list[Any]:
    parts: list[Any] = [link, database, signer]
    if "pacing" in inspect.signature(writer.IngestWriter).parameters:
        parts.append(_pacing())
    return parts


def _pacing() -> Any:
    """Return the pacing of this checkout; of an older one, which had its accounts in it."""
    from server.mqtt import pacing

    if not hasattr(pacing, "IngestPace"):
        return pacing.Pacing(50, 5000)  # type: ignore[arg-type, call-arg]
    return pacing.Pacing(pacing.IngestPace(50, 5000))


def _feed(link: RecordingLink, chains: list[Any], rate: float, seconds: float) -> None:
    """Let events arrive at random moments, of kiosks by turns."""
    chance = random.Random(17)  # noqa: S311 - arrivals, no secrets
    turns, numbers = list(range(len(chains))), count(1)
    chance.shuffle(turns)
    at_s = time.perf_counter()
    ends_s = at_s + seconds
    pause = threading.Event()
    while at_s < ends_s:
        for turn in turns:
            at_s += chance.expovariate(rate)
            pause.wait(max(0.0, at_s - time.perf_counter()))
            kiosk_id, deliveries = chains[turn]
            delivery = next(deliveries, None)
            if at_s >= ends_s or delivery is None:
                return
            link.send(kiosk_id, delivery.payload, next(numbers))


def main() -> None:
    """Measure each checkout in a process, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kiosks", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--gather-ms", type=float, nargs="+", default=[20.0])
    parser.add_argument("--checkout", type=Path, action="append", default=[])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        logging.disable(logging.CRITICAL)
        if hasattr(writer, "GATHER_S"):
            writer.GATHER_S = options.gather_ms[0] / 1000
        found = measure(options.kiosks, options.rate, options.seconds)
        sys.stdout.write(json.dumps(found) + "\n")
        return
    print("| code | acknowledged in time | commits/s | ack p50 ms | ack p99 ms | CPU |")
    print("|---|---|---|---|---|---|")
    for checkout in options.checkout:
        print(_row(f"{checkout.name}", _run(checkout, options, 0.0)), flush=True)
    for gather_ms in options.gather_ms:
        name = f"this, gathers {gather_ms:.0f} ms"
        print(_row(name, _run(HERE, options, gather_ms)), flush=True)


def _run(checkout: Path, options: argparse.Namespace, gather_ms: float) -> dict[str, float]:
    """Run this script with the server of a checkout."""
    code = f"import runpy; runpy.run_path({str(Path(__file__))!r}, run_name='__main__')"
    asked = [f"--{one}={getattr(options, one)}" for one in ("kiosks", "rate", "seconds")]
    command = [sys.executable, "-P", "-c", code, "--one", *asked, f"--gather-ms={gather_ms}"]
    env = os.environ | {"PYTHONPATH": f"{checkout}:{HERE}"}
    answer = subprocess.run(
        command, env=env, cwd=checkout, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise SystemExit(answer.stderr[-2000:])
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _row(name: str, one: dict[str, float]) -> str:
    return (
        f"| {name} | {one['sent_in_time']:.0%} | {one['commits']:.0f} | {one['p50']:,.0f}"
        f" | {one['p99']:,.0f} | {one['cpu']:.0f} % |"
    )


if __name__ == "__main__":
    main()
