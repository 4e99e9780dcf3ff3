"""Both brokers as real processes, and small MQTT clients to try them with."""

import queue
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from server.mqtt.accounts import BrokerAccount, ControlChannel, DynamicSecurityAccounts
from server.mqtt.mosquitto import find_mosquitto, find_plugin
from server.mqtt.security import RESPONSE_TOPIC
from tests.support.ports import free_port, is_listening
from tests.support.processes import Process, running

if TYPE_CHECKING:
    from paho.mqtt.reasoncodes import ReasonCode

SERVER = "rollcall-server"
SERVER_PASSWORD = "s" * 32
PASSWORD = "p" * 32
WAIT_S = 10.0
QUIET_S = 0.4
_RUN = "from server.mqtt.broker import main; from server.config import Settings; main(Settings())"


class Client:
    """A paho client that remembers what it got."""

    def __init__(
        self, port: int, username: str | None, password: str | None, **options: Any
    ) -> None:
        self.messages: queue.Queue[mqtt.MQTTMessage] = queue.Queue()
        self.connected: queue.Queue[ReasonCode] = queue.Queue()
        self.granted: queue.Queue[list[Any]] = queue.Queue()
        self.dropped = threading.Event()
        self.session_present = False
        self._port = port
        self._tls = options.pop("tls", None)
        client_id = options.pop("client_id", username or "anyone")
        clean = options.pop("clean_session", True)
        self.paho = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=clean,
            reconnect_on_failure=False,
        )
        if username is not None:
            self.paho.username_pw_set(username, password)
        if self._tls is not None:
            self.paho.tls_set_context(self._tls)
        self.paho.on_connect = self._on_connect
        self.paho.on_message = lambda _c, _u, message: self.messages.put(message)
        self.paho.on_subscribe = lambda _c, _u, _m, codes, _p: self.granted.put(codes)
        self.paho.on_disconnect = lambda *_: self.dropped.set()

    def _on_connect(self, _c: Any, _u: Any, flags: Any, code: Any, _p: Any) -> None:
        self.session_present = flags.session_present
        self.connected.put(code)

    def connect(self) -> bool:
        """Connect; returns whether the broker let us in."""
        self.paho.connect("127.0.0.1", self._port)
        self.paho.loop_start()
        code = self.connected.get(timeout=WAIT_S)
        return not code.is_failure

    def subscribe(self, topic: str) -> None:
        self.paho.subscribe(topic, qos=1)
        self.granted.get(timeout=WAIT_S)

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        self.paho.publish(topic, payload, qos=1, retain=retain).wait_for_publish(WAIT_S)

    def next(self) -> mqtt.MQTTMessage:
        return self.messages.get(timeout=WAIT_S)

    def hears_nothing(self) -> bool:
        """Whether nothing comes for a moment, during which something would have."""
        try:
            self.messages.get(timeout=QUIET_S)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()

    def cut(self) -> None:
        """Lose the connection without a word, as a power cut would."""
        self.paho.loop_stop()
        sock = self.paho.socket()
        assert sock is not None
        sock.close()


@dataclass
class RunningBroker:
    """One broker process."""

    kind: str
    port: int
    process: Process
    clients: list[Client] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    def client(
        self, username: str | None, password: str | None = PASSWORD, **options: Any
    ) -> Client:
        client = Client(self.port, username, password, **{"tls": self.tls, **options})
        self.clients.append(client)
        return client

    def server(self) -> Client:
        client = self.client(SERVER, SERVER_PASSWORD, client_id="server-under-test")
        assert client.connect()
        return client

    def kiosk(self, kiosk_id: str, **options: Any) -> Client:
        client = self.client(kiosk_id, PASSWORD, **options)
        assert client.connect()
        return client

    @contextmanager
    def accounts(self) -> Iterator[DynamicSecurityAccounts]:
        client = self.client(SERVER, SERVER_PASSWORD, client_id="accounts-under-test")
        channel = ControlChannel(client.publish)
        client.paho.on_message = lambda _c, _u, message: channel.deliver(bytes(message.payload))
        assert client.connect()
        client.subscribe(RESPONSE_TOPIC)
        yield DynamicSecurityAccounts(channel)
        client.close()

    def admit(self, *kiosk_ids: str, generation: str = "1") -> None:
        with self.accounts() as accounts:
            for kiosk_id in kiosk_ids:
                accounts.add(BrokerAccount(kiosk_id, PASSWORD, generation))


def broker_environment(kind: str, port: int, data_dir: Path) -> dict[str, str]:
    return {
        "ROLLCALL_SERVER_BROKER": kind,
        "ROLLCALL_SERVER_BROKER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PASSWORD": SERVER_PASSWORD,
        "ROLLCALL_SERVER_DATA_DIR": str(data_dir),
    }


@pytest.fixture(params=["mosquitto", "embedded"], scope="session")
def broker_kind(request: pytest.FixtureRequest) -> str:
    """Each of the brokers `rollcall-server broker` can run."""
    kind: str = request.param
    if kind == "mosquitto" and not (find_mosquitto() and find_plugin()):
        pytest.skip("needs Debian's mosquitto package")
    return kind


@contextmanager
def running_broker(
    kind: str, folder: Path, *, tls: ssl.SSLContext | None = None
) -> Iterator[RunningBroker]:
    """A broker of its kind with the data folder `folder/data`."""
    port = free_port()
    with running(
        [sys.executable, "-c", _RUN],
        log_path=folder / "broker.log",
        env=broker_environment(kind, port, folder / "data"),
        ready=lambda: is_listening(port),
    ) as process:
        started = RunningBroker(kind, port, process, tls=tls)
        yield started
        for client in started.clients:
            client.close()


@pytest.fixture
def broker(broker_kind: str, tmp_path: Path) -> Iterator[RunningBroker]:
    """A running broker without certificates."""
    with running_broker(broker_kind, tmp_path) as started:
        yield started
