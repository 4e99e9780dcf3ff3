"""A school of real processes for faults: server, Mosquitto, a proxy, a kiosk; and what became
of each mark.
"""

import shutil
import sqlite3
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from server.attendance.service import register_of
from server.db.engine import Database
from server.kiosks.tables import KioskProgress
from server.timetable.tables import Lesson
from tests.faults.school.kiosk import KioskProcess, Mark
from tests.faults.school.proxy import Proxy, proxied
from tests.integration.kiosk.real_school import SERVER, RealSchool
from tests.support.ports import free_port
from tests.support.processes import Process
from tests.support.waiting import wait_until

#: Longer after a lesson than its grace: from then on nobody is only "expected".
_AFTERWARDS = timedelta(hours=3)


@dataclass(frozen=True)
class Outcome:
    """What became of the marks that kiosks showed as recorded.

    Attributes:
        recorded: how many there are.
        in_register: of those, in the register, once each.
        undecided: of those, not in the register, but their student is shown as undecided.
        lost: of those, neither.
        twice: events that the register holds more than once.
        absent: students called absent though a kiosk recorded them.
    """

    recorded: int
    in_register: int
    undecided: int
    lost: int
    twice: int
    absent: int

    def assert_kept(self) -> None:
        """Fail where a mark is lost, or a student absent that a kiosk recorded."""
        assert (self.lost, self.twice, self.absent) == (0, 0, 0), self
        assert self.in_register + self.undecided == self.recorded


_CLOCK_ERROR = timedelta(seconds=2)


@dataclass
class World:
    """Everything that runs.

    Attributes:
        school: server, broker, and what was made in it.
        folder: of this test.
        database_url: of the server, in SQLAlchemy's words.
        proxy: stands between kiosk and server.
        kiosk: claimed, on its own data folder.
        kiosks: all of them, clones included.
    """

    school: RealSchool
    folder: Path
    database_url: str
    proxy: Proxy
    kiosk: KioskProcess
    kiosks: list[KioskProcess] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)

    @property
    def is_sqlite(self) -> bool:
        """Whether the server keeps its data in SQLite."""
        return self.database_url.startswith("sqlite")

    @property
    def people(self) -> list[str]:
        """Everybody on the roster."""
        return self.school.people

    def back_up(self) -> None:
        """Copy the server's database, as a school does at night; the server stops for it."""
        self.school.server.stop()
        self._copy(to_backup=True)
        self.school.start_server()

    def restore(self) -> None:
        """Put the copy back in place of the server's database."""
        self.school.server.stop()
        self._copy(to_backup=False)
        self.school.start_server()

    def settle(self) -> Outcome:
        """End the lesson now, let the kiosk speak for a later time, and compare.

        A student without an event is absent only once the kiosk has spoken, so a mark that did not
        arrive would show.
        """
        # A kiosk compares its clock over a busy machine: a mark of now may count a little later.
        ended_at = datetime.now(UTC) + _CLOCK_ERROR
        earlier = {mark.id for mark in self.kiosk.marks()}  # damage may have cost some of them
        self._end_lesson(ended_at)

        def has_spoken() -> bool:
            self.kiosk.sees(self.people[0])
            self.kiosk.wait_delivered()
            return self.spoken_through() > ended_at

        wait_until(has_spoken, what="the kiosk's word for after the lesson", timeout_s=60)
        self.wait_stored([mark for mark in self.kiosk.marks() if mark.id not in earlier])
        return self.outcome()

    def spoken_through(self) -> datetime:
        """Up to when the server believes that the kiosk has sent everything."""
        database = Database(self.database_url)
        with database.reading() as db:
            progress = db.get(KioskProgress, uuid.UUID(self.school.kiosk_id))
            found = progress.synced_through if progress else None
        database.close()
        return found or datetime.min.replace(tzinfo=UTC)

    def _end_lesson(self, at: datetime) -> None:
        database = Database(self.database_url)
        with database.transaction() as db:
            db.get_one(Lesson, uuid.UUID(self.school.lesson_id)).ends_at = at
        database.close()

    def marks(self) -> list[Mark]:
        """Everything that any kiosk said is recorded."""
        return [mark for kiosk in self.kiosks for mark in kiosk.marks()]

    def stored(self) -> Counter[str]:
        """How often the register's events hold each event id."""
        database = Database(self.database_url)
        with database.reading() as db:
            rows = db.execute(text("SELECT id FROM attendance_events")).scalars()
            found = Counter(str(uuid.UUID(str(one))) for one in rows)
        database.close()
        return found

    def statuses(self) -> dict[str, str]:
        """What the register says about each student some hours after the lesson."""
        database = Database(self.database_url)
        with database.reading() as db:
            at = datetime.now(UTC) + _AFTERWARDS
            register = register_of(db, uuid.UUID(self.school.lesson_id), at=at)
            found = {str(line.person.id): str(line.mark.status) for line in register.lines}
        database.close()
        return found

    def outcome(self) -> Outcome:
        """Compare what was shown as recorded with the register."""
        marks, stored, statuses = self.marks(), self.stored(), self.statuses()
        missing = [mark for mark in marks if not stored[mark.id]]
        undecided = [mark for mark in missing if statuses.get(mark.person) != "not_seen"]
        recorded = {mark.person for mark in marks}
        return Outcome(
            recorded=len(marks),
            in_register=len(marks) - len(missing),
            undecided=len(undecided),
            lost=len(missing) - len(undecided),
            twice=sum(count > 1 for count in stored.values()),
            absent=sum(statuses.get(person) == "not_seen" for person in recorded),
        )

    def wait_stored(self, marks: Sequence[Mark], timeout_s: float = 90.0) -> None:
        """Wait until the register holds all of these marks."""
        wanted = {mark.id for mark in marks}
        wait_until(
            lambda: wanted <= set(self.stored()), what="the marks' events", timeout_s=timeout_s
        )

    def _copy(self, *, to_backup: bool) -> None:
        if self.is_sqlite:
            live = Path(self.database_url.removeprefix("sqlite:///"))
            backup = self.folder / "backup.sqlite3"
            source, target = (live, backup) if to_backup else (backup, live)
            for leftover in (target, *target.parent.glob(f"{target.name}-*")):
                leftover.unlink(missing_ok=True)
            with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
                old.backup(new)
            return
        base, _, live_name = self.database_url.rpartition("/")
        names = (live_name, f"{live_name}_b")
        source_name, target_name = names if to_backup else names[::-1]
        admin = f"{base}/postgres".replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{target_name}" WITH (FORCE)'.encode())
            copied = f'CREATE DATABASE "{target_name}" TEMPLATE "{source_name}"'
            connection.execute(copied.encode())


