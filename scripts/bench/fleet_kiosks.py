"""Kiosks without camera and screen, a thousand of them in one thread: they sign, send and wait."""

import random
import selectors
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import CallbackAPIVersion

from protocol.v1 import signing, topics
from protocol.v1.fields import parse_message
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import (
    Ack,
    ClockStamp,
    EventBatch,
    RawEvent,
    Status,
    UnsignedEvent,
    VersionHint,
)

#: As the uploader of a kiosk: batches on their way at once, and when all of them are sent again.
WINDOW, RESEND_S, BATCH, KEEPALIVE_S = 4, 10.0, 100, 30
_STATUS_S = 60.0
_RECONNECT_S = (0.5, 5.0)
_TICK_S = 0.02


@dataclass
class Waiting:
    """An event that no ack covers yet."""

    seq: int
    raw: RawEvent
    made_s: float


@dataclass
class FleetKiosk:
    """One kiosk.

    Attributes:
        kiosk_id: on the wire.
        password: of its account on the broker.
        key: signs its events.
        people: ids of people who may come to it.
        seq: of its last event.
        head: hash of that.
        latencies_s: (when an event was made, how long until its ack) of each.
        hints: (when, hint) of each that came.
        waiting: events that no ack covers.
        resent: how often it waited too long and sent everything again.
        sent_through: the last event that is on its way.
        in_flight: (last event, when) of each batch on its way.
        status_s: when it said last how it is.
        retry_s: when it tries to connect again.
    """

    kiosk_id: str
    password: str
    key: Ed25519PrivateKey
    people: list[uuid.UUID]
    seq: int = 0
    head: str = signing.GENESIS_HASH
    latencies_s: list[tuple[float, float]] = field(default_factory=list)
    hints: list[tuple[float, VersionHint]] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    resent: int = 0
    sent_through: int = 0
    in_flight: list[tuple[int, float]] = field(default_factory=list)
    status_s: float = 0.0
    retry_s: float = 0.0

    def make(self) -> None:
        """Sign the next event."""
        self.seq += 1
        draft = UnsignedEvent(
            id=str(uuid7()),
            kiosk_id=self.kiosk_id,
            seq=self.seq,
            occurred_at=datetime.now(UTC),
            clock=ClockStamp(source="ntp", offset_ms=1.25, age_s=30.5),
            person_id=str(random.choice(self.people)),  # noqa: S311 - a visitor, no secret
            kind="seen",
            method="face",
            distance=0.412345,
            margin=0.2,
            threshold=0.5,
            quality=0.87,
            model_id="dlib-resnet-v1",
        )
        event = signing.sign_event(draft, prev_hash=self.head, key=self.key)
        self.head = event.hash
        self.waiting.append(Waiting(self.seq, signing.to_raw(event), time.monotonic()))

    def batch(self, events: list[Waiting]) -> bytes:
        """Return a batch as it goes over the wire."""
        raws = tuple(one.raw for one in events)
        return EventBatch(kiosk_id=self.kiosk_id, events=raws, last_seq=self.seq).to_json()

    def acked(self, ack: Ack, at_s: float) -> None:
        """Let go of what the server keeps."""
        beyond = [(run.first, run.last) for run in ack.stored_beyond]

        def is_kept(seq: int) -> bool:
            return seq <= ack.stored_through or any(a <= seq <= b for a, b in beyond)

        kept = [one for one in self.waiting if is_kept(one.seq)]
        self.latencies_s += [(one.made_s, at_s - one.made_s) for one in kept]
        if kept:
            self.waiting = [one for one in self.waiting if not is_kept(one.seq)]
            oldest = self.waiting[0].seq if self.waiting else self.seq + 1
            self.in_flight = [one for one in self.in_flight if one[0] >= oldest]

    def due(self, now_s: float) -> list[list[Waiting]]:
        """Return the batches to send now, and note that they are on their way."""
        if self.in_flight and now_s - self.in_flight[0][1] > RESEND_S:
            self.sent_through, self.in_flight = 0, []
            self.resent += 1
        batches = []
        while len(self.in_flight) < WINDOW:
            unsent = [one for one in self.waiting if one.seq > self.sent_through][:BATCH]
            if not unsent:
                break
            self.sent_through = unsent[-1].seq
            self.in_flight.append((self.sent_through, now_s))
            batches.append(unsent)
        return batches


