"""Measure how long an import of many people takes, and how long others wait meanwhile.

Usage: python -m scripts.bench.imports [PEOPLE] [SQLALCHEMY_URL of an empty database]
"""

import random
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import Session

from scripts.bench.people_search import GIVEN, SYLLABLES
from server.audit.service import verify
from server.db.engine import Database
from server.db.types import now
from server.db.vault import KEY_BYTES, Vault
from server.imports import service
from server.imports.kinds import KindName
from server.imports.tables import ImportRun
from server.imports.tasks import ImportFiles
from server.jobs.tasks import JobWorkers
from server.migrations.runner import upgrade
from server.past_marks.files import AttendanceFiles
from server.people.keys import ensure_keys
from server.timetable.service import bump_version
from server.web.principal import Role

_ACTOR = "account:bench"


class OtherWriter:
    """A thread that writes all the time, as kiosks do, and notes its longest wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self.longest_s = 0.0

    def __enter__(self) -> "OtherWriter":
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stopping.set()
        self._thread.join()

    def _write(self) -> None:
        while not self._stopping.wait(0.02):
            started = time.perf_counter()
            with self._database.transaction() as db:
                bump_version(db)
            self.longest_s = max(self.longest_s, time.perf_counter() - started)


def main() -> None:
    """Print a line of the table for each step."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory() as folder:
        url = sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{Path(folder) / 'bench.sqlite3'}"
        database = Database(url)
        upgrade(database)
        with database.transaction() as db:
            ensure_keys(db, "en")
        print(f"{database.engine.dialect.name}, {count} people")
        vault = Vault({"bench": bytes(KEY_BYTES)}, "bench")
        for name, text in (
            ("new", _file(count)),
            ("the same again", _file(count)),
            ("every year of birth changed", _file(count, year=2013)),
        ):
            _measure(database, vault, name, text)
        with database.reading() as db:
            found = verify(db)
        print(f"audit trail: {found.entries} entries, broken at {found.broken_at}")
        database.close()


def _measure(database: Database, vault: Vault, name: str, text: str) -> None:
    handler = ImportFiles(
        database,
        vault,
        lambda: ZoneInfo("UTC"),
        photo_max_bytes=20 * 1024 * 1024,
        attendance=lambda: AttendanceFiles(ZoneInfo("UTC"), "en"),
    )
    lease = timedelta(seconds=600)
    workers = JobWorkers(database, [], lease=lease, software=lambda: "bench")
    began = time.process_time()
    started = time.perf_counter()
    upload = service.read_upload("people.csv", text.encode())
    with database.transaction() as db:
        run = service.take_in(db, vault, KindName.PEOPLE, upload, actor=_ACTOR, role=Role.OFFICE)
    uploaded = time.perf_counter()
    with database.transaction() as db:
        service.begin_check(db, run.id, run.mapping, actor=_ACTOR, role=Role.OFFICE)
    workers.run_one([handler])
    checked = time.perf_counter()
    with OtherWriter(database) as other:
        with database.transaction() as db:
            service.begin_import(db, run.id, actor=_ACTOR, role=Role.OFFICE)
        workers.run_one([handler])
        done = time.perf_counter()
    with database.reading() as db:
        print(
            f"| {name} | {uploaded - started:.1f} | {checked - uploaded:.1f} | {done - checked:.1f}"
            f" | {time.process_time() - began:.1f} | {other.longest_s:.2f} | {_counts(db, run)} |"
        )


def _counts(db: Session, run: ImportRun) -> str:
    found = service.find(db, run.id)
    return f"{found.state}: {found.counts}"


def _file(count: int, year: int = 2012) -> str:
    chance = random.Random(1)  # noqa: S311 - the same names each time
    lines = ["Student number;First name;Surname;Year of birth"]
    for number in range(count):
        given = chance.choice(GIVEN.split())
        family = "".join(chance.choices(SYLLABLES.split(), k=chance.randint(2, 4))).title()
        lines.append(f"{number:08};{given};{family};{year}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(f"{now():%Y-%m-%d %H:%M} UTC")
    main()
