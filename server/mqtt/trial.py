"""A connection to the broker that waits for each answer, to try what the broker allows."""

import contextlib
import queue
import threading
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from protocol.v1 import topics
from server.certificates.links import Links
from server.certificates.names import reachable
from server.mqtt.accounts import ControlChannel
from server.mqtt.link import BrokerTrust
from server.mqtt.security import RESPONSE_TOPIC

WAIT_S = 5.0
#: In place of the number of a message, once the connection has ended.
_NEVER = -1


class TrialClient:
    """A client of the broker. One caller; no method raises where the broker says no.

    Attributes:
        name: its client id.
        control: requests about accounts, once it hears `RESPONSE_TOPIC`.
        lost: set once the broker has ended the connection.
    """

    def __init__(self, links: Links, name: str, username: str | None, password: str | None) -> None:
        self.name = name
        self.control = ControlChannel(self._send)
        self.lost = threading.Event()
        self._settings = links.settings
        self._heard: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._confirmed: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name, reconnect_on_failure=False
        )
        trust = BrokerTrust.of(links)
        if trust is not None:
            self._client.tls_set_context(trust.context)
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_publish = lambda _c, _d, number, *_: self._confirmed.put(number)
        self._client.on_message = self._arrived
        self._client.on_disconnect = self._disconnected

    def connect(self) -> bool:
        """Return whether the broker lets us in.

        Raises:
            OSError: it cannot be reached, or its certificate is not trusted.
        """
        self.lost.clear()
        self._client.loop_stop()
        host = reachable(self._settings.broker_host)
        self._client.connect(host, self._settings.broker_port)
        self._client.loop_start()
        return self._answer()

    def subscribe(self, topic: str) -> bool:
        """Return whether the broker grants a subscription."""
        self._client.subscribe(topic, topics.QOS)
        return self._answer()

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message, and wait until the broker confirms it or ends the connection."""
        number = self._client.publish(topic, payload, topics.QOS).mid
        answer = None
        with contextlib.suppress(queue.Empty):
            while answer not in (number, _NEVER):
                answer = self._confirmed.get(timeout=WAIT_S)

    def heard_until(self, topic: str) -> list[str]:
        """Return the topics of what came, up to this one, or of all where it does not come."""
        found: list[str] = []
        try:
            while topic not in found:
                found.append(self._heard.get(timeout=WAIT_S))
        except queue.Empty:
            return found
        return found

    def close(self) -> None:
        """End the connection."""
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, topics.QOS)

    def _answer(self) -> bool:
        try:
            return self._answers.get(timeout=WAIT_S)
        except queue.Empty:
            return False

    def _connected(self, _client: mqtt.Client, _data: Any, _flags: Any, code: Any, _p: Any) -> None:
        self._answers.put(not code.is_failure)

    def _subscribed(
        self, _client: mqtt.Client, _data: Any, _request: int, codes: Any, _p: Any
    ) -> None:
        self._answers.put(not any(code.is_failure for code in codes))

    def _disconnected(self, *_: Any) -> None:
        self.lost.set()
        self._confirmed.put(_NEVER)

    def _arrived(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic == RESPONSE_TOPIC:
            self.control.deliver(bytes(message.payload))
        else:
            self._heard.put(message.topic)
