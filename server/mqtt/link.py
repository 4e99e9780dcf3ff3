"""The server's connection to the broker: hears kiosks, answers them, reconnects for ever.

The network thread's callbacks only put what they got into queues; work happens elsewhere.
A message is acknowledged to the broker by hand, after its transaction has committed. The broker
sends no more than its in-flight window, so the queue is bounded by it.

Several servers may share a broker. Each connects under its own name, and each batch of events goes
to one of them. The broker keeps nothing for a server that is away: its part would wait for a server
that may never return. Kiosks send again what no server has acknowledged.
"""

import logging
import queue
import secrets
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from protocol.v1 import topics
from server.certificates.links import Links
from server.certificates.names import reachable
from server.mqtt.accounts import ControlChannel
from server.mqtt.secret import server_password
from server.mqtt.security import RESPONSE_TOPIC, SHARED

logger = logging.getLogger(__name__)

KEEPALIVE_S = 30
RECONNECT_MIN_S, RECONNECT_MAX_S = 1, 30
IDLE_JOIN_S = 0.1
LEAVE_S = 2.0
_EVENTS = topics.from_all_kiosks(topics.EVENTS)
#: Every server hears these: what the broker retains does not come over a shared subscription.
_HEARD_BY_ALL = tuple(
    topics.from_all_kiosks(name) for name in topics.KIOSK_CHANNELS if name != topics.EVENTS
)


@dataclass(frozen=True)
class Arrival:
    """One message of a kiosk, with what it takes to acknowledge it to the broker."""

    address: topics.Address
    payload: bytes
    message_id: int
    qos: int
    is_retained: bool
    #: Message ids count anew with each connection.
    connection: int


class _ClosingSocket(ssl.SSLSocket):
    """Closes the connection to a broker that is not trusted.

    WORKAROUND: paho leaves it open until the garbage collector finds it (2.2)
    """

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


class _NewestContext(ssl.SSLContext):
    """Opens each connection with the newest of contexts, as paho takes one for all of them."""

    newest: ssl.SSLContext

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """See `ssl.SSLContext`."""
        return self.newest.wrap_socket(*arguments, **options)


class BrokerTrust:
    """The authorities that may sign the broker's certificate, read again when they change."""

    def __init__(self, path: Path | None) -> None:
        self.context = _NewestContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.newest = ssl.create_default_context() if path is None else _trusting(None)
        self.context.newest.sslsocket_class = _ClosingSocket
        self._path = path
        self._read: str | None = None
        self.look()

    @classmethod
    def of(cls, links: Links) -> "BrokerTrust | None":
        """Return what to trust; None: the broker has no TLS."""
        return cls(links.broker_authorities) if links.broker_has_tls else None

    def look(self) -> None:
        """Trust what the file names now, from the next connection on.

        A file that cannot be read changes nothing.
        """
        if self._path is None:
            return
        try:
            text = self._path.read_text()
            if text != self._read:
                self.context.newest = _trusting(text)
                self._read = text
        except (OSError, ValueError) as exc:
            logger.warning("authorities of the broker not read: %s", type(exc).__name__)


