"""The commands of docs/api.md do what the page says."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from httpx2 import Response
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.people.tables import Person
from tests.integration.server.conftest import PASSWORD

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = [
    line for block in BLOCKS for line in block.replace("\\\n", " ").splitlines() if line.strip()
]


def run(client: TestClient, command: str, values: dict[str, str]) -> Response:
    """Send what a curl command sends; a flag that is not known here fails."""
    for name, value in values.items():
        command = command.replace(f"${name}", value)
    words = iter(shlex.split(command))
    assert [next(words), next(words)] == ["curl", "-s"]
    url, headers, body = next(words), {}, None
    for word in words:
        match word:
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case _:
                pytest.fail(f"unknown: {word}")
    method = "GET" if body is None else "POST"
    answer: Response = client.request(method, url, headers=headers, content=body)
    return answer


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_the_commands_of_the_page_work(
    office: TestClient, new_client: Callable[[], TestClient], database: Database
) -> None:
    form = {"name": "A", "scopes": ["people:read", "people:write", "timetable:read"]}
    shown = office.post("/tokens/new", data=form | {"days": "90", "password": PASSWORD}).text
    client = new_client()
    client.headers.clear()
    etag = office.get("/api/v1/rooms").headers["etag"]
    values = {
        "ROLLCALL": "http://testserver",
        "TOKEN": re.findall(r"rck_[0-9A-Za-z]{49}", shown)[0],
        "ETAG": etag.replace('"', '\\"'),
    }
    told = [run(client, one, values).status_code for one in COMMANDS]
    assert told == [200, 201, 200, 200, 304, 404]
    repeated = run(client, COMMANDS[1], values)
    assert (repeated.status_code, repeated.headers["idempotency-replayed"]) == (201, "true")
    with database.reading() as db:
        assert [one.student_number for one in db.exec(select(Person))] == ["2026-0412"]
