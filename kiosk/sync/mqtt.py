"""The link to the broker: the only place that knows paho. Callbacks only enqueue."""

import logging
import threading
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.domain.health import LinkHealth
from kiosk.domain.links import LinkSecurity
from kiosk.errors import UntrustedLinkError
from kiosk.sync.backoff import Backoff
from kiosk.sync.cut import LinkCut
from kiosk.sync.inbox import Arrived, Inbox, LinkChanged
from kiosk.sync.trust import LinkTrust, link_error, plain_refused
from protocol.v1 import topics
from protocol.v1.messages import BrokerAccess, EventBatch, Status

logger = logging.getLogger(__name__)

_KEEPALIVE_S = 30
_LOOP_S = 1.0
_LOOK_S = 0.2
_FAREWELL_S = 0.5
_MAX_IN_FLIGHT = 20
_MAX_QUEUED = 100
_REFUSALS_TO_ALARM = 3
"""Right after a claim the broker may not know the new account for a second or two."""


class MQTTLink:
    """A persistent session (MQTT 3.1.1, QoS 1) that reconnects for ever.

    Nothing is kept here: what is published while the link is down is not sent at all, because
    the outbox sends it again. A refusal by the broker is not a connection but an alarm.

    Args:
        access: from the claim.
        inbox: where acks, hints and changes of the link go.
        backoff: between two tries to connect.
        trust: which certificates count, and whether the broker may be without TLS; a change is
            followed with the next connection. Default: what the claim says.

    Attributes:
        health: how the link is.
        security: how it is protected, or why it is not used.
        cut: while it is on, nothing is sent or received, and no connection is made.
    """

    def __init__(
        self,
        access: BrokerAccess,
        inbox: Inbox,
        backoff: Backoff | None = None,
        trust: LinkTrust | None = None,
    ) -> None:
        self._access = access
        self._trust = trust or LinkTrust(access.ca_pem)
        self._inbox = inbox
        self._backoff = backoff or Backoff(1.0, 60.0)
        self._kiosk_id = access.client_id
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._version = self._trust.version
        self._client = self._make_client()
        self._refusals = 0
        self._said: LinkHealth | None = None
        self.health = LinkHealth.DOWN
        self.cut = LinkCut()
        self.security = self._nominal()

    def start(self) -> None:
        """Start to connect, on a separate thread."""
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye if the link is up, and end; takes about a second at most."""
        if self.health is LinkHealth.UP:
            farewell = self._publish_status(Status(online=False))
            try:
                farewell.wait_for_publish(_FAREWELL_S)
            except (RuntimeError, ValueError):
                logger.debug("The farewell was not sent")
        self._stopping.set()
        self._client.disconnect()
        if self._thread.is_alive():
            self._thread.join(_LOOP_S + _FAREWELL_S)
        # WORKAROUND: paho closes its wake-up sockets only when the client is deleted (2.2)
        self._client = self._make_client()

    def send_events(self, batch: EventBatch) -> bool:
        """Hand a batch to the broker; True says that it is on its way, not that it arrived."""
        if self.health is not LinkHealth.UP:
            return False
        info = self._client.publish(
            topics.events(self._kiosk_id), batch.to_json(), qos=topics.QOS, retain=False
        )
        return info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def send_status(self, status: Status) -> bool:
        """Publish the kiosk's health, retained; False while the link is down."""
        if self.health is not LinkHealth.UP:
            return False
        return self._publish_status(status).rc == MQTTErrorCode.MQTT_ERR_SUCCESS

    def _publish_status(self, status: Status) -> paho.MQTTMessageInfo:
        return self._client.publish(
            topics.status(self._kiosk_id), status.to_json(), qos=topics.QOS, retain=True
        )

    def _make_client(self) -> paho.Client:
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._access.client_id,
            clean_session=False,
            protocol=paho.MQTTv311,
        )
        client.username_pw_set(self._access.username, self._access.password)
        if self._access.tls:
            client.tls_set_context(self._trust.context())
        client.max_inflight_messages_set(_MAX_IN_FLIGHT)
        client.max_queued_messages_set(_MAX_QUEUED)
        client.will_set(
            topics.status(self._kiosk_id),
            Status(online=False).to_json(),
            qos=topics.QOS,
            retain=True,
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self.cut.is_on:
                self._stopping.wait(_LOOK_S)
                continue
            try:
                self._connect()
                self._serve()
            except UntrustedLinkError as exc:
                self._note(LinkHealth.DOWN, str(exc))
            except (OSError, ValueError) as exc:
                self._failed(exc)
            self._stopping.wait(self._backoff.next_s())

    def _connect(self) -> None:
        """Connect with the certificates that count now, if the link is to be used at all."""
        self.security = self._nominal()
        if self.security.is_fault:
            raise plain_refused()
        if self._version != self._trust.version:
            self._version = self._trust.version
            self._client = self._make_client()
        self._client.connect(self._access.host, self._access.port, _KEEPALIVE_S)

    def _nominal(self) -> LinkSecurity:
        return self._trust.nominal(self._access.host, is_tls=self._access.tls)

    def _failed(self, error: Exception) -> None:
        untrusted = link_error(error)
        if untrusted is not None:
            self.security = LinkSecurity(untrusted.fault)
        self._note(LinkHealth.DOWN, str(untrusted or type(error).__name__))

    def _serve(self) -> None:
        """Move bytes until the connection ends."""
        state = MQTTErrorCode.MQTT_ERR_SUCCESS
        while state == MQTTErrorCode.MQTT_ERR_SUCCESS and not self._is_over:
            state = self._client.loop(_LOOP_S)
        if self.health is LinkHealth.UP:
            self._note(LinkHealth.DOWN, str(state))

    @property
    def _is_over(self) -> bool:
        return self._stopping.is_set() or self.cut.is_on

    def _on_connect(
        self, client: paho.Client, _data: object, _flags: object, code: ReasonCode, _more: object
    ) -> None:
        if code.is_failure:
            self._note(LinkHealth.REFUSED, str(code))
            return
        self._backoff.reset()
        client.subscribe(
            [(topics.ack(self._kiosk_id), topics.QOS), (topics.hint(self._kiosk_id), topics.QOS)]
        )
        self._note(LinkHealth.UP, "")

    def _on_disconnect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _more: object
    ) -> None:
        if self.health is LinkHealth.UP:
            self._note(LinkHealth.DOWN, str(code))

    def _on_message(self, _client: paho.Client, _data: object, message: Any) -> None:
        address = topics.parse(message.topic)
        if address is not None and address.kiosk_id == self._kiosk_id:
            self._inbox.put(Arrived(address.channel, bytes(message.payload)))

    def _note(self, health: LinkHealth, detail: str) -> None:
        before, self.health = self.health, health
        self._refusals = self._refusals + 1 if health is LinkHealth.REFUSED else 0
        if health is not before:
            self._inbox.put(LinkChanged(health is LinkHealth.UP))
        if not self._stopping.is_set():
            self._say(health, detail)

    def _say(self, health: LinkHealth, detail: str) -> None:
        """Log a fault once when it starts, once when it turns out to last, once when it ends."""
        if health is LinkHealth.UP:
            self._said = None
            logger.info("Connected to the broker")
        elif self._refusals == _REFUSALS_TO_ALARM and self._said is not LinkHealth.REFUSED:
            self._said = LinkHealth.REFUSED
            logger.error("The broker keeps refusing this kiosk: %s", detail)
        elif self._said is None and health is LinkHealth.REFUSED:
            self._said = LinkHealth.DOWN
            logger.info("The broker does not know this kiosk yet: %s", detail)
        elif self._said is None:
            self._said = LinkHealth.DOWN
            logger.warning("The broker cannot be used: %s", detail)
