"""Logs: JSON lines with the correlation id, and nothing of people in what went wrong."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from server.errors import NotFoundError
from server.logs import adopt_correlation_id, configure_logging, new_correlation_id


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("info", stream)
    yield stream
    root.handlers, root.level = handlers, level


def test_line_is_json_with_the_correlation_id(stream: io.StringIO) -> None:
    adopt_correlation_id("chain-1")
    logging.getLogger("x").info("kiosk %s claimed", "k1", extra={"room": 4})
    line = json.loads(stream.getvalue())
    assert line["event"] == "kiosk k1 claimed"
    assert (line["correlation_id"], line["room"], line["level"]) == ("chain-1", 4, "info")


def test_exception_is_logged_without_its_message_or_local_variables(stream: io.StringIO) -> None:
    secret = "Zaynab Ünsal"
    try:
        int(secret)
    except ValueError:
        logging.getLogger("x").exception("it failed")
    assert secret not in stream.getvalue()
    line = json.loads(stream.getvalue())
    assert line["exception"][0]["type"] == "builtins.ValueError"
    assert "test_logs.py" in line["exception"][0]["at"][-1]


def test_causes_are_named_and_our_own_messages_kept(stream: io.StringIO) -> None:
    try:
        _look_up({}, "secret")
    except NotFoundError:
        logging.getLogger("x").exception("it failed")
    chain = json.loads(stream.getvalue())["exception"]
    assert [entry.get("message") for entry in chain] == ["There is no such room.", None]


def _look_up(rooms: dict[str, int], name: str) -> int:
    try:
        return rooms[name]
    except KeyError as exc:
        raise NotFoundError("There is no such room.") from exc


def test_each_task_gets_an_id_of_its_own() -> None:
    assert new_correlation_id() != new_correlation_id()
