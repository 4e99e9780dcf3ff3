"""Let many MQTT kiosks send marks to one server or two, and say what waits and what saturates.

    .venv/bin/python -m scripts.bench.fleet [--kiosks 1000] [--minutes 15] [--rate 100]
        [--servers 2 --kill-every 60] [--database PostgreSQL|SQLite] [--broker mosquitto|embedded]

A new broker, `rollcall-server` as processes, signed events of claimed kiosks over real MQTT. Every
20 s a person is enrolled, and each kiosk waits for the hint of it. `--kill-every` ends one server
after the other with SIGKILL and starts it again. At the end every event must be stored once.
Prints Markdown tables; ends with status 1 where an event is missing or stored twice.
"""

import argparse
import logging
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import text

from scripts.bench.fleet_kiosks import Fleet, FleetKiosk
from scripts.bench.fleet_school import Processes, enrol, enrolled, found, free_port, postgres_cpu_s
from scripts.bench.ingest import private_postgres
from scripts.bench.noon import noon_zone
from server.config import Settings, load_settings
from server.db.engine import Database
from server.db.vault import open_vault

ENROL_EVERY_S = 20.0
WARM_UP_S = 20.0
_DRAIN_S = 180.0
_CONNECT_S = 300.0


@dataclass
class Measured:
    """What a run came to.

    Attributes:
        rows: (what, figure) of the table.
        cpu: CPU of each process over the run, as a share of one core.
        per_event_ms: the same for each event that was acknowledged.
        problems: what is missing or twice.
    """

    rows: list[tuple[str, str]] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    per_event_ms: dict[str, float] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Run:
    """One run against started processes."""

    def __init__(self, options: argparse.Namespace, settings: Settings, folder: Path) -> None:
        self._options = options
        self._settings = settings
        self._processes = Processes(settings, folder, options.servers)
        self._kiosks = found(settings, options.kiosks, options.people)
        self._fleet = Fleet(self._kiosks, settings.broker_port)
        self._database, self._vault = Database(settings.sqlalchemy_url), open_vault(settings)
        self._people = enrolled(self._database)
        self._enrolled: list[float] = []
        self._kills = 0
        self._began_s = 0.0
        self.measured = Measured()

    def run(self) -> Measured:
        """Start everything, let people come, and count."""
        try:
            self._start()
            before, memory = self._cpu(), self._memory()
            self._began_s = time.monotonic()
            self._days()
            took_s = time.monotonic() - self._began_s
            after = self._cpu()
            self.measured.cpu = {name: (after[name] - before[name]) / took_s for name in after}
            self._figures(memory)
            self._count(self._fleet.drain(time.monotonic() + _DRAIN_S))
        finally:
            self._fleet.close()
            self._processes.stop()
            self._database.close()
        return self.measured

    def _say(self, what: str, figure: str) -> None:
        self.measured.rows.append((what, figure))

    def _start(self) -> None:
        self._say("new broker with all accounts, s", f"{self._processes.start_broker():.1f}")
        took_s = self._fleet.connect_all(time.monotonic() + _CONNECT_S)
        up = f"{len(self._fleet.up):,} in {took_s:.1f} s"
        self._say("kiosks let in, before any server started", up)
        self._processes.start_servers()
        began_s = time.monotonic()
        while any(not kiosk.hints for kiosk in self._kiosks):
            self._fleet.run(0.5, 0)
            if time.monotonic() - began_s > _CONNECT_S:
                break
        self._say(
            "first hint to every kiosk after the start, s", f"{time.monotonic() - began_s:.1f}"
        )
        self._fleet.run(WARM_UP_S, self._options.rate)

    def _days(self) -> None:
        """Let people come until the time is over, enrol some, and kill servers."""
        end_s = time.monotonic() + self._options.minutes * 60
        enrol_s = time.monotonic() + ENROL_EVERY_S / 2
        kill_s = time.monotonic() + (self._options.kill_every or 10**9)
        while time.monotonic() < end_s:
            self._fleet.run(1.0, self._options.rate)
            if time.monotonic() >= enrol_s and time.monotonic() < end_s - ENROL_EVERY_S:
                person = self._people[len(self._enrolled) % len(self._people)]
                self._enrolled.append(enrol(self._database, self._vault, person))
                enrol_s += ENROL_EVERY_S
            if time.monotonic() >= kill_s:
                server = self._processes.serving[self._kills % self._options.servers]
                server.kill()
                server.start()
                self._kills += 1
                kill_s += self._options.kill_every

    def _cpu(self) -> dict[str, float]:
        used = {one.name: one.cpu_s for one in (self._processes.broker, *self._processes.serving)}
        if self._settings.database_url is not None:
            used["PostgreSQL"] = postgres_cpu_s(self._settings.database_url.get_secret_value())
        times = os.times()
        return {**used, "the kiosks of this bench": times.user + times.system}

    def _memory(self) -> dict[str, float]:
        return {one.name: one.memory_mb for one in self._processes.serving}

    def _figures(self, memory: dict[str, float]) -> None:
        latencies = sorted(
            took
            for kiosk in self._kiosks
            for made, took in kiosk.latencies_s
            if made >= self._began_s
        )
        took_s = time.monotonic() - self._began_s
        self.measured.per_event_ms = {
            name: share * took_s * 1000 / max(len(latencies), 1)
            for name, share in self.measured.cpu.items()
        }
        self._say("events acknowledged in the run", f"{len(latencies):,}")
        for share, name in ((0.5, "p50"), (0.99, "p99"), (1.0, "longest")):
            self._say(f"ack after the mark, {name}, s", f"{_rank(latencies, share):.3f}")
        waits, missed = _hint_waits(self._kiosks, self._enrolled)
        if self._enrolled:
            for share, name in ((0.5, "p50"), (0.99, "p99")):
                figure = f"{_rank(waits, share):.2f} ({missed} of {missed + len(waits)} never)"
                self._say(f"hint of an enrolment at a kiosk, {name}, s", figure)
        for name, after in self._memory().items():
            self._say(f"memory of {name}, MB, start and end", f"{memory[name]:.0f}, {after:.0f}")
        self._say(
            "times a kiosk sent all again", f"{sum(kiosk.resent for kiosk in self._kiosks):,}"
        )
        self._say("servers killed", str(self._kills))
        self._say("longest the bench itself was busy, s", f"{self._fleet.longest_turn_s:.2f}")

    def _count(self, left: int) -> None:
        made = sum(kiosk.seq for kiosk in self._kiosks)
        with self._database.reading() as db:
            rows, ids = db.execute(
                text("SELECT count(*), count(DISTINCT id) FROM attendance_events")
            ).one()
            aside = db.execute(text("SELECT count(*) FROM quarantined_events")).scalar_one()
            if not self._database.is_sqlite and rows:
                size = text("SELECT pg_total_relation_size('attendance_events')")
                self._say(
                    "bytes of an event with its indexes",
                    f"{db.execute(size).scalar_one() / rows:,.0f}",
                )
        self._say("events made, stored, set aside", f"{made:,}, {rows:,}, {aside:,}")
        if left:
            self.measured.problems.append(f"{left} events were not acknowledged")
        if (rows, ids, aside) != (made, made, 0):
            self.measured.problems.append(
                f"made {made}, stored {rows}, different {ids}, {aside} aside"
            )


