"""Who may do what on the broker: the document of Mosquitto's dynamic security plugin.

Mosquitto reads and writes it itself; the embedded broker and the first start use this module. One
format for both means that a school can change its broker and keep every account.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paho.mqtt.client import topic_matches_sub

from protocol.v1 import topics
from server.errors import ConfigurationError

CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
RESPONSE_TOPIC = f"{CONTROL_TOPIC}/response"
SERVER_ROLE = "rollcall-server"

# Passwords here are generated with 256 random bits, so guessing is hopeless at any count; this
# one only keeps a fleet's reconnects cheap. Mosquitto's own tool uses 101.
_ITERATIONS = 1000
_HASH_BYTES = 64

SEND, RECEIVE = "publishClientSend", "publishClientReceive"
#: Before a filter: of all who subscribe to it under this name, one gets each message.
SHARED = "$share/rollcall/"

SUBSCRIBE_LITERAL, SUBSCRIBE_PATTERN = "subscribeLiteral", "subscribePattern"

JSONObject = dict[str, Any]


def _acl(kind: str, topic: str) -> JSONObject:
    return {"acltype": kind, "topic": topic, "priority": 0, "allow": True}


def kiosk_role(kiosk_id: str) -> JSONObject:
    """Return the role of one kiosk: write its own three channels, read its own three.

    One role each, because `%u` in roles works from Mosquitto 2.1 on only.
    """
    written = [_acl(SEND, topics.topic(kiosk_id, name)) for name in topics.KIOSK_CHANNELS]
    read = [
        _acl(kind, topics.topic(kiosk_id, name))
        for name in topics.SERVER_CHANNELS
        for kind in (RECEIVE, SUBSCRIBE_LITERAL)
    ]
    return {"rolename": kiosk_role_name(kiosk_id), "acls": written + read}


def kiosk_role_name(kiosk_id: str) -> str:
    """Return the name of one kiosk's role."""
    return f"kiosk-{kiosk_id}"


def kiosk_client(kiosk_id: str, generation: str) -> JSONObject:
    """Return the account of one kiosk, without its password."""
    return {
        "username": kiosk_id,
        "clientid": kiosk_id,
        "textname": generation,
        "roles": [{"rolename": kiosk_role_name(kiosk_id)}],
    }


def server_role() -> JSONObject:
    """Return the role of the server: hear every kiosk, speak to every kiosk, keep accounts."""
    heard = [_acl(RECEIVE, topics.from_all_kiosks(name)) for name in topics.KIOSK_CHANNELS]
    spoken = [_acl(SEND, f"{topics.ROOT}/+/{name}") for name in topics.SERVER_CHANNELS]
    control = [_acl(kind, f"{CONTROL_TOPIC}/#") for kind in (SEND, RECEIVE, SUBSCRIBE_PATTERN)]
    return {
        "rolename": SERVER_ROLE,
        "acls": [
            *heard,
            *spoken,
            *control,
            _acl(SUBSCRIBE_PATTERN, f"{topics.ROOT}/#"),
            _acl(SUBSCRIBE_PATTERN, f"{SHARED}{topics.ROOT}/#"),
        ],
    }


@dataclass
class SecurityDocument:
    """Accounts and roles of a broker. Not thread-safe: one owner.

    Attributes:
        clients: account by user name, in the plugin's own fields.
        roles: role by name.
    """

    clients: dict[str, JSONObject] = field(default_factory=dict)
    roles: dict[str, JSONObject] = field(default_factory=dict)

    def put_client(self, client: JSONObject, password: str) -> None:
        """Add or replace an account; only a salted hash of the password is kept."""
        salt = secrets.token_bytes(12)
        digest = _digest(password, salt, _ITERATIONS)
        self.clients[client["username"]] = client | {
            "password": base64.b64encode(digest).decode(),
            "salt": base64.b64encode(salt).decode(),
            "iterations": _ITERATIONS,
        }

    def put_kiosk(self, kiosk_id: str, password: str, generation: str) -> None:
        """Add or replace the account and the role of a kiosk."""
        role = kiosk_role(kiosk_id)
        self.roles[role["rolename"]] = role
        self.put_client(kiosk_client(kiosk_id, generation), password)

    def admits(self, username: str | None, password: str | None, client_id: str | None) -> bool:
        """Say whether these credentials are right, for this client id."""
        client = self.clients.get(username or "")
        if client is None or password is None or client.get("disabled"):
            return False
        if client.get("clientid") not in (None, client_id):
            return False
        given = _digest(password, base64.b64decode(client["salt"]), client["iterations"])
        return hmac.compare_digest(given, base64.b64decode(client["password"]))

    def allows(self, username: str | None, kind: str, topic: str) -> bool:
        """Say whether an account may send to, or receive from, a topic."""
        return any(
            acl["acltype"] == kind and acl["allow"] and topic_matches_sub(acl["topic"], topic)
            for acl in self._acls(username)
        )

    def allows_subscription(self, username: str | None, topic_filter: str) -> bool:
        """Say whether an account may subscribe to a filter."""
        literal = any(
            acl["acltype"] == SUBSCRIBE_LITERAL and acl["allow"] and acl["topic"] == topic_filter
            for acl in self._acls(username)
        )
        return literal or self.allows(username, SUBSCRIBE_PATTERN, topic_filter)

    def _acls(self, username: str | None) -> list[JSONObject]:
        client = self.clients.get(username or "", {})
        held = [self.roles.get(role["rolename"], {}) for role in client.get("roles", [])]
        return [acl for role in held for acl in role.get("acls", [])]

    def write(self, path: Path) -> None:
        """Write the document for its owner only, in one step."""
        body = {
            "clients": list(self.clients.values()),
            "groups": [],
            "roles": list(self.roles.values()),
            "defaultACLAccess": {
                "publishClientSend": False,
                "publishClientReceive": False,
                "subscribe": False,
                "unsubscribe": True,
            },
        }
        draft = path.with_suffix(".draft")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(body, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


def read_document(path: Path) -> SecurityDocument:
    """Read the document; empty where there is none yet.

    Raises:
        ConfigurationError: the file is damaged.
    """
    if not path.exists():
        return SecurityDocument()
    try:
        body = json.loads(path.read_text())
        return SecurityDocument(
            clients={client["username"]: client for client in body["clients"]},
            roles={role["rolename"]: role for role in body["roles"]},
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise ConfigurationError(
            f"The broker's account file {path} is damaged. Delete it: the server writes the"
            " accounts again from its own records."
        ) from exc


def prepare_document(
    path: Path, username: str, password: str, fill: Callable[[SecurityDocument], object]
) -> SecurityDocument:
    """Make sure that the server itself can sign in and keep accounts; returns the document.

    Args:
        path: of the document.
        username: of the server.
        password: of the server.
        fill: puts in what else the broker should know from the start.
    """
    document = read_document(path)
    document.roles[SERVER_ROLE] = server_role()
    client = {"username": username, "textname": "server", "roles": [{"rolename": SERVER_ROLE}]}
    document.put_client(client, password)
    fill(document)
    document.write(path)
    return document


def _digest(password: str, salt: bytes, iterations: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, _HASH_BYTES)
