"""Requests to the broker's accounts, while other servers of the school ask too."""

import json
import queue

import pytest

from server.mqtt.accounts import BrokerError, ControlChannel
from server.mqtt.security import JSONObject


def _answers(*responses: JSONObject) -> bytes:
    return json.dumps({"responses": list(responses)}).encode()


def test_answers_to_another_server_are_passed_over() -> None:
    sent: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def publish(_topic: str, payload: bytes) -> None:
        sent.put(payload)
        (command,) = json.loads(payload)["commands"]
        own = {"command": "listClients", "correlationData": command["correlationData"]}
        channel.deliver(_answers({"command": "deleteClient", "correlationData": "another"}))
        channel.deliver(_answers({"command": "createRole"}))
        channel.deliver(_answers({**own, "data": {"clients": []}}))

    channel = ControlChannel(publish)

    (answer,) = channel.request({"command": "listClients"})
    assert answer["data"] == {"clients": []}


def test_only_answers_to_others_are_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.mqtt.accounts.ANSWER_TIMEOUT_S", 0.05)
    channel = ControlChannel(
        lambda *_: channel.deliver(_answers({"command": "listClients", "correlationData": "x"}))
    )

    with pytest.raises(BrokerError):
        channel.request({"command": "listClients"})
