"""What the server and the kiosks rely on, tried on both brokers as they really run."""

import subprocess
import sys
from pathlib import Path

import pytest

from protocol.v1 import topics
from protocol.v1.fields import MAX_MESSAGE_BYTES
from server.mqtt.accounts import ACCOUNTS_PER_MESSAGE, BrokerAccount
from tests.contract.broker.conftest import PASSWORD, RunningBroker, broker_environment
from tests.support.ports import free_port, is_listening
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("username", "password"),
    [(None, None), ("", ""), ("kiosk-1", "wrong"), ("kiosk-2", PASSWORD), ("rollcall-server", "x")],
)
def test_wrong_credentials_are_refused(
    broker: RunningBroker, username: str | None, password: str | None
) -> None:
    broker.admit("kiosk-1")
    assert not broker.client(username, password).connect()


def test_kiosk_is_heard_by_the_server_and_by_nobody_else(broker: RunningBroker) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    server, other = broker.server(), broker.kiosk("kiosk-2")
    server.subscribe(topics.from_all_kiosks(topics.EVENTS))
    for topic_filter in (topics.events("kiosk-1"), "rollcall/v1/#", "#", "rollcall/v1/+/events"):
        other.subscribe(topic_filter)
    broker.kiosk("kiosk-1").publish(topics.events("kiosk-1"), b"batch")
    assert server.next().payload == b"batch"
    assert other.hears_nothing()


@pytest.mark.parametrize("channel", topics.SERVER_CHANNELS)
def test_kiosk_hears_its_own_channels_only(broker: RunningBroker, channel: str) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    server, mine = broker.server(), broker.kiosk("kiosk-1")
    mine.subscribe(topics.topic("kiosk-1", channel))
    mine.subscribe(topics.topic("kiosk-2", channel))
    server.publish(topics.topic("kiosk-2", channel), b"theirs")
    server.publish(topics.topic("kiosk-1", channel), b"mine")
    assert mine.next().payload == b"mine"
    assert mine.hears_nothing()


@pytest.mark.parametrize(
    "topic",
    [
        topics.events("kiosk-2"),
        topics.status("kiosk-2"),
        topics.ack("kiosk-1"),
        topics.command("kiosk-1"),
        "elsewhere",
    ],
)
def test_kiosk_cannot_write_where_it_has_no_business(broker: RunningBroker, topic: str) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    server = broker.server()
    server.subscribe(topics.from_all_kiosks(topics.EVENTS))
    server.subscribe(topics.from_all_kiosks(topics.STATUS))
    victim = broker.kiosk("kiosk-1", clean_session=False)
    victim.subscribe(topics.ack("kiosk-1"))
    victim.subscribe(topics.command("kiosk-1"))
    attacker = broker.kiosk("kiosk-1", client_id="kiosk-1")
    attacker.publish(topic, b"forged")
    assert server.hears_nothing()
    assert attacker.hears_nothing()


def test_kiosk_cannot_keep_accounts(broker: RunningBroker) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    attacker = broker.kiosk("kiosk-1")
    attacker.publish(
        "$CONTROL/dynamic-security/v1",
        b'{"commands":[{"command":"deleteClient","username":"kiosk-2"}]}',
    )
    with broker.accounts() as accounts:
        assert set(accounts.generations()) == {"kiosk-1", "kiosk-2"}


def test_last_will_cannot_be_left_on_a_foreign_topic(broker: RunningBroker) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    server = broker.server()
    server.subscribe(topics.from_all_kiosks(topics.STATUS))
    attacker = broker.client("kiosk-1")
    attacker.paho.will_set(topics.status("kiosk-2"), b"forged", qos=1, retain=True)
    if attacker.connect():
        attacker.cut()
    assert server.hears_nothing()


