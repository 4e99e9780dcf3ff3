"""TLS on both brokers as they really run: ended, foreign and renewed certificates."""

import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from protocol.v1 import topics
from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.certificates.links import Links
from server.config import Settings, load_settings
from server.db.types import now
from server.mqtt.link import BrokerLink
from server.mqtt.listener import MOST_STRANGERS
from server.mqtt.mosquitto import tell_mosquitto
from tests.contract.broker.conftest import (
    PASSWORD,
    SERVER_PASSWORD,
    WAIT_S,
    RunningBroker,
    running_broker,
)
from tests.support.certificates import (
    eavesdropper,
    ended,
    ended_leaf,
    school,
    shown_serial,
    trusting,
)
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class SecureBroker:
    """A broker with TLS, shared by the tests of this file: each uses other kiosks."""

    running: RunningBroker
    folder: CertificateFolder
    settings: Settings

    def serial(self) -> str:
        """The number of the certificate that it shows; "" where that is not trusted."""
        try:
            return shown_serial(self.running.port, trusting(self.folder))
        except ssl.SSLCertVerificationError:
            return ""

    def look_again(self, is_done: Callable[[], bool]) -> None:
        """Have it look at its file, as the running server does."""
        if self.running.kind == "mosquitto":
            assert tell_mosquitto(self.settings)
        else:
            os.kill(self.running.process.pid, signal.SIGHUP)
        wait_until(is_done, what="the certificate")


@pytest.fixture(scope="module")
def secure(broker_kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureBroker]:
    """A broker of each kind whose certificate had ended when it was started."""
    place = tmp_path_factory.mktemp(broker_kind)
    folder = ended(place / "data", Use.BROKER)
    with running_broker(broker_kind, place, tls=trusting(folder)) as running:
        yield SecureBroker(running, folder, load_settings(data_dir=place / "data"))


def test_thief_of_a_password_speaks_and_hears_for_one_kiosk_until_its_revocation(
    secure: SecureBroker,
) -> None:
    """The password of thief is known to another; TLS keeps it from being read on the way."""
    broker = secure.running
    broker.admit("thief", "victim")
    server, victim = broker.server(), broker.kiosk("victim", clean_session=False)
    server.subscribe(topics.events("victim"))
    victim.subscribe(topics.ack("victim"))
    thief = broker.kiosk("thief")
    for wanted in ("#", "rollcall/v1/#", topics.ack("victim"), "rollcall/v1/+/ack"):
        thief.subscribe(wanted)
    for forged in (topics.events("victim"), topics.ack("victim"), topics.hint("victim")):
        thief.publish(forged, b"forged", retain=True)
    server.publish(topics.ack("victim"), b"private")
    assert victim.next().payload == b"private"
    assert victim.hears_nothing()
    assert server.hears_nothing()
    assert thief.hears_nothing()
    assert not broker.client("victim", PASSWORD + "x").connect()
    assert not broker.client("thief", PASSWORD, client_id="victim").connect()

    with broker.accounts() as accounts:
        accounts.remove("thief")
    assert thief.dropped.wait(WAIT_S)
    assert not broker.client("thief", PASSWORD).connect()


def test_renewed_certificate_serves_without_a_restart_and_connections_stay(
    secure: SecureBroker,
) -> None:
    """Ended: no client connects. Renewed: new ones do. One that is connected notices nothing."""
    broker, leaf = secure.running, secure.folder.leaf(Use.BROKER)
    first = secure.serial()  # renewed as the broker started
    broker.admit("kiosk-1")
    server, kiosk = broker.server(), broker.kiosk("kiosk-1")
    server.subscribe(topics.events("kiosk-1"))

    leaf.write_text(ended_leaf(secure.folder, Use.BROKER))
    secure.look_again(lambda: not secure.serial())
    secure.folder.ensure(at=now())
    secure.look_again(lambda: bool(secure.serial()))
    assert secure.serial() != first

    kiosk.publish(topics.events("kiosk-1"), b"batch")
    assert server.next().payload == b"batch"
    assert not kiosk.dropped.is_set()


def test_client_of_another_school_and_one_without_tls_get_nothing(
    secure: SecureBroker, tmp_path: Path
) -> None:
    port = secure.running.port
    with pytest.raises(ssl.SSLCertVerificationError):
        shown_serial(port, trusting(school(tmp_path)))
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as plain:
        plain.sendall(b"\x10\x12\x00\x04MQTT\x04\x02\x00\x3c\x00\x06kiosk1")
        assert b"\x20\x02" not in _received(plain)  # no CONNACK


def test_silent_connections_keep_no_kiosk_out(secure: SecureBroker) -> None:
    """Mosquitto keeps them until its own limit; the embedded broker closes the oldest."""
    port = secure.running.port
    secure.running.admit("late")
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(MOST_STRANGERS + 20)]
    assert secure.running.kiosk("late").paho.is_connected()
    assert _is_closed(silent[0]) is (secure.running.kind == "embedded")
    assert not _is_closed(silent[-1])
    for connection in silent:
        connection.close()


def _is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(64)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize("middle", ["foreign", "ended", "no listener's"])
def test_server_gives_no_password_to_a_man_in_the_middle(tmp_path: Path, middle: str) -> None:
    ours = (ended if middle == "ended" else school)(tmp_path / "data", Use.BROKER, Use.ML_CLIENT)
    theirs = school(tmp_path / "foreign", Use.BROKER) if middle == "foreign" else ours
    use = Use.ML_CLIENT if middle == "no listener's" else Use.BROKER
    with eavesdropper(theirs, use) as thief:
        settings = load_settings(
            data_dir=ours.path.parent, broker_port=thief.port, broker_password=SERVER_PASSWORD
        )
        link = BrokerLink(Links.of(settings))
        link.start()
        wait_until(lambda: thief.connections >= 1, what="an attempt")
        link.stop()
        assert link.status == "disconnected"
    assert not thief.heard
