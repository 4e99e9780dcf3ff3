"""The embedded broker for demos and small LANs: amqtt with accounts, topic rules and repairs.

It speaks the part of Mosquitto's dynamic security protocol that the server uses, so the server
keeps accounts the same way on both. What amqtt 0.12 does and this corrects (a test holds each):

- on a connect it sends a client every retained message that matches *anybody's* subscription;
- it takes over a session by its client id before it has checked the password;
- it publishes a last will without asking whether the client may write there;
- it queues without end for a client that is away, and takes messages of any size;
- it keeps connections that send no CONNECT, any number of them, for ever.
"""

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from amqtt.adapters import ReaderAdapter, WriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import Action, ListenerConfig
from amqtt.errors import MQTTError
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.session import Session

from intake.tls import ServedCertificate
from server.mqtt.listener import BoundedListener
from server.mqtt.mosquitto import DOCUMENT_NAME, PACKET_LIMIT_BYTES
from server.mqtt.security import (
    CONTROL_TOPIC,
    RECEIVE,
    RESPONSE_TOPIC,
    SEND,
    SHARED,
    JSONObject,
    SecurityDocument,
)

logger = logging.getLogger(__name__)

SESSION_EXPIRY_S = 14 * 24 * 3600
OFFLINE_QUEUE_LIMIT = 10_000
_BACKLOG = 512


class FleetBroker(Broker):  # type: ignore[misc]
    """An MQTT 3.1.1 broker with one account per kiosk. Lives in one event loop."""

    def __init__(
        self,
        host: str,
        port: int,
        document: SecurityDocument,
        folder: Path,
        *,
        served: ServedCertificate | None = None,
    ) -> None:
        """Prepare; `start` listens.

        Args:
            host: address to listen on.
            port: to listen on.
            document: accounts and roles.
            folder: where the document is kept.
            served: certificate of the listener; None: plain MQTT.
        """
        self._address = (host, port)
        self._served = served
        self._listener: BoundedListener | None = None
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
            "plugins": {},
            "session_expiry_interval": SESSION_EXPIRY_S,
        }
        super().__init__(config, loop=asyncio.get_running_loop())
        self._document = document
        self._control = ControlCommands(document, folder / DOCUMENT_NAME, self.kick)

    def kick(self, username: str) -> None:
        """Drop the live session of an account at once, and what was queued for it."""
        for client_id, (session, handler) in list(self._sessions.items()):
            if session.username != username:
                continue
            session.clear_queues()
            self._loop.create_task(self._delete_session(client_id))
            _abort(handler)

    async def _create_server_instance(self, listener_name: str, *_: Any) -> BoundedListener:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listening = socket.create_server(self._address, family=family, backlog=_BACKLOG)
        listening.settimeout(0)
        self._listener = BoundedListener(
            listening,
            partial(self.stream_connected, listener_name=listener_name),
            context=self._served.context if self._served is not None else None,
        )
        return self._listener

    async def _authenticate(self, session: Session, _: ListenerConfig) -> bool:
        return self._document.admits(session.username, session.password, session.client_id)

    async def _topic_filtering(self, session: Session, topic: str, action: Action) -> bool:
        if action is Action.SUBSCRIBE:
            if topic.startswith(SHARED):
                return False  # amqtt would grant it, and deliver nothing
            return self._document.allows_subscription(session.username, topic)
        kind = SEND if action is Action.PUBLISH else RECEIVE
        return self._document.allows(session.username, kind, topic)

    async def _initialize_client_session(
        self, reader: ReaderAdapter, writer: WriterAdapter, remote_address: str, remote_port: int
    ) -> tuple[BrokerProtocolHandler, Session]:
        # The parent looks up (and, for a clean session, deletes) the session of the client id
        # that the stranger at the door names; so look at the password first.
        handler, session = await BrokerProtocolHandler.init_from_connect(
            reader, writer, self.plugins_manager
        )
        if not await self._may_enter(session):
            handler.attach(session, reader, writer)
            await handler.mqtt_connack_authorize(authorize=False)
            await writer.close()
            raise MQTTError("refused")
        if self._listener is not None:
            self._listener.signed_in()
        return await self._resume_or_begin(handler, session)

    async def _may_enter(self, session: Session) -> bool:
        if not self._document.admits(session.username, session.password, session.client_id):
            return False
        owner = self._sessions.get(session.client_id or "", (None, None))[0]
        if owner is not None and owner.username != session.username:
            return False
        return not session.will_flag or self._document.allows(
            session.username, SEND, session.will_topic or ""
        )

    async def _resume_or_begin(
        self, handler: BrokerProtocolHandler, session: Session
    ) -> tuple[BrokerProtocolHandler, Session]:
        client_id = session.client_id or ""
        known = self._sessions.get(client_id, (None, None))[0]
        if known is None or session.clean_session or known.clean_session:
            await self._delete_session(client_id)
            session.parent = 0
            return handler, session
        for name in (
            "will_flag", "will_message", "will_topic", "will_qos", "will_retain",
            "keep_alive", "username", "password", "remote_address", "remote_port",
        ):  # fmt: skip
            setattr(known, name, getattr(session, name))
        known.parent = 1
        return handler, known

    async def _publish_retained_messages_for_subscription(
        self, subscription: tuple[str, int], session: Session
    ) -> None:
        holders = self._subscriptions.get(subscription[0], ())
        if any(holder.client_id == session.client_id for holder, _qos in holders):
            await super()._publish_retained_messages_for_subscription(subscription, session)

    async def _retain_broadcast_message(
        self, broadcast: dict[str, Any], qos: int, target_session: Session
    ) -> None:
        if target_session.retained_messages.qsize() < OFFLINE_QUEUE_LIMIT:
            await super()._retain_broadcast_message(broadcast, qos, target_session)

    async def _handle_message_delivery(
        self, client_session: Session, handler: BrokerProtocolHandler, wait_deliver: Any
    ) -> bool:
        message = wait_deliver.result()
        if message is not None and len(message.data or b"") > PACKET_LIMIT_BYTES:
            logger.warning("A client sent a message over the size limit and was disconnected")
            _abort(handler)
            return True
        if message is not None and message.topic == CONTROL_TOPIC:
            await self._obey(client_session, bytes(message.data or b""))
            return True
        if not await super()._handle_message_delivery(client_session, handler, wait_deliver):
            _abort(handler)
        return True

    async def _obey(self, session: Session, payload: bytes) -> None:
        if self._document.allows(session.username, SEND, CONTROL_TOPIC):
            answer = self._control.run(payload)
            await self.internal_message_broadcast(RESPONSE_TOPIC, answer)