@contextmanager
def world(
    folder: Path, database_url: str | None = None, *, students: int = 6, data: Path | None = None
) -> Iterator[World]:
    """Run a school with one claimed kiosk; everything is gone after the block.

    Args:
        folder: of this test.
        database_url: PostgreSQL; None: SQLite.
        students: on the roster of the running lesson.
        data: the server's data folder, where it is to be on another disk.
    """
    data = data or folder / "server"
    school = _school(folder, data, database_url)
    url = database_url or f"sqlite:///{data / 'rollcall.sqlite3'}"
    kiosks: list[KioskProcess] = []
    with proxied(school.url) as proxy:
        try:
            school.start_broker()
            school.start_server()
            school.set_up(data, students)
            journal = folder / "kiosk.jsonl"
            kiosk = KioskProcess(folder / "kiosk", proxy.url, school.claim_code, journal)
            kiosks.append(kiosk)
            yield World(school, folder, url, proxy, kiosk, kiosks)
        finally:
            for one in kiosks:
                one.cut_power()
            for process in (school.server, school.broker):
                process.stop()
                process.kill()


def _school(folder: Path, data: Path, database_url: str | None) -> RealSchool:
    port, broker_port = free_port(), free_port()
    env = {
        "ROLLCALL_SERVER_DATA_DIR": str(data),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(broker_port),
        "ROLLCALL_SERVER_BROKER": "mosquitto",
        "ROLLCALL_SERVER_DISK_LOW_BYTES": "0",
    }
    if database_url is not None:
        env["ROLLCALL_SERVER_DATABASE_URL"] = database_url
    return RealSchool(
        Process([SERVER, "serve"], folder / "server.log", env),
        Process([SERVER, "broker"], folder / "broker.log", env),
        f"http://127.0.0.1:{port}",
        broker_port,
    )


def clock_library(folder: Path) -> Path:
    """Compile what shifts a kiosk's wall clock; the test skips without a compiler."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler: apt-get install gcc libc6-dev")
    made = folder / "wall_clock.so"
    source = Path(__file__).with_name("wall_clock.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


def damage(path: Path, places: Iterable[int], size: int = 512) -> None:
    """Overwrite parts of a file, as a dying card does."""
    with path.open("r+b") as file:
        for place in places:
            file.seek(place)
            file.write(b"\xff" * size)
