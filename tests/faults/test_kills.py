"""Kill -9, while people keep walking up: every event arrives, and arrives once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from scripts.assets.samples import people
from scripts.demo import clip
from scripts.demo.__main__ import students
from scripts.demo.processes import Supervisor
from scripts.demo.run import Demo
from scripts.demo.school import admit, enrol
from tests.support.ports import free_port
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400), pytest.mark.usefixtures("assets")]

BUSY_KIOSK = {
    "ROLLCALL_KIOSK_EXIT_AFTER_REPLAY": "false",
    "ROLLCALL_KIOSK_REPLAY_LOOP": "true",
    "ROLLCALL_KIOSK_DUPLICATE_WINDOW_S": "0",
    "ROLLCALL_KIOSK_RETRY_MAX_S": "2",
    "ROLLCALL_KIOSK_ACK_DEADLINE_S": "3",
}


@dataclass(frozen=True)
class Morning:
    """A running system, with eyes on both ends of the wire."""

    demo: Demo
    supervisor: Supervisor
    data: Path

    def recorded(self) -> int:
        """How many events the kiosk has ever written to its disk."""
        with closing(_open(self.data / "kiosk" / "outbox.db")) as outbox:
            row = outbox.execute("SELECT seq FROM chain").fetchone()
        return int(row[0]) if row else 0

    def waiting(self) -> int:
        """How many of them the kiosk still keeps for the server."""
        with closing(_open(self.data / "kiosk" / "outbox.db")) as outbox:
            waiting = "SELECT count(*) FROM event WHERE delivered_ms IS NULL"
            return int(outbox.execute(waiting).fetchone()[0])

    def stored(self) -> list[int]:
        """Sequence numbers of all events the server holds, in order."""
        with closing(_open(self.data / "server" / "rollcall.sqlite3")) as server:
            rows = server.execute("SELECT seq FROM attendance_events ORDER BY seq")
            return [int(row[0]) for row in rows]

    def quarantined(self) -> int:
        """How many events the server refused."""
        with closing(_open(self.data / "server" / "rollcall.sqlite3")) as server:
            return int(server.execute("SELECT count(*) FROM quarantined_events").fetchone()[0])

    def record_more(self, count: int) -> None:
        """Wait until people have been recorded `count` more times."""
        goal = self.recorded() + count
        wait_until(lambda: self.recorded() >= goal, what=f"{count} more people", timeout_s=90)

    def assert_everything_arrives_once(self) -> None:
        """From now on people may come or not: what is recorded now must arrive, once each."""
        goal = self.recorded()
        wait_until(lambda: len(self.stored()) >= goal, what=f"{goal} events", timeout_s=90)
        seqs = self.stored()
        assert seqs == list(range(1, len(seqs) + 1))
        assert self.quarantined() == 0


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)


@pytest.fixture(scope="session")
def busy_door(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in which everybody who is enrolled walks up."""
    path = tmp_path_factory.mktemp("door") / "door.avi"
    appearances = [
        clip.Appearance(person.appear[0], is_mirrored=False)
        for person in people()
        if not person.is_stranger
    ]
    clip.write(path, appearances, FacePipeline.open(default_store(), PipelineSettings()))
    return path


@pytest.fixture
def system(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Morning]:
    """Server, ML service and broker; the broker is the embedded one unless a test says other."""
    broker = getattr(request, "param", "embedded")
    ports = {name: free_port() for name in ("server", "ml", "broker")}
    supervisor = Supervisor(tmp_path / "log", echo=False)
    (tmp_path / "pictures").mkdir()
    demo = Demo(supervisor, tmp_path / "data", tmp_path / "pictures", ports, broker=broker)
    try:
        demo.start_services()
        demo.open_school()
        demo.switch_liveness_off()  # a photo that moves is not alive; this is about the record
        yield Morning(demo, supervisor, tmp_path / "data")
    finally:
        supervisor.stop_all()


@pytest.fixture
def morning(system: Morning, busy_door: Path) -> Morning:
    """Everybody is enrolled, the kiosk is up, and the first people have been recorded."""
    system.demo.enrol(students(people()))
    system.demo.start_kiosk(f"replay:{busy_door}", headless=True, more=BUSY_KIOSK)
    outbox = system.data / "kiosk" / "outbox.db"
    wait_until(outbox.exists, what="the kiosk's outbox", timeout_s=60)
    wait_until(system.stored, what="the first event", timeout_s=60)
    return system


def test_a_killed_server_gets_every_event_once_when_it_returns(morning: Morning) -> None:
    morning.supervisor.kill("server")
    morning.record_more(3)
    morning.supervisor.restart("server")
    morning.assert_everything_arrives_once()
    wait_until(lambda: morning.waiting() == 0, what="an empty outbox", timeout_s=60)


@pytest.mark.parametrize("system", ["embedded", "mosquitto"], indirect=True)
def test_a_killed_broker_loses_nothing(morning: Morning) -> None:
    morning.supervisor.kill("broker")
    morning.record_more(3)
    morning.assert_everything_arrives_once()
    morning.supervisor.restart("broker")
    morning.record_more(2)
    morning.assert_everything_arrives_once()


def test_a_killed_kiosk_goes_on_where_it_was(morning: Morning) -> None:
    for _ in range(3):
        morning.record_more(1)
        morning.supervisor.kill("kiosk")
        morning.supervisor.restart("kiosk")
    morning.record_more(2)
    morning.assert_everything_arrives_once()


def test_enrolments_wait_for_a_killed_ml_service_and_finish_by_themselves(system: Morning) -> None:
    demo = system.demo
    system.supervisor.kill("ml")
    photos = students(people())
    persons = {student: admit(demo.client, demo.school, student) for student in photos}
    enrolments = [enrol(demo.client, persons[student], photos[student]) for student in photos]
    wait_until(
        lambda: demo.client.get(f"/enrolments/{enrolments[0]}")["reason"] == "WAITING_FOR_SERVICE",
        what="the server to notice that the ML service is away",
    )
    assert system.demo.register()["rows"]
    system.supervisor.restart("ml")
    for enrolment in enrolments:
        wait_until(
            lambda enrolment=enrolment: (  # type: ignore[misc]
                demo.client.get(f"/enrolments/{enrolment}")["status"] == "accepted"
            ),
            what="the template",
            timeout_s=120,
        )