def _abort(handler: BrokerProtocolHandler) -> None:
    """Cut a connection at once; the message loop then ends the session as after any loss."""
    if handler.writer is not None:
        handler.writer._writer.transport.abort()  # noqa: SLF001 - amqtt has no way to kick


class ControlCommands:
    """The account commands of the dynamic security protocol that the server uses."""

    def __init__(self, document: SecurityDocument, path: Path, kick: Callable[[str], None]) -> None:
        self._document = document
        self._path = path
        self._kick = kick
        self._verbs: dict[str, Callable[[JSONObject], JSONObject]] = {
            "createRole": self._create_role,
            "deleteRole": self._delete_role,
            "createClient": self._create_client,
            "deleteClient": self._delete_client,
            "listClients": self._list_clients,
        }

    def run(self, payload: bytes) -> bytes:
        """Carry out a request; returns the plugin's answer, one response per command."""
        try:
            commands = json.loads(payload)["commands"]
            responses = [self._one(command) for command in commands]
        except (ValueError, KeyError, TypeError):
            responses = [{"command": "Unknown command", "error": "Payload is not valid"}]
        self._document.write(self._path)
        return json.dumps({"responses": responses}).encode()

    def _one(self, command: JSONObject) -> JSONObject:
        verb = self._verbs.get(command["command"])
        result = verb(command) if verb else {"error": "Unknown command"}
        named = {key: command[key] for key in ("command", "correlationData") if key in command}
        return named | result

    def _create_role(self, command: JSONObject) -> JSONObject:
        if command["rolename"] in self._document.roles:
            return {"error": "Role already exists"}
        role = {"rolename": command["rolename"], "acls": command.get("acls", [])}
        self._document.roles[command["rolename"]] = role
        return {}

    def _delete_role(self, command: JSONObject) -> JSONObject:
        found = self._document.roles.pop(command["rolename"], None)
        return {} if found else {"error": "Role not found"}

    def _create_client(self, command: JSONObject) -> JSONObject:
        if command["username"] in self._document.clients:
            return {"error": "Client already exists"}
        kept = ("username", "clientid", "textname", "roles")
        client = {key: command[key] for key in kept if key in command}
        self._document.put_client(client, command["password"])
        return {}

    def _delete_client(self, command: JSONObject) -> JSONObject:
        if self._document.clients.pop(command["username"], None) is None:
            return {"error": "Client not found"}
        self._kick(command["username"])
        return {}

    def _list_clients(self, command: JSONObject) -> JSONObject:
        shown = ("username", "clientid", "textname", "roles")
        everyone = [
            {key: client[key] for key in shown if key in client}
            for client in self._document.clients.values()
        ]
        first = command.get("offset", 0)
        last = first + (command.get("count", -1) if command.get("count", -1) > 0 else len(everyone))
        return {"data": {"totalCount": len(everyone), "clients": everyone[first:last]}}