class Fleet:
    """Runs kiosks against a broker. One thread; call `run` for a while, as often as you like."""

    def __init__(self, kiosks: list[FleetKiosk], port: int) -> None:
        self.kiosks = kiosks
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._clients: dict[str, mqtt.Client] = {}
        self._sockets: dict[str, Any] = {}
        self.up: set[str] = set()
        self.longest_turn_s = 0.0

    def connect_all(self, until_s: float) -> float:
        """Connect every kiosk; returns how long it took until all were let in, seconds."""
        began_s = time.monotonic()
        for kiosk in self.kiosks:
            self._connect(kiosk)
            self._turn()
        while len(self.up) < len(self.kiosks) and time.monotonic() < until_s:
            self._turn()
        return time.monotonic() - began_s

    def run(self, seconds: float, rate: float) -> None:
        """Let people come, `rate` events a second over all kiosks at irregular times."""
        end_s = time.monotonic() + seconds
        next_s = time.monotonic()
        while (now_s := time.monotonic()) < end_s:
            while rate and next_s <= now_s:
                self._visit(random.choice(self.kiosks))  # noqa: S311
                next_s += random.expovariate(rate)
            self._turn()
            self.longest_turn_s = max(self.longest_turn_s, time.monotonic() - now_s)

    def drain(self, until_s: float) -> int:
        """Wait until everything is acknowledged; returns how many events are not."""
        while self._left() and time.monotonic() < until_s:
            self._turn()
        return self._left()

    def close(self) -> None:
        """End all connections."""
        for client in self._clients.values():
            client.disconnect()

    def _left(self) -> int:
        return sum(len(kiosk.waiting) for kiosk in self.kiosks)

    def _visit(self, kiosk: FleetKiosk) -> None:
        kiosk.make()
        if kiosk.kiosk_id in self.up:
            self._send(kiosk)

    def _send(self, kiosk: FleetKiosk) -> None:
        client, topic = self._clients[kiosk.kiosk_id], topics.events(kiosk.kiosk_id)
        for events in kiosk.due(time.monotonic()):
            client.publish(topic, kiosk.batch(events), topics.QOS)

    def _turn(self) -> None:
        """Hear what came, then see who has waited long enough."""
        for key, _ in self._selector.select(_TICK_S):
            kiosk: FleetKiosk = key.data
            client = self._clients[kiosk.kiosk_id]
            client.loop_read(20)
            while client.want_write() and client.socket() is not None:
                client.loop_write()
            if client.socket() is None:
                self._lost(kiosk)
        now_s = time.monotonic()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + 0.5
            for kiosk in self.kiosks:
                self._look(kiosk, now_s)

    _next_look_s = 0.0

    def _look(self, kiosk: FleetKiosk, now_s: float) -> None:
        client = self._clients.get(kiosk.kiosk_id)
        if client is None:
            return
        if client.socket() is None:
            self._lost(kiosk)
            if now_s >= kiosk.retry_s:
                self._connect(kiosk)
            return
        client.loop_misc()
        if kiosk.kiosk_id not in self.up:
            return
        self._send(kiosk)
        if now_s - kiosk.status_s > _STATUS_S:
            kiosk.status_s = now_s - random.uniform(0, _STATUS_S / 4)  # noqa: S311
            self._say(kiosk)

    def _say(self, kiosk: FleetKiosk) -> None:
        said = Status(online=True, at=datetime.now(UTC), last_seq=kiosk.seq)
        topic = topics.status(kiosk.kiosk_id)
        self._clients[kiosk.kiosk_id].publish(topic, said.to_json(), topics.QOS, retain=True)

    def _connect(self, kiosk: FleetKiosk) -> None:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=kiosk.kiosk_id, clean_session=False
        )
        client.username_pw_set(kiosk.kiosk_id, kiosk.password)
        will = Status(online=False).to_json()
        client.will_set(topics.status(kiosk.kiosk_id), will, topics.QOS, retain=True)
        client.user_data_set(kiosk)
        client.on_connect = self._connected
        client.on_message = self._arrived
        self._clients[kiosk.kiosk_id] = client
        kiosk.retry_s = time.monotonic() + random.uniform(*_RECONNECT_S)  # noqa: S311
        try:
            client.connect("127.0.0.1", self._port, KEEPALIVE_S)
        except OSError:
            return
        held: Any = client.socket()  # paho calls it like a socket, mypy does not
        self._sockets[kiosk.kiosk_id] = held
        self._selector.register(held, selectors.EVENT_READ, kiosk)

    def _lost(self, kiosk: FleetKiosk) -> None:
        self.up.discard(kiosk.kiosk_id)
        held = self._sockets.pop(kiosk.kiosk_id, None)
        if held is not None:
            self._selector.unregister(held)
            kiosk.retry_s = time.monotonic() + random.uniform(*_RECONNECT_S)  # noqa: S311

    def _connected(self, client: mqtt.Client, kiosk: Any, _f: Any, code: Any, _p: Any) -> None:
        if code.is_failure:
            return
        kiosk.sent_through, kiosk.in_flight = 0, []
        self.up.add(kiosk.kiosk_id)
        names = (topics.ack(kiosk.kiosk_id), topics.hint(kiosk.kiosk_id))
        client.subscribe([(name, topics.QOS) for name in names])
        kiosk.status_s = time.monotonic() - random.uniform(0, _STATUS_S)  # noqa: S311

    def _arrived(self, _client: mqtt.Client, kiosk: Any, message: mqtt.MQTTMessage) -> None:
        at_s = time.monotonic()
        if message.topic.endswith(topics.ACK):
            kiosk.acked(parse_message(Ack, message.payload), at_s)
        else:
            kiosk.hints.append((at_s, parse_message(VersionHint, message.payload)))
