"""The server's link, end to end: real brokers, a real database, kiosks that speak MQTT."""

import logging
import queue
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlmodel import Session

from protocol.v1 import topics
from protocol.v1.fields import parse_message
from protocol.v1.messages import Ack, ConfigDocument, RawEvent, Status, VersionHint
from protocol.v1.statements import verify_ack
from server.attendance.ingest import Intake, take_in
from server.attendance.pace import IngestPace
from server.attendance.verification import Delivery
from server.certificates.links import Links
from server.config import Settings
from server.db.types import now
from server.enrollment.unreadable import Unreadable, inventory
from server.kiosks import claiming, configuration
from server.kiosks.tables import Kiosk, ServerKey
from server.mqtt.tasks import BrokerTasks
from tests.contract.broker.conftest import Client
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import School
from tests.support.ports import free_port, is_listening
from tests.support.processes import Process
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]
_RUN = "from server.mqtt.broker import main; from server.config import Settings; main(Settings())"


@dataclass
class Link:
    """A broker process, the server's link to it, and the kiosks that use it."""

    school: School
    settings: Settings
    broker: Process
    clients: list[Client] = field(default_factory=list)

    def start_broker(self) -> None:
        self.broker.start(lambda: is_listening(self.settings.broker_port))

    @contextmanager
    def server(self) -> Iterator[BrokerTasks]:
        tasks = BrokerTasks(
            Links.of(self.settings),
            self.school.database,
            self.school.vault,
            pace=IngestPace(self.settings.ingest_rate, self.settings.ingest_burst),
        )
        tasks.start()
        try:
            yield tasks
        finally:
            tasks.stop()

    def connect(self, device: SimulatedKiosk) -> Client:
        """Connect as a kiosk does, as soon as its account is there."""
        with self.school.database.reading() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
            password = claiming.broker_password(self.school.vault, kiosk)

        def attempt() -> list[Client]:
            client = Client(
                self.settings.broker_port, device.kiosk_id, password, clean_session=False
            )
            self.clients.append(client)
            return [client] if client.connect() else []

        (client,) = wait_until(attempt, what="the kiosk's account")
        for channel in topics.SERVER_CHANNELS:
            client.subscribe(topics.topic(device.kiosk_id, channel))
        return client


def send(client: Client, device: SimulatedKiosk, *events: RawEvent) -> None:
    client.publish(topics.events(device.kiosk_id), device.batch(list(events)))


def next_of(client: Client, channel: str) -> bytes:
    """The next message of one channel; others are passed over."""
    while True:
        message = client.next()
        address = topics.parse(message.topic)
        if address is not None and address.channel == channel:
            return bytes(message.payload)


def next_ack(client: Client) -> Ack:
    """The next ack that speaks of any event; one of the server's start may speak of none."""
    while True:
        ack = parse_message(Ack, next_of(client, topics.ACK))
        if ack.stored_through or ack.stored_beyond or ack.refused:
            return ack


