"""The kiosk's MQTT link against a real Mosquitto."""

import getpass
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.sync.backoff import Backoff
from kiosk.sync.inbox import Arrived, Inbox, Item, LinkChanged
from kiosk.sync.mqtt import MQTTLink
from protocol.v1.messages import EventBatch, Status, VersionHint, parse_message
from tests.fakes.kiosk_clock import START
from tests.fakes.school import KIOSK_ID, broker_access
from tests.integration.kiosk.broker_peer import BrokerPeer, peer
from tests.support.mosquitto import MOSQUITTO, PlainBroker
from tests.support.ports import free_port, is_listening
from tests.support.processes import running
from tests.support.waiting import wait_until
from tests.unit.kiosk.storage.drafts import ack

pytestmark = pytest.mark.integration


class Linked:
    """A link and everything that arrived on it."""

    def __init__(self, port: int) -> None:
        self.inbox = Inbox()
        self.items: list[Item] = []
        self.link = MQTTLink(broker_access(port), self.inbox, Backoff(0.1, 0.3))

    def has(self, item: Item) -> bool:
        self.items += self.inbox.take(0.05)
        return item in self.items

    def wait_for(self, item: Item) -> None:
        wait_until(lambda: self.has(item), what=str(item), timeout_s=20)

    def wait_up(self) -> None:
        wait_until(lambda: self.link.health is LinkHealth.UP, what="the link", timeout_s=20)


@pytest.fixture
def linked(mosquitto: PlainBroker) -> Iterator[Linked]:
    linked = Linked(mosquitto.port)
    linked.link.start()
    linked.wait_up()
    yield linked
    linked.link.stop()


@pytest.fixture
def school(mosquitto: PlainBroker) -> Iterator[BrokerPeer]:
    with peer(mosquitto.port) as listener:
        yield listener


def test_events_arrive_unretained(linked: Linked, school: BrokerPeer) -> None:
    batch = EventBatch(kiosk_id=KIOSK_ID, events=({"seq": 1},), last_seq=1)

    assert linked.link.send_events(batch)

    message = school.hear("events")
    assert parse_message(EventBatch, message.payload) == batch
    assert not message.retain


def test_acks_and_hints_land_in_the_inbox(linked: Linked, school: BrokerPeer) -> None:
    acked = ack(4, kiosk_id=KIOSK_ID)
    hint = VersionHint(gallery=3, config="c1", issued_at=START)
    school.say("ack", acked)
    school.say("hint", hint, retain=True)

    # `wait_for` fails where it does not arrive.
    linked.wait_for(Arrived("ack", acked.to_json()))
    linked.wait_for(Arrived("hint", hint.to_json()))


def test_status_is_retained_and_the_farewell_says_offline(
    linked: Linked, school: BrokerPeer, mosquitto: PlainBroker
) -> None:
    linked.link.send_status(Status(online=True, backlog=2))
    first = parse_message(Status, school.hear("status").payload)
    linked.link.stop()
    last = parse_message(Status, school.hear("status").payload)

    with peer(mosquitto.port) as later:
        kept = later.hear("status")
    assert (first.online, first.backlog, last.online) == (True, 2, False)
    assert kept.retain
    assert not parse_message(Status, kept.payload).online


def test_last_will_says_offline_when_the_kiosk_vanishes(linked: Linked, school: BrokerPeer) -> None:
    linked.link.send_status(Status(online=True))
    school.hear("status")
    transport = linked.link._client.socket()
    assert transport is not None
    linked.link._stopping.set()

    transport.close()

    assert not parse_message(Status, school.hear("status").payload).online


def test_cut_link_sends_nothing_and_comes_back_by_the_end_of_the_cut(
    linked: Linked, school: BrokerPeer
) -> None:
    batch = EventBatch(kiosk_id=KIOSK_ID, events=({"seq": 1},), last_seq=1)
    linked.link.cut.begin(60)
    wait_until(lambda: linked.link.health is LinkHealth.DOWN, what="the cut", timeout_s=20)
    assert not linked.link.send_events(batch)
    linked.link.cut.end()
    linked.wait_up()
    assert linked.link.send_events(batch)
    assert parse_message(EventBatch, school.hear("events").payload) == batch


def test_ack_sent_while_the_kiosk_is_away_waits_for_it(
    mosquitto: PlainBroker, school: BrokerPeer
) -> None:
    first = Linked(mosquitto.port)
    first.link.start()
    first.wait_up()
    first.link.stop()
    school.say("ack", ack(9, kiosk_id=KIOSK_ID))
    second = Linked(mosquitto.port)
    second.link.start()

    # Fails where it does not arrive.
    second.wait_for(Arrived("ack", ack(9, kiosk_id=KIOSK_ID).to_json()))
    second.link.stop()


def test_link_comes_back_by_itself_when_the_broker_does(
    mosquitto: PlainBroker, linked: Linked
) -> None:
    mosquitto.process.kill()
    linked.wait_for(LinkChanged(is_up=False))
    sent_while_away = linked.link.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))
    mosquitto.process.start(lambda: is_listening(mosquitto.port))
    linked.items.clear()

    linked.wait_for(LinkChanged(is_up=True))
    assert not sent_while_away


def test_broker_that_is_not_there_yet_is_found_later(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    linked = Linked(port)
    linked.link.start()
    wait_until(lambda: linked.link._backoff._failures > 1, what="two tries")

    with running(
        [MOSQUITTO or "mosquitto", "-c", str(config)],
        log_path=tmp_path / "log",
        ready=lambda: is_listening(port),
    ):
        linked.wait_up()  # fails where the link does not come up
        linked.link.stop()


def test_refused_password_is_an_alarm_and_not_a_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    config = tmp_path / "mosquitto.conf"
    config.write_text(
        f"user {getpass.getuser()}\nlistener {port} 127.0.0.1\n"
        f"allow_anonymous false\npassword_file {passwords}\n"
    )
    linked = Linked(port)
    with (
        running(
            [MOSQUITTO or "mosquitto", "-c", str(config)],
            log_path=tmp_path / "log",
            ready=lambda: is_listening(port),
        ),
        caplog.at_level(logging.ERROR),
    ):
        linked.link.start()
        wait_until(lambda: linked.link._backoff._failures > 2, what="three tries")
        refused = linked.link.health
        sent = linked.link.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))
        linked.link.stop()

    assert refused is LinkHealth.REFUSED
    assert not sent
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