def _hint_waits(kiosks: Sequence[FleetKiosk], enrolled: Sequence[float]) -> tuple[list[float], int]:
    """Return how long each kiosk waited for its word of each enrolment, and how many got none."""
    waits, missed = [], 0
    for kiosk in kiosks:
        for number, at_s in enumerate(enrolled):
            end_s = enrolled[number + 1] if number + 1 < len(enrolled) else at_s + ENROL_EVERY_S
            known = [hint.gallery for heard, hint in kiosk.hints if heard <= at_s]
            least = max(known, default=0)
            took = [
                heard - at_s
                for heard, hint in kiosk.hints
                if at_s < heard <= end_s and hint.gallery > least
            ]
            if took:
                waits.append(took[0])
            else:
                missed += 1
    return sorted(waits), missed


def _rank(ranked: Sequence[float], share: float) -> float:
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))] if ranked else float("nan")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kiosks", type=int, default=1000)
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--rate", type=float, default=100.0, help="events a second, all kiosks")
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--kill-every", type=float, metavar="SECONDS")
    parser.add_argument("--database", choices=["SQLite", "PostgreSQL"], default="PostgreSQL")
    parser.add_argument("--broker", choices=["mosquitto", "embedded"], default="mosquitto")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-fleet-")))
        is_large = options.database == "PostgreSQL"
        url = stack.enter_context(private_postgres()) if is_large else None
        settings = load_settings(
            data_dir=folder / "data",
            database_url=None if url is None else SecretStr(url),
            ml_service_url="http://127.0.0.1:9",
            timezone=noon_zone(datetime.now(UTC)),
            broker=options.broker,
            broker_port=free_port(),
        )
        settings.data_dir.mkdir(mode=0o700)
        measured = Run(options, settings, folder).run()
    _print(measured)
    return 1 if measured.problems else 0


def _print(measured: Measured) -> None:
    lines = ["| what | figure |", "|---|---|", *(f"| {a} | {b} |" for a, b in measured.rows)]
    lines += ["", "| process | CPU, of one core | CPU an event, ms |", "|---|---|---|"]
    ranked = sorted(measured.cpu.items(), key=lambda one: -one[1])
    lines += [
        f"| {name} | {share:.0%} | {measured.per_event_ms[name]:.1f} |" for name, share in ranked
    ]
    sys.stdout.write("\n".join([*lines, *measured.problems]) + "\n")


if __name__ == "__main__":
    sys.exit(main())