@pytest.fixture(params=["mosquitto", "embedded"])
def link(request: pytest.FixtureRequest, school: School, tmp_path: Path) -> Iterator[Link]:
    """A broker that shares its data folder with the server, and with it the server's password."""
    kind, port = request.param, free_port()
    settings = Settings(data_dir=tmp_path / "data", broker=kind, broker_port=port)
    env = {
        "ROLLCALL_SERVER_BROKER": kind,
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


def test_events_are_acknowledged_after_their_commit(link: Link) -> None:
    device = link.school.kiosk()
    with link.server():
        client = link.connect(device)
        before = counted("mqtt"), counted("http")
        send(client, device, *device.events(3, now()))
        ack = next_ack(client)
        verify_ack(ack, _server_key(link.school))
        assert ack.stored_through == 3
        assert len(link.school.stored(device)) == 3
        assert (counted("mqtt"), counted("http")) == (before[0] + 3, before[1])


def test_kiosks_hear_what_a_restarted_server_holds(link: Link) -> None:
    """An empty answer to no batch: that is how they learn that it was restored."""
    device = link.school.kiosk()
    events = device.events(5, now())
    link.school.send(device, *events[:2], events[3])
    with link.server():
        client = link.connect(device)
        link.school.send(device, events[2])
    with link.server():
        ack = next_ack(client)
        verify_ack(ack, _server_key(link.school))
        while ack.stored_through < 4:
            ack = next_ack(client)
        assert (ack.stored_through, ack.stored_beyond, ack.refused) == (4, (), ())


def test_events_are_kept_where_the_signing_key_cannot_be_read(
    link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    device = link.school.kiosk()
    _server_key(link.school)
    with link.school.database.transaction() as db:
        db.get_one(ServerKey, 1).data = bytes(60)
    with caplog.at_level(logging.ERROR), link.server():
        client = link.connect(device)
        send(client, device, *device.events(2, now()))
        wait_until(lambda: len(link.school.stored(device)) == 2, what="the events")
        next_of(client, topics.HINT)
    assert link.school.quarantined() == []


def _server_key(school: School) -> Ed25519PublicKey:
    with school.database.transaction() as db:
        return claiming.server_signing_key(db, school.vault).public_key()


def counted(transport: str, outcome: str = "stored") -> float:
    labels = {"outcome": outcome, "transport": transport}
    return REGISTRY.get_sample_value("rollcall_ingest_events_total", labels) or 0.0


def test_kiosk_is_let_in_by_the_broker_as_soon_as_its_claim_is_answered(link: Link) -> None:
    with link.server() as tasks:
        wait_until(lambda: tasks.status() == "connected", what="the link")
        device = link.school.kiosk()
        with link.school.database.reading() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
            password = claiming.broker_password(link.school.vault, kiosk)
        assert tasks.admit(kiosk.wire_id, kiosk.generation)
        client = Client(link.settings.broker_port, device.kiosk_id, password, clean_session=False)
        link.clients.append(client)
        assert client.connect()


def test_claim_does_not_wait_for_a_broker_that_is_away(link: Link) -> None:
    link.broker.stop()
    device = link.school.kiosk()
    with link.server() as tasks:
        assert not tasks.admit(device.kiosk_id, 1)


def test_server_starts_without_a_broker_and_finds_it_later(link: Link) -> None:
    link.broker.stop()
    device = link.school.kiosk()
    with link.server() as tasks:
        assert tasks.status() == "disconnected"
        link.start_broker()
        wait_until(lambda: tasks.status() == "connected", what="the link")
        client = link.connect(device)
        send(client, device, device.event(now()))
        assert next_ack(client).stored_through == 1


def test_events_that_no_server_heard_arrive_when_the_kiosk_sends_them_again(link: Link) -> None:
    device = link.school.kiosk()
    with link.server():
        client = link.connect(device)
    events = device.events(2, now())
    send(client, device, *events)
    with link.server():
        wait_until(lambda: _is_taken(client, device, events), what="the ack")
    assert [row.seq for row in link.school.stored(device)] == [1, 2]


def test_link_survives_a_killed_broker(link: Link) -> None:
    device = link.school.kiosk()
    with link.server() as tasks:
        link.connect(device)
        link.broker.kill()
        wait_until(lambda: tasks.status() == "disconnected", what="the loss to be noticed")
        link.start_broker()
        client = link.connect(device)
        events = device.events(2, now())
        # A broker killed this way forgets who listened, so a PUBACK is no receipt: like a kiosk,
        # send again until the server's own ack comes.
        wait_until(lambda: _is_taken(client, device, events), what="the ack")
    assert [row.seq for row in link.school.stored(device)] == [1, 2]


def test_revoked_kiosk_loses_its_connection(link: Link) -> None:
    device, other = link.school.kiosk(), link.school.kiosk()
    with link.server():
        revoked, kept = link.connect(device), link.connect(other)
        link.school.revoke(device)
        assert revoked.dropped.wait(10)
        assert not kept.dropped.is_set()


def test_kiosk_revoked_while_the_broker_was_away_stays_out(link: Link) -> None:
    device = link.school.kiosk()
    with link.server():
        client = link.connect(device)
    link.broker.kill()
    link.school.revoke(device)
    link.start_broker()
    with link.server():
        password = client.paho._password
        assert password is not None
        wait_until(lambda: not _admits(link, device, password.decode()), what="the account to go")


def _is_taken(client: Client, device: SimulatedKiosk, events: list[RawEvent]) -> bool:
    send(client, device, *events)
    try:
        message = client.messages.get(timeout=0.5)
    except queue.Empty:
        return False
    is_ack = message.topic == topics.ack(device.kiosk_id)
    return is_ack and parse_message(Ack, message.payload).stored_through == device.seq


def _admits(link: Link, device: SimulatedKiosk, password: str) -> bool:
    client = Client(link.settings.broker_port, device.kiosk_id, password)
    link.clients.append(client)
    return client.connect()


def test_broker_that_lost_its_accounts_gets_them_back(link: Link) -> None:
    device = link.school.kiosk()
    with link.server():
        link.connect(device)
        link.broker.kill()
        for path in (link.settings.data_dir / "broker").glob("dynamic-security.json"):
            path.unlink()
        link.start_broker()
        assert link.connect(device).session_present in (True, False)


def test_hint_follows_the_gallery(link: Link) -> None:
    device = link.school.kiosk()
    with link.server():
        client = link.connect(device)
        before = parse_message(VersionHint, next_of(client, topics.HINT))
        link.school.enrol(link.school.person())
        after = parse_message(VersionHint, next_of(client, topics.HINT))
        assert after.gallery > before.gallery or after.config != before.config


def test_every_kiosk_gets_its_hint_where_a_round_has_time_for_one(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.mqtt.hints.HINTS_S", -1.0)
    real = configuration.build
    devices = [link.school.kiosk() for _ in range(4)]
    broken = devices[0].kiosk_id

    def build(db: Session, kiosk: Kiosk, *rest: Any) -> ConfigDocument:
        if kiosk.wire_id == broken:
            raise ValueError("this kiosk's room is broken")
        return real(db, kiosk, *rest)

    monkeypatch.setattr(configuration, "build", build)
    with link.server() as tasks:
        clients = [link.connect(device) for device in devices[1:]]
        first = [parse_message(VersionHint, next_of(one, topics.HINT)) for one in clients]
        link.school.enrol(link.school.person())
        for client, before in zip(clients, first, strict=True):
            assert parse_message(VersionHint, next_of(client, topics.HINT)) != before
        late = link.school.kiosk()
        assert tasks.admit(late.kiosk_id, 1)


def test_status_reaches_the_kiosks_row(link: Link) -> None:
    device = link.school.kiosk()

    def kiosk() -> Kiosk:
        with link.school.database.reading() as db:
            return db.get_one(Kiosk, uuid.UUID(device.kiosk_id))

    with link.server():
        client = link.connect(device)
        status = Status(online=True, at=now(), software_version="0.1.0", backlog=3)
        client.publish(topics.status(device.kiosk_id), status.to_json(), retain=True)
        wait_until(lambda: (kiosk().status or {}).get("backlog") == 3, what="the status")
        assert kiosk().is_online
        client.publish(topics.status(device.kiosk_id), Status(online=False).to_json())
        wait_until(lambda: not kiosk().is_online, what="the last will")


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{}", b"[" * 10_000, b'{"kiosk_id": 1}'])
def test_garbage_stops_nothing(link: Link, payload: bytes) -> None:
    device = link.school.kiosk()
    with link.server():
        client = link.connect(device)
        client.publish(topics.events(device.kiosk_id), payload)
        client.publish(topics.status(device.kiosk_id), payload)
        send(client, device, device.event(now()))
        acks = iter(lambda: next_ack(client).stored_through, 1)
        assert set(acks) <= {0}


def test_database_that_is_locked_for_a_while_costs_no_event(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.mqtt.writer.RETRY_S", 0.1)
    device = link.school.kiosk()
    with link.server():
        client = link.connect(device)
        with link.school.database.engine.connect() as holder:
            holder.execute(text("SELECT 1"))
            send(client, device, *device.events(2, now()))
            holder.rollback()
        assert next_ack(client).stored_through == 2


def test_message_that_breaks_the_server_is_set_aside_and_holds_up_no_other(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fragile(db: Session, deliveries: Sequence[Delivery], at: datetime) -> Intake:
        if any(delivery.payload == b"poison" for delivery in deliveries):
            raise RuntimeError("a fault of ours")
        return take_in(db, deliveries, at)

    monkeypatch.setattr("server.mqtt.writer.take_in", fragile)
    device = link.school.kiosk()
    with link.server():
        client = link.connect(device)
        client.publish(topics.events(device.kiosk_id), b"poison")
        send(client, device, device.event(now()))
        assert next_ack(client).stored_through == 1
    (kept,) = link.school.quarantined()
    assert (kept.reason, kept.body) == ("backend", "poison")


def test_kiosk_with_an_unreadable_password_does_not_stop_the_others(
    link: Link, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = link.school.kiosk(), link.school.kiosk()
    with link.school.database.transaction() as db:
        first = db.get_one(Kiosk, uuid.UUID(min(bad.kiosk_id, good.kiosk_id)))
        first.broker_password_key_id = "k2"
        device = good if first.wire_id == bad.kiosk_id else bad
    with link.server():
        client = link.connect(device)
        assert parse_message(VersionHint, next_of(client, topics.HINT)).gallery >= 0
        send(client, device, device.event(now()))
        assert next_ack(client).stored_through == 1
    warnings = [record for record in caplog.records if "unreadable" in record.getMessage()]
    assert len(warnings) == 1, "warned once, not every second"
    with link.school.database.reading() as db:
        found = inventory(db, link.school.vault, claiming.KIOSK_PURPOSES)
    assert found == (Unreadable("kiosks", 1, "k2"),)


def test_kiosk_whose_versions_cannot_be_computed_does_not_stop_the_others(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = link.school.kiosk(), link.school.kiosk()
    real = configuration.build

    def build(db: Session, kiosk: Kiosk, *rest: Any) -> ConfigDocument:
        if kiosk.wire_id == bad.kiosk_id:
            raise ValueError("this kiosk's room is broken")
        return real(db, kiosk, *rest)

    monkeypatch.setattr(configuration, "build", build)
    with link.server():
        client = link.connect(good)
        assert parse_message(VersionHint, next_of(client, topics.HINT)).gallery >= 0
