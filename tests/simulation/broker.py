"""A broker in memory with the rules of Mosquitto: QoS 1, sessions, retained messages, limits.

A message can be lost before its PUBACK, come twice after a reconnect, and overtake another one
across connections. What exceeds a session's queue is dropped although it was acknowledged.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from protocol.v1 import topics
from tests.simulation.world import Host, World

if TYPE_CHECKING:
    from server.mqtt.accounts import BrokerAccount

#: Source: mosquitto.conf(5), max_queued_messages and max_inflight_messages.
MOST_QUEUED = 1000
MOST_IN_FLIGHT = 20


@dataclass(frozen=True)
class Message:
    """A message at the broker."""

    topic: str
    payload: bytes
    is_retained: bool = False


class Client(Protocol):
    """The broker's side of a connection."""

    host: Host

    def arrived(self, number: int, message: Message) -> None:
        """Take in a message; `number` acknowledges it."""

    def lost(self) -> None:
        """Notice that the connection ended."""


@dataclass
class Session:
    """What the broker keeps for a client id, connected or not."""

    filters: tuple[str, ...]
    shared: tuple[str, ...] = ()
    client: Client | None = None
    connection: int = 0
    last_number: int = 0
    queued: deque[tuple[int, Message]] = field(default_factory=deque)
    in_flight: dict[int, Message] = field(default_factory=dict)
    will: Message | None = None


@dataclass
class Weather:
    """How bad the links to broker and server are now; 0 is perfect."""

    loss: float = 0.0
    repeat: float = 0.0
    late: float = 0.0
    cut: set[str] = field(default_factory=set)
    portals: set[str] = field(default_factory=set)


class Broker:
    """The one broker of the school.

    Attributes:
        can_share: whether it grants shared subscriptions, as Mosquitto does; the embedded one
            does not. Of those who hold one and are connected, one gets each message, by turns.
    """

    def __init__(self, world: World, weather: Weather) -> None:
        self.can_share = False
        self._turn = 0
        self._world = world
        self._weather = weather
        self._sessions: dict[str, Session] = {}
        self._retained: dict[str, Message] = {}
        self.accounts: dict[str, BrokerAccount] = {}
        self.is_up = True
        self.dropped = 0

    def connect(
        self,
        client: Client,
        name: str,
        password: str | None,
        filters: tuple[str, ...],
        will: bytes,
    ) -> bool:
        """Open a connection; a second one of the same client id ends the first."""
        if not self.is_up or client.host.name in self._weather.cut:
            return False
        account = self.accounts.get(name)
        if password is not None and (account is None or account.password != password):
            return False
        session = self._sessions.setdefault(name, Session(filters))
        self._end(session)
        session.filters, session.client = filters, client
        session.connection += 1
        if password is not None:
            session.will = Message(topics.status(name), will, is_retained=True)
        back = [*session.in_flight.items(), *session.queued]
        session.in_flight.clear()
        session.queued = deque(back)
        for message in self._retained.values():
            if _fits(message.topic, filters):
                self._queue(session, Message(message.topic, message.payload, is_retained=True))
        self._world.later(0.02, "deliver", lambda: self._deliver(session))
        return True

    def disconnect(self, name: str, client: Client, *, is_clean: bool) -> None:
        """End a connection; one that is not closed cleanly publishes its will."""
        session = self._sessions.get(name)
        if session is None or session.client is not client:
            return
        session.client = None
        if not is_clean and session.will is not None:
            self._route(session.will)

    def share(self, name: str, filters: tuple[str, ...]) -> None:
        """Let a client that is connected have its part of what fits."""
        self._sessions[name].shared = filters

    def publish(self, host: Host, message: Message, puback: Callable[[], None]) -> None:
        """Send a message to the broker; `puback` is called when it has it."""
        for _ in range(2 if self._world.happens(self._weather.repeat) else 1):
            delay = self._delay()
            self._world.later(delay, "publish", lambda: self._accept(host, message, puback))

    def acknowledge(self, name: str, number: int) -> None:
        """Let go of a message that the client has dealt with."""
        session = self._sessions.get(name)
        if session is not None and session.in_flight.pop(number, None) is not None:
            self._deliver(session)

    def remove_account(self, name: str) -> None:
        """Delete an account, its session and what waits for it."""
        self.accounts.pop(name, None)
        self.forget(name)

    def forget(self, name: str) -> None:
        """Delete a session and what waits for it."""
        session = self._sessions.pop(name, None)
        if session is not None:
            self._end(session)

    def lose_power(self) -> None:
        """Stop; what was not saved to disk is gone."""
        self.is_up = False
        self._world.note("broker loses power")
        for session in self._sessions.values():
            client, session.client = session.client, None
            session.queued.clear()
            session.in_flight.clear()
            if client is not None:
                client.lost()

    def start(self) -> None:
        """Start again with the sessions and retained messages of before."""
        self.is_up = True

    def cut_off(self, host: Host) -> None:
        """End the connections of a machine whose network is gone."""
        for session in self._sessions.values():
            if session.client is not None and session.client.host is host:
                self._end(session)

    def _end(self, session: Session) -> None:
        client, session.client = session.client, None
        if client is not None:
            client.lost()
            if session.will is not None:
                self._route(session.will)

    def _accept(self, host: Host, message: Message, puback: Callable[[], None]) -> None:
        is_away = not self.is_up or host.name in self._weather.cut
        if is_away or self._world.happens(self._weather.loss):
            self._world.note(f"lost on the way to the broker: {message.topic}")
            return
        self._route(message)
        puback()

    def _route(self, message: Message) -> None:
        if message.is_retained:
            self._retained[message.topic] = message
        for session in self._sessions.values():
            if _fits(message.topic, session.filters):
                self._queue(session, Message(message.topic, message.payload))
                self._deliver(session)
        sharing = [
            one
            for one in self._sessions.values()
            if one.client and _fits(message.topic, one.shared)
        ]
        if sharing:
            self._turn += 1
            session = sharing[self._turn % len(sharing)]
            self._queue(session, Message(message.topic, message.payload))
            self._deliver(session)

    def _queue(self, session: Session, message: Message) -> None:
        if len(session.queued) >= MOST_QUEUED:
            self.dropped += 1
            return
        session.last_number += 1
        session.queued.append((session.last_number, message))

    def _deliver(self, session: Session) -> None:
        connection = session.connection
        while session.queued and session.client and len(session.in_flight) < MOST_IN_FLIGHT:
            number, message = session.queued.popleft()
            session.in_flight[number] = message

            def hand_over(number: int = number, message: Message = message) -> None:
                if session.client is not None and session.connection == connection:
                    session.client.arrived(number, message)

            self._world.later(self._delay(), "arrive", hand_over)

    def _delay(self) -> float:
        chance = self._world.chance
        if self._world.happens(self._weather.late):
            return chance.uniform(1.0, 240.0)
        return chance.uniform(0.005, 0.2)


def _fits(topic: str, filters: tuple[str, ...]) -> bool:
    parts = topic.split("/")
    return any(
        all(want in ("+", got) for want, got in zip(one.split("/"), parts, strict=True))
        for one in filters
        if one.count("/") == len(parts) - 1
    )