def test_last_will_of_a_lost_kiosk_reaches_late_listeners(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    kiosk = broker.client("kiosk-1")
    kiosk.paho.will_set(topics.status("kiosk-1"), b'{"online": false}', qos=1, retain=True)
    assert kiosk.connect()
    watcher = broker.server()
    watcher.subscribe(topics.from_all_kiosks(topics.STATUS))
    kiosk.cut()
    assert watcher.next().payload == b'{"online": false}'
    late = broker.client("rollcall-server", "s" * 32, client_id="late")
    assert late.connect()
    late.subscribe(topics.from_all_kiosks(topics.STATUS))
    message = late.next()
    assert (message.payload, message.retain) == (b'{"online": false}', True)


def test_retained_hint_does_not_leak_to_another_kiosk(broker: RunningBroker) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    owner = broker.kiosk("kiosk-1")
    owner.subscribe(topics.hint("kiosk-1"))
    broker.server().publish(topics.hint("kiosk-1"), b"for kiosk-1", retain=True)
    assert owner.next().payload == b"for kiosk-1"
    assert broker.kiosk("kiosk-2").hears_nothing()


def test_retained_hint_waits_for_its_kiosk(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    broker.server().publish(topics.hint("kiosk-1"), b"current", retain=True)
    kiosk = broker.kiosk("kiosk-1")
    kiosk.subscribe(topics.hint("kiosk-1"))
    assert kiosk.next().payload == b"current"


def test_messages_wait_for_a_persistent_session(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    kiosk = broker.kiosk("kiosk-1", clean_session=False)
    kiosk.subscribe(topics.ack("kiosk-1"))
    kiosk.close()
    server = broker.server()
    for number in range(50):
        server.publish(topics.ack("kiosk-1"), str(number))
    again = broker.kiosk("kiosk-1", clean_session=False)
    assert again.session_present
    assert {int(again.next().payload) for _ in range(50)} == set(range(50))


def test_session_kept_from_a_first_clean_visit_on(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    broker.kiosk("kiosk-1", clean_session=True).close()
    kiosk = broker.kiosk("kiosk-1", clean_session=False)
    kiosk.subscribe(topics.ack("kiosk-1"))
    kiosk.close()
    broker.server().publish(topics.ack("kiosk-1"), b"kept")
    assert broker.kiosk("kiosk-1", clean_session=False).next().payload == b"kept"


def test_kiosk_may_use_its_own_client_id_only(broker: RunningBroker) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    victim = broker.kiosk("kiosk-1")
    assert not broker.client("kiosk-2", client_id="kiosk-1").connect()
    assert not victim.dropped.wait(0.3)


def test_stranger_cannot_end_a_session_by_naming_its_client_id(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    victim = broker.kiosk("kiosk-1", clean_session=False)
    victim.subscribe(topics.ack("kiosk-1"))
    assert not broker.client("kiosk-1", "guess", client_id="kiosk-1").connect()
    broker.server().publish(topics.ack("kiosk-1"), b"still here")
    assert victim.next().payload == b"still here"


def test_revoked_kiosk_is_dropped_at_once_and_stays_out(broker: RunningBroker) -> None:
    broker.admit("kiosk-1", "kiosk-2")
    revoked, other = broker.kiosk("kiosk-1"), broker.kiosk("kiosk-2")
    with broker.accounts() as accounts:
        accounts.remove("kiosk-1")
        accounts.remove("kiosk-1")
        assert revoked.dropped.wait(5)
        assert set(accounts.generations()) == {"kiosk-2"}
    assert not broker.client("kiosk-1").connect()
    assert not other.dropped.is_set()


def test_new_password_ends_the_session_under_the_old_one(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    live = broker.kiosk("kiosk-1")
    with broker.accounts() as accounts:
        accounts.add(BrokerAccount("kiosk-1", "n" * 32, "2"))
        assert accounts.generations() == {"kiosk-1": "2"}
    assert live.dropped.wait(5)
    assert not broker.client("kiosk-1").connect()
    assert broker.client("kiosk-1", "n" * 32).connect()


def test_many_accounts_are_made_with_few_messages(broker: RunningBroker) -> None:
    names = [f"kiosk-{number}" for number in range(2 * ACCOUNTS_PER_MESSAGE + 1)]
    broker.admit(*names)
    with broker.accounts() as accounts:
        assert accounts.generations() == dict.fromkeys(names, "1")
    for name in (names[0], names[ACCOUNTS_PER_MESSAGE], names[-1]):
        assert broker.client(name).connect()
    assert not broker.client("kiosk-1", client_id="kiosk-2").connect()


def test_accounts_survive_a_restart_of_the_broker(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    broker.process.stop()
    broker.process.start(lambda: is_listening(broker.port))
    assert broker.client("kiosk-1").connect()


def test_message_over_the_limit_costs_the_connection(broker: RunningBroker) -> None:
    broker.admit("kiosk-1")
    server, kiosk = broker.server(), broker.kiosk("kiosk-1")
    server.subscribe(topics.from_all_kiosks(topics.EVENTS))
    kiosk.publish(topics.events("kiosk-1"), bytes(MAX_MESSAGE_BYTES - 1024))
    assert len(server.next().payload) == MAX_MESSAGE_BYTES - 1024
    kiosk.paho.publish(topics.events("kiosk-1"), bytes(MAX_MESSAGE_BYTES + 8192), qos=1)
    assert kiosk.dropped.wait(5)
    assert server.hears_nothing()


def test_files_of_the_broker_are_its_owners_only(broker: RunningBroker, tmp_path: Path) -> None:
    broker.admit("kiosk-1")
    folder = tmp_path / "data" / "broker"
    assert folder.stat().st_mode & 0o077 == 0
    document = wait_until((folder / "dynamic-security.json").read_text, what="the account file")
    assert PASSWORD not in document


@pytest.mark.parametrize("kind", ["mosquitto", "embedded"])
def test_taken_port_is_named_in_the_error(broker: RunningBroker, kind: str, tmp_path: Path) -> None:
    run = (
        "from server.mqtt.broker import main; from server.config import Settings; main(Settings())"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", run],
        env=broker_environment(kind, broker.port, tmp_path / "second"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert outcome.returncode != 0
    assert f"Port {broker.port} on 127.0.0.1 cannot be opened" in outcome.stderr
    assert "ROLLCALL_SERVER_BROKER_PORT" in outcome.stderr


def test_free_port_is_free() -> None:
    assert not is_listening(free_port())
