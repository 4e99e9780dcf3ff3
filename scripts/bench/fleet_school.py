"""An invented school with a kiosk at each of many doors, and the processes that serve it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlmodel import Session, col, select

from scripts.bench.fleet_kiosks import FleetKiosk
from scripts.invented_school import School, Size, fill
from server.config import Settings
from server.db.engine import Database
from server.db.vault import Vault, open_vault
from server.enrollment.gallery import log_change, seal_template
from server.enrollment.tables import ChangeKind, Enrolment, EnrolmentStatus, Template
from server.kiosks.claiming import BROKER_PURPOSE, DATA_KEY_PURPOSE
from server.kiosks.tables import Kiosk, KioskProgress
from server.migrations.runner import upgrade
from server.policies.service import current_policy, set_policy

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_HERE = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def found(settings: Settings, kiosks: int, people: int) -> list[FleetKiosk]:
    """Fill an empty database; every kiosk is claimed and has a password for the broker.

    Every kiosk holds the whole school, so that each enrolment is news for all of them.
    """
    database, vault = Database(settings.sqlalchemy_url), open_vault(settings)
    upgrade(database)
    size = Size(people=people, lessons=min(20, kiosks), kiosks=kiosks)
    school = fill(database, vault, size, datetime.now(UTC))
    with database.transaction() as db:
        policy = current_policy(db)
        kiosk = policy.kiosk.model_copy(update={"gallery": "school"})
        set_policy(db, policy.model_copy(update={"kiosk": kiosk}), actor="system")
        made = [
            _claimed(db, vault, kiosk_id, school, number)
            for number, kiosk_id in enumerate(school.kiosks)
        ]
    database.close()
    return made


def _claimed(
    db: Session, vault: Vault, kiosk_id: uuid.UUID, school: School, number: int
) -> FleetKiosk:
    kiosk, password = db.get_one(Kiosk, kiosk_id), uuid.uuid4().hex
    sealed = vault.seal(password.encode(), purpose=BROKER_PURPOSE, context=kiosk.wire_id)
    kiosk.broker_password_key_id, kiosk.broker_password = sealed.key_id, sealed.data
    sealed = vault.seal(os.urandom(32), purpose=DATA_KEY_PURPOSE, context=kiosk.wire_id)
    kiosk.data_key_key_id, kiosk.data_key = sealed.key_id, sealed.data
    db.add(kiosk)
    progress = db.get(KioskProgress, kiosk_id)
    made = FleetKiosk(kiosk.wire_id, password, school.keys[number], school.people)
    if progress is not None and progress.highest_seq:
        made.seq, made.head = progress.highest_seq, progress.highest_hash or made.head
    return made


def enrolled(database: Database) -> list[uuid.UUID]:
    """Return the people who have templates, in a fixed order."""
    with database.reading() as db:
        query = select(Template.person_id).distinct().order_by(col(Template.person_id))
        return list(db.exec(query))


def enrol(database: Database, vault: Vault, person_id: uuid.UUID) -> float:
    """Give a person one more template, as the enrolment worker does; returns when it was done."""
    template_id = uuid.uuid4()
    sealed = seal_template(vault, template_id, (0.5,) * 128)
    with database.transaction() as db:
        enrolment = Enrolment(
            person_id=person_id,
            status=EnrolmentStatus.ACCEPTED,
            correlation_id="fleet",
            created_by="system",
        )
        db.add(enrolment)
        db.flush()
        known = db.exec(select(Template).where(col(Template.person_id) == person_id)).first()
        template = Template(
            id=template_id,
            person_id=person_id,
            enrolment_id=enrolment.id,
            model_id=known.model_id if known else "dlib-resnet-v1",
            dimension=128,
            key_id=sealed.key_id,
            data=sealed.data,
            checked_at=datetime.now(UTC),
        )
        db.add(template)
        log_change(db, template, ChangeKind.UPSERT, datetime.now(UTC))
    return time.monotonic()


@dataclass
class Child:
    """A process that can be started again, its CPU time and its memory.

    Attributes:
        name: in the table.
        command: to run.
        env: beside the environment of this process.
        spent_s: CPU time of those that have ended.
    """

    name: str
    command: Sequence[str]
    env: dict[str, str]
    log: Path
    spent_s: float = 0.0
    child: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it (again)."""
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                list(self.command), env={**os.environ, **self.env}, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """End it at once, as a power cut does."""
        if self.child is not None:
            self.spent_s += cpu_s(self.child.pid)
            self.child.send_signal(signal.SIGKILL)
            self.child.wait(30)
            self.child = None

    def stop(self) -> None:
        """End it in good order."""
        if self.child is not None:
            self.child.terminate()
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()

    @property
    def cpu_s(self) -> float:
        """CPU time so far, seconds."""
        return self.spent_s + (cpu_s(self.child.pid) if self.child is not None else 0.0)

    @property
    def memory_mb(self) -> float:
        """Resident memory now."""
        if self.child is None:
            return 0.0
        pages = int(Path(f"/proc/{self.child.pid}/statm").read_text().split()[1])
        return pages * _PAGE / 1e6


@dataclass
class Processes:
    """Broker and servers of one school."""

    settings: Settings
    folder: Path
    servers: int
    broker: Child = field(init=False)
    serving: list[Child] = field(init=False)
    ports: list[int] = field(init=False)

    def __post_init__(self) -> None:
        env = {
            "DATA_DIR": str(self.settings.data_dir),
            "BROKER": self.settings.broker,
            "BROKER_PORT": str(self.settings.broker_port),
            "TIMEZONE": self.settings.school.timezone,
            "LOG_LEVEL": "warning",
        }
        if self.settings.database_url is not None:
            env["DATABASE_URL"] = self.settings.database_url.get_secret_value()
        named = {f"ROLLCALL_SERVER_{name}": value for name, value in env.items()}
        named["PYTHONPATH"] = str(_HERE)
        run = [sys.executable, "-P", "-m", "server.main"]
        self.broker = Child("broker", [*run, "broker"], named, self.folder / "broker.log")
        self.ports = [free_port() for _ in range(self.servers)]
        self.serving = [
            Child(
                f"server {number + 1}",
                [*run, "serve"],
                {**named, "ROLLCALL_SERVER_PORT": str(port)},
                self.folder / f"server-{number + 1}.log",
            )
            for number, port in enumerate(self.ports)
        ]

    def start_broker(self) -> float:
        """Start the broker; returns how long it took until it let clients in, seconds."""
        began_s = time.monotonic()
        self.broker.start()
        while not self._listens():
            time.sleep(0.02)
        return time.monotonic() - began_s

    def start_servers(self) -> None:
        """Start the servers and wait until each is connected to the broker."""
        for server in self.serving:
            server.start()
        for port in self.ports:
            while not is_linked(port):
                time.sleep(0.2)

    def stop(self) -> None:
        """End everything."""
        for child in (*self.serving, self.broker):
            child.stop()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.settings.broker_port)) == 0


def is_linked(port: int) -> bool:
    """Say whether a server answers, and is connected to the broker."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(re.search(rb'"broker": ?"connected"', answer.read()))
    except OSError:
        return False


def cpu_s(pid: int) -> float:
    """CPU time of a process and of the children it has waited for, seconds."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def postgres_cpu_s(url: str) -> float:
    """CPU time of a PostgreSQL on this machine with all its processes, seconds."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    leader = _parent(int(row[0]))
    family = [
        int(one.name) for one in Path("/proc").glob("[0-9]*") if _parent(int(one.name)) == leader
    ]
    return cpu_s(leader) + sum(map(cpu_s, family))


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return -1