def _trusting(authorities: str | None) -> ssl.SSLContext:
    """Trust these alone, PEM, or nobody: no public authority vouches for the broker of a school."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _ClosingSocket
    if authorities is not None:
        context.load_verify_locations(cadata=authorities)
    return context


class BrokerLink:
    """The connection. `start` returns at once, whether the broker is up or not."""

    def __init__(self, links: Links, *, client_id: str | None = None) -> None:
        self.arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self.control = ControlChannel(self._publish_control)
        self.connections = 0
        self._settings = settings = links.settings
        self._is_connected = threading.Event()
        self._is_failing = False
        self._on_connected: Callable[[], None] = lambda: None
        self._shared_request: int | None = None
        self._has_left = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or f"{settings.broker_username}-{secrets.token_hex(8)}",
            clean_session=True,
            manual_ack=True,
        )
        self._trust = BrokerTrust.of(links)
        if self._trust is not None:
            self._client.tls_set_context(self._trust.context)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._not_connected
        self._client.on_disconnect = self._disconnected
        self._client.on_message = self._arrived
        self._client.on_subscribe = self._subscribed
        self._client.on_unsubscribe = self._unsubscribed
        self._client.reconnect_delay_set(RECONNECT_MIN_S, RECONNECT_MAX_S)

    @property
    def status(self) -> str:
        """`connected` or `disconnected`."""
        return "connected" if self._is_connected.is_set() else "disconnected"

    @property
    def is_connected(self) -> bool:
        """Whether the broker has let us in and nothing was heard to the contrary."""
        return self._is_connected.is_set()

    def when_connected(self, notice: Callable[[], None]) -> None:
        """Call this from the network thread after each connect; it must return at once."""
        self._on_connected = notice

    def start(self) -> None:
        """Begin to connect, and go on until `stop`."""
        password = server_password(self._settings)
        self._client.username_pw_set(self._settings.broker_username, password)
        host = reachable(self._settings.broker_host)
        self._client.connect_async(host, self._settings.broker_port, keepalive=KEEPALIVE_S)
        self._client.loop_start()

    def leave(self) -> None:
        """Let other servers take what comes from now on; what has arrived can still be answered."""
        if self.is_connected:
            self._client.unsubscribe([_EVENTS, SHARED + _EVENTS, *_HEARD_BY_ALL])
            self._has_left.wait(LEAVE_S)

    def stop(self) -> None:
        """Disconnect."""
        was_connected = self.is_connected
        self._client.disconnect()
        ending = threading.Thread(target=self._client.loop_stop, name="mqtt-end", daemon=True)
        ending.start()
        # While paho waits to connect again it looks up only once a second. It holds nothing then,
        # so a server that stops need not wait for that.
        ending.join(None if was_connected else IDLE_JOIN_S)
        self._is_connected.clear()
        self.arrivals.put(None)

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Hand a message to the network thread. Lost where the connection is; senders repeat."""
        self._client.publish(topic, payload, qos=topics.QOS, retain=retain)

    def acknowledge(self, arrivals: list[Arrival]) -> None:
        """Tell the broker that these need not be sent again."""
        for arrival in arrivals:
            if arrival.connection == self.connections:
                self._client.ack(arrival.message_id, arrival.qos)

    def _publish_control(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=topics.QOS)

    # -- called by the network thread ---------------------------------------------------------

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            self._failing(f"the broker refused us: {code}")
            return
        client.subscribe([(name, topics.QOS) for name in (*_HEARD_BY_ALL, RESPONSE_TOPIC)])
        _, self._shared_request = client.subscribe(SHARED + _EVENTS, topics.QOS)
        self.connections += 1
        self._is_connected.set()
        self._is_failing = False
        logger.info("connected to the broker")
        self._on_connected()

    def _subscribed(
        self, client: mqtt.Client, _data: Any, request: int, codes: Any, _p: Any
    ) -> None:
        """Hear every event where the broker cannot share: the embedded one, or an older role."""
        if request == self._shared_request and any(code.is_failure for code in codes):
            client.subscribe(_EVENTS, topics.QOS)

    def _unsubscribed(self, *_: Any) -> None:
        self._has_left.set()

    def _not_connected(self, _client: mqtt.Client, _data: Any) -> None:
        self._failing("the broker cannot be reached, or its certificate is not trusted")
        self._look_at_trust()

    def _disconnected(
        self, _client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any
    ) -> None:
        self._is_connected.clear()
        self._look_at_trust()
        if code.value:
            self._failing(f"the connection to the broker was lost: {code}")

    def _look_at_trust(self) -> None:
        if self._trust is not None:
            self._trust.look()

    def _failing(self, words: str) -> None:
        """Log when it starts, not each time it goes on."""
        if not self._is_failing:
            self._is_failing = True
            logger.warning("%s; trying again until it works", words)

    def _arrived(self, client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == RESPONSE_TOPIC:
            self.control.deliver(bytes(message.payload))
            client.ack(message.mid, message.qos)
            return
        address = topics.parse(message.topic)
        if address is None:
            client.ack(message.mid, message.qos)
            return
        arrival = Arrival(
            address=address,
            payload=bytes(message.payload),
            message_id=message.mid,
            qos=message.qos,
            is_retained=message.retain,
            connection=self.connections,
        )
        self.arrivals.put(arrival)
