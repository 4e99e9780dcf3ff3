"""The two ends of the connection to the broker, in place of paho."""

import queue
from collections.abc import Callable, Sequence
from typing import Any

from kiosk.domain.health import LinkHealth
from kiosk.domain.links import LinkSecurity
from kiosk.sync.backoff import Backoff
from kiosk.sync.inbox import Arrived, Inbox, LinkChanged
from kiosk.sync.trust import LinkTrust
from protocol.v1 import topics
from protocol.v1.messages import BrokerAccess, EventBatch, Status
from server.config import Settings
from server.mqtt.accounts import BrokerAccount, ControlChannel
from server.mqtt.link import Arrival
from tests.simulation.broker import Broker, Message
from tests.simulation.world import Host, World

_RETRY_S, _RETRY_MOST_S, _SHORT_S = 20.0, 3600.0, 300.0


class Place:
    """Where links find the machine they run on and the broker."""

    world: World
    broker: Broker


def _here() -> Host:
    assert Place.world.host is not None
    return Place.world.host


class KioskLink:
    """In place of `kiosk.sync.mqtt.MQTTLink`: the same calls, the broker in memory."""

    security = LinkSecurity.LOCAL

    def __init__(
        self,
        access: BrokerAccess,
        inbox: Inbox,
        backoff: Backoff | None = None,
        trust: LinkTrust | None = None,
    ) -> None:
        del backoff, trust
        self.host = _here()
        self._incarnation = self.host.incarnation
        self._access = access
        self._inbox = inbox
        self._unacknowledged: dict[int, Message] = {}
        self._next = 0
        self._is_stopped = False
        self._retry_s = _RETRY_S
        self._connected_at = Place.world.now
        self.health = LinkHealth.DOWN

    def start(self) -> None:
        Place.world.later(0.1, "connect", self._connect)

    def stop(self) -> None:
        self._is_stopped = True
        Place.broker.disconnect(self._access.client_id, self, is_clean=True)

    def drop(self) -> None:
        """End the connection as a power cut does."""
        Place.broker.disconnect(self._access.client_id, self, is_clean=False)

    def send_events(self, batch: EventBatch) -> bool:
        return self._send(Message(topics.events(self._access.client_id), batch.to_json()))

    def send_status(self, status: Status) -> bool:
        topic = topics.status(self._access.client_id)
        return self._send(Message(topic, status.to_json(), is_retained=True))

    def arrived(self, number: int, message: Message) -> None:
        if not self._is_alive():
            return
        Place.broker.acknowledge(self._access.client_id, number)
        address = topics.parse(message.topic)
        if address is not None and address.kiosk_id == self._access.client_id:
            with self.host.running():
                self._inbox.put(Arrived(address.channel, message.payload))

    def lost(self) -> None:
        if self.health is LinkHealth.UP:
            self.health = LinkHealth.DOWN
            if self._is_alive():
                with self.host.running():
                    self._inbox.put(LinkChanged(is_up=False))
                self._connect_later()

    def _connect(self) -> None:
        if not self._is_alive() or self.health is LinkHealth.UP:
            return
        name = self._access.client_id
        filters = (topics.ack(name), topics.hint(name))
        will = Status(online=False).to_json()
        if not Place.broker.connect(self, name, self._access.password, filters, will):
            self._connect_later()
            return
        self._connected_at = Place.world.now
        self.health = LinkHealth.UP
        with self.host.running():
            self._inbox.put(LinkChanged(is_up=True))
        for number, message in list(self._unacknowledged.items()):
            self._publish(number, message)

    def _connect_later(self) -> None:
        """Connect again; two devices with one client id throw each other out ever more rarely."""
        lasted_s = (Place.world.now - self._connected_at).total_seconds()
        is_short = lasted_s < _SHORT_S
        self._retry_s = min(self._retry_s * 2, _RETRY_MOST_S) if is_short else _RETRY_S
        Place.world.later(self._retry_s, "connect", self._connect)

    def _send(self, message: Message) -> bool:
        self.host.point("before publish")
        if self.health is not LinkHealth.UP:
            return False
        self._next += 1
        self._unacknowledged[self._next] = message
        self._publish(self._next, message)
        self.host.point("after publish")
        return True

    def _publish(self, number: int, message: Message) -> None:
        def puback() -> None:
            self._unacknowledged.pop(number, None)

        Place.broker.publish(self.host, message, puback)

    def _is_alive(self) -> bool:
        is_same = self.host.is_up and self.host.incarnation == self._incarnation
        return is_same and not self._is_stopped


