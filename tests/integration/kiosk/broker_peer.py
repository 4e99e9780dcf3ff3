"""The server's end of the broker, for tests of the kiosk's link: hears one kiosk, answers it."""

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from protocol.v1 import topics
from protocol.v1.messages import Message
from tests.fakes.school import KIOSK_ID


class BrokerPeer:
    """Connected to a real broker; messages of the kiosk arrive in `heard`."""

    def __init__(self, client: paho.Client) -> None:
        self._client = client
        self.heard: queue.Queue[paho.MQTTMessage] = queue.Queue()

    def say(self, channel: str, message: Message, *, retain: bool = False) -> None:
        """Publish to the kiosk and wait until the broker has it."""
        info = self._client.publish(
            topics.topic(KIOSK_ID, channel), message.to_json(), qos=1, retain=retain
        )
        info.wait_for_publish(5)

    def hear(self, channel: str, timeout_s: float = 10.0) -> paho.MQTTMessage:
        """The next message on a channel."""
        while True:
            message = self.heard.get(timeout=timeout_s)
            if message.topic == topics.topic(KIOSK_ID, channel):
                return message


@contextmanager
def peer(port: int) -> Iterator[BrokerPeer]:
    """A peer that hears everything of the kiosk, on 127.0.0.1:`port`."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="school")
    listener = BrokerPeer(client)

    def on_connect(client: paho.Client, *_: Any) -> None:
        client.subscribe([(topics.topic(KIOSK_ID, name), 1) for name in topics.KIOSK_CHANNELS])

    subscribed: queue.Queue[str] = queue.Queue()
    client.on_connect = on_connect
    client.on_subscribe = lambda *_: subscribed.put("done")
    client.on_message = lambda _client, _data, message: listener.heard.put(message)
    client.connect("127.0.0.1", port)
    client.loop_start()
    subscribed.get(timeout=10)
    try:
        yield listener
    finally:
        client.disconnect()
        client.loop_stop()
