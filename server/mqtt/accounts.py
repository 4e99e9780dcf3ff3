"""Kiosk accounts on the broker, kept over Mosquitto's dynamic security protocol."""

import json
import queue
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from server.errors import UnavailableError
from server.mqtt.security import (
    CONTROL_TOPIC,
    JSONObject,
    kiosk_client,
    kiosk_role,
    kiosk_role_name,
)

ANSWER_TIMEOUT_S = 10.0
#: Mosquitto writes its whole file after each command and serves nobody meanwhile: with 1,000
#: accounts, ten take it up to a second.
ACCOUNTS_PER_MESSAGE = 10
_MISSING = ("not found",)


class BrokerError(UnavailableError):
    """The broker did not carry out an account command."""

    default_message = "The broker did not answer. The change is kept and made when it does."


@dataclass(frozen=True)
class BrokerAccount:
    """A kiosk's account on the broker.

    Attributes:
        kiosk_id: user name and the only client id it may use.
        password: generated; never logged.
        generation: changes with every new password.
    """

    kiosk_id: str
    password: str
    generation: str


class BrokerAccounts(Protocol):
    """What the server wants of a broker's accounts."""

    def generations(self) -> dict[str, str]:
        """Return which kiosks have an account, and of which generation."""

    def add(self, *accounts: BrokerAccount) -> None:
        """Make or replace accounts; a session under an old password ends at once."""

    def remove(self, kiosk_id: str) -> None:
        """Delete an account; its session ends at once. Nothing happens where there is none."""


class ControlChannel:
    """Requests and answers over the control topic. One caller at a time, never a paho callback.

    Other servers of the school hear and ask there too, so each request carries a mark that its
    answers repeat.
    """

    def __init__(self, publish: Callable[[str, bytes], None]) -> None:
        self._publish = publish
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def deliver(self, payload: bytes) -> None:
        """Take in what arrived on the response topic; called from the network thread."""
        self._answers.put(payload)

    def request(self, *commands: JSONObject) -> list[JSONObject]:
        """Send commands and wait for the answer to each.

        Raises:
            BrokerError: there was no answer in time, or none that can be read.
        """
        while not self._answers.empty():
            self._answers.get_nowait()
        mark = secrets.token_hex(8)
        marked = [{**command, "correlationData": mark} for command in commands]
        self._publish(CONTROL_TOPIC, json.dumps({"commands": marked}).encode())
        end_s = time.monotonic() + ANSWER_TIMEOUT_S
        responses: list[JSONObject] = []
        while len(responses) < len(commands):
            found = self._next(end_s - time.monotonic())
            responses.extend(one for one in found if one.get("correlationData") == mark)
        return responses

    def _next(self, within_s: float) -> list[JSONObject]:
        try:
            answer = json.loads(self._answers.get(timeout=max(within_s, 0.0)))
            responses: list[JSONObject] = answer["responses"]
        except (queue.Empty, ValueError, KeyError, TypeError) as exc:
            raise BrokerError from exc
        return responses


class DynamicSecurityAccounts:
    """`BrokerAccounts` over the control topic, which both brokers understand."""

    def __init__(self, channel: ControlChannel) -> None:
        self._channel = channel

    def generations(self) -> dict[str, str]:
        """Return which kiosks have an account, and of which generation."""
        answer = self._channel.request({"command": "listClients", "verbose": True, "count": -1})
        _refuse_errors(answer, tolerated=())
        return {
            client["username"]: client.get("textname", "")
            for client in answer[0]["data"]["clients"]
            if _is_kiosk(client)
        }

    def add(self, *accounts: BrokerAccount) -> None:
        """Make or replace accounts; a session under an old password ends at once."""
        for start in range(0, len(accounts), ACCOUNTS_PER_MESSAGE):
            part = accounts[start : start + ACCOUNTS_PER_MESSAGE]
            commands = [command for account in part for command in _commands(account)]
            answers = self._channel.request(*commands)
            _refuse_errors(answers, tolerated=(*_MISSING, "role already exists"))

    def remove(self, kiosk_id: str) -> None:
        """Delete an account; its session ends at once. Nothing happens where there is none."""
        _refuse_errors(
            self._channel.request(
                {"command": "deleteClient", "username": kiosk_id},
                {"command": "deleteRole", "rolename": kiosk_role_name(kiosk_id)},
            ),
            tolerated=_MISSING,
        )


def _commands(account: BrokerAccount) -> tuple[JSONObject, ...]:
    role, client = kiosk_role(account.kiosk_id), kiosk_client(account.kiosk_id, account.generation)
    return (
        {"command": "deleteClient", "username": account.kiosk_id},
        {"command": "createRole", **role},
        {"command": "createClient", "password": account.password, **client},
    )


def _is_kiosk(client: JSONObject) -> bool:
    wanted = kiosk_role_name(client["username"])
    return any(role["rolename"] == wanted for role in client.get("roles", []))


def _refuse_errors(responses: list[JSONObject], *, tolerated: tuple[str, ...]) -> None:
    for response in responses:
        error = str(response.get("error", "")).lower()
        if error and not any(words in error for words in tolerated):
            raise BrokerError(
                f"The broker refused {response.get('command')}: {error}", problem="broker_refused"
            )