class ServerLink:
    """In place of `server.mqtt.link.BrokerLink`; shares events where the broker can."""

    def __init__(self, settings: Settings, *, client_id: str | None = None) -> None:
        del settings
        self.host = _here()
        self._incarnation = self.host.incarnation
        self._name = client_id or f"rollcall-{self.host.name}"
        self.arrivals: queue.SimpleQueue[Arrival | None] = queue.SimpleQueue()
        self.control = ControlChannel(lambda _topic, _payload: None)
        self.connections = 0
        self.is_connected = False
        self._on_connected: list[Callable[[], None]] = []

    @property
    def status(self) -> str:
        return "connected" if self.is_connected else "disconnected"

    def when_connected(self, notice: Callable[[], None]) -> None:
        self._on_connected.append(notice)

    def start(self) -> None:
        Place.world.later(0.1, "connect", self._connect)

    def leave(self) -> None:
        """Not played: what was heard and not stored is sent again."""

    def stop(self) -> None:
        Place.broker.disconnect(self._name, self, is_clean=True)
        self.is_connected = False

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self.host.point("before publish")
        if self.is_connected:
            message = Message(topic, payload, is_retained=retain)
            Place.broker.publish(self.host, message, lambda: None)
        self.host.point("after publish")

    def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            if arrival.connection == self.connections:
                Place.broker.acknowledge(self._name, arrival.message_id)

    def arrived(self, number: int, message: Message) -> None:
        address = topics.parse(message.topic)
        if address is None or not self._is_alive():
            return
        arrival = Arrival(
            address=address,
            payload=message.payload,
            message_id=number,
            qos=topics.QOS,
            is_retained=message.is_retained,
            connection=self.connections,
        )
        self.arrivals.put(arrival)
        self.host.poke()  # type: ignore[attr-defined]

    def lost(self) -> None:
        self.is_connected = False
        if self._is_alive():
            Place.world.later(_RETRY_S, "connect", self._connect)

    def _connect(self) -> None:
        if not self._is_alive() or self.is_connected:
            return
        events = topics.from_all_kiosks(topics.EVENTS)
        filters = tuple(topics.from_all_kiosks(name) for name in topics.KIOSK_CHANNELS)
        if Place.broker.can_share:
            filters = tuple(one for one in filters if one != events)
        self.connections += 1
        Place.broker.forget(self._name)  # a server's session is clean
        if not Place.broker.connect(self, self._name, None, filters, b""):
            Place.world.later(_RETRY_S, "connect", self._connect)
            return
        self.is_connected = True
        if Place.broker.can_share:
            Place.broker.share(self._name, (events,))
        with self.host.running():
            for notice in self._on_connected:
                notice()
        self.host.poke()  # type: ignore[attr-defined]

    def _is_alive(self) -> bool:
        return self.host.is_up and self.host.incarnation == self._incarnation


class Accounts:
    """In place of the dynamic security protocol: the broker's accounts, changed directly."""

    def __init__(self, _control: Any) -> None:
        self._broker = Place.broker

    def generations(self) -> dict[str, str]:
        return {name: one.generation for name, one in self._broker.accounts.items()}

    def add(self, *accounts: BrokerAccount) -> None:
        if not self._broker.is_up:
            return
        for account in accounts:
            self._broker.remove_account(account.kiosk_id)
            self._broker.accounts[account.kiosk_id] = account

    def remove(self, kiosk_id: str) -> None:
        self._broker.remove_account(kiosk_id)


def replaced_parts() -> list[tuple[str, Any]]:
    """Return what stands in for the server's connection to the broker."""
    return [
        ("server.mqtt.tasks.BrokerLink", ServerLink),
        ("server.mqtt.housekeeping.DynamicSecurityAccounts", Accounts),
    ]
