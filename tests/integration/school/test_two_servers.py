"""Two servers at once: on one Mosquitto, on the same batches, and on the embedded broker."""

import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from server.attendance.ingest import Intake
from server.attendance.pace import IngestPace
from server.attendance.verification import Delivery
from server.certificates.links import Links
from server.config import Settings
from server.db.lock import sole_server_lock
from server.db.types import now
from server.errors import ConfigurationError
from server.mqtt import mosquitto
from server.mqtt.link import Arrival, BrokerLink
from server.mqtt.tasks import BrokerTasks
from tests.integration.school.conftest import School
from tests.integration.school.test_broker_link import Link, next_ack, send
from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, Process, running
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration
on_postgresql = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
BATCHES, SEED = 40, 17
_RUN = "from server.mqtt.broker import main; from server.config import Settings; main(Settings())"


@pytest.fixture
def link(school: School, tmp_path: Path) -> Iterator[Link]:
    """A Mosquitto that shares its data folder with the servers."""
    port = free_port()
    settings = Settings(data_dir=tmp_path / "data", broker="mosquitto", broker_port=port)
    env = {
        "ROLLCALL_SERVER_BROKER": "mosquitto",
        "ROLLCALL_SERVER_BROKER_PORT": str(port),
        "ROLLCALL_SERVER_DATA_DIR": str(settings.data_dir),
    }
    broker = Process([sys.executable, "-c", _RUN], tmp_path / "broker.log", env)
    made = Link(school, settings, broker)
    made.start_broker()
    yield made
    for client in made.clients:
        client.close()
    broker.stop()
    broker.kill()


@on_postgresql
def test_two_servers_share_a_mosquitto_and_neither_ends_the_others_connection(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: Counter[int] = Counter()
    acknowledge = BrokerLink.acknowledge

    def counting(self: BrokerLink, arrivals: list[Arrival]) -> None:
        taken[id(self)] += len([one for one in arrivals if one.address.channel == "events"])
        acknowledge(self, arrivals)

    monkeypatch.setattr(BrokerLink, "acknowledge", counting)
    device = link.school.kiosk()
    servers = [
        BrokerTasks(
            Links.of(link.settings),
            link.school.database,
            link.school.vault,
            pace=IngestPace(link.settings.ingest_rate, link.settings.ingest_burst),
        )
        for _ in range(2)
    ]
    for server in servers:
        server.start()
    try:
        for server in servers:
            wait_until(lambda one=server: one.status() == "connected", what="a link")  # type: ignore[misc]
        client = link.connect(device)
        for event in device.events(BATCHES, now()):
            send(client, device, event)
        while next_ack(client).stored_through < BATCHES:
            pass
        assert [server._link.connections for server in servers] == [1, 1]
    finally:
        for server in servers:
            server.stop()
    assert [row.seq for row in link.school.stored(device)] == list(range(1, BATCHES + 1))
    assert sum(taken.values()) == BATCHES
    assert all(taken[id(server._link)] for server in servers)


@on_postgresql
def test_batches_of_the_same_kiosks_on_two_servers_are_stored_once_without_a_deadlock(
    school: School,
) -> None:
    devices = [school.kiosk() for _ in range(3)]
    batches = [
        Delivery(device.kiosk_id, device.batch([event]))
        for device in devices
        for event in device.events(BATCHES, now())
    ]
    chance = random.Random(SEED)
    gate = threading.Barrier(2)

    def serve(order: Sequence[Delivery]) -> list[Intake]:
        gate.wait(30)
        return [school.take(*order[start : start + 6]) for start in range(0, len(order), 6)]

    # Both get two thirds of everything, each in another order: a third comes to both.
    orders = [batches[: len(batches) * 2 // 3], batches[len(batches) // 3 :]]
    for order in orders:
        chance.shuffle(order)
    with ThreadPoolExecutor(2) as servers:
        outcomes = [one for part in servers.map(serve, orders) for one in part]

    assert sum(one.stored for one in outcomes) == len(batches)
    assert sum(one.refused for one in outcomes) == 0
    for device in devices:
        assert [row.seq for row in school.stored(device)] == list(range(1, BATCHES + 1))
        assert school.progress(device).stored_through == BATCHES


def test_second_server_process_refuses_to_start_on_the_embedded_broker(tmp_path: Path) -> None:
    port, second = free_port(), free_port()

    def env(port: int) -> dict[str, str]:
        return {
            "ROLLCALL_SERVER_DATA_DIR": str(tmp_path / "data"),
            "ROLLCALL_SERVER_BROKER": "embedded",
            "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
            "ROLLCALL_SERVER_PORT": str(port),
        }

    command = [str(BIN / "rollcall-server"), "serve"]
    with running(
        command,
        log_path=tmp_path / "server.log",
        env=env(port),
        ready=lambda: is_listening(port),
    ) as first:
        refused = subprocess.run(
            command, env=env(second), capture_output=True, text=True, timeout=60, check=False
        )
        assert first.is_running()
    assert refused.returncode == 1
    (sentence,) = refused.stderr.splitlines()
    assert sentence.startswith("rollcall-server: Another server runs on this data folder")
    with sole_server_lock(tmp_path / "data"):  # the first one is gone, and so is its lock
        pass


def test_one_data_folder_has_one_sole_server(tmp_path: Path) -> None:
    with (
        sole_server_lock(tmp_path / "data"),
        pytest.raises(ConfigurationError, match="works with one server only"),
        sole_server_lock(tmp_path / "data"),
    ):
        pass


@pytest.mark.parametrize(
    ("broker", "host", "is_installed", "expected"),
    [
        ("embedded", "127.0.0.1", True, True),
        ("mosquitto", "127.0.0.1", False, False),
        ("auto", "127.0.0.1", True, False),
        ("auto", "0.0.0.0", False, True),
        ("auto", "192.0.2.7", False, False),  # of a broker elsewhere, which may be anything
    ],
)
def test_which_broker_these_settings_mean(
    monkeypatch: pytest.MonkeyPatch, broker: str, host: str, is_installed: bool, expected: bool
) -> None:
    found = Path("/usr/sbin/mosquitto") if is_installed else None
    monkeypatch.setattr(mosquitto, "find_mosquitto", lambda: found)
    monkeypatch.setattr(mosquitto, "find_plugin", lambda: found)
    settings = Settings(broker=broker, broker_host=host)

    assert mosquitto.is_embedded(settings) is expected
