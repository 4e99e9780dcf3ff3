"""Whatever fits the description of the API, or does not, gets an answer that is no server error.

`make api-fuzz` sends many more requests.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from requests import Request
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from starlette.testclient import TestClient

from server.web.openapi import describe
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk

EXAMPLES = int(os.environ.get("ROLLCALL_API_EXAMPLES", "2"))
#: These end the sign-in with which the others are sent, or ask a further step of it.
LEFT_OUT = {
    ("DELETE", "/api/v1/sign-in"),
    ("POST", "/api/v1/sign-in/password"),
    ("PUT", "/api/v1/accounts/second-factor-roles"),
}
SENT = ("method", "url", "headers", "params", "json", "data", "files")
#: What a server may say that is right and still 5xx: the recognition service is not there.
EXPECTED = {"unavailable", "recognition_unavailable", "fonts_missing", "sign_in_busy"}


@pytest.fixture
def ids(desk: OfficeDesk) -> dict[str, str]:
    """One of everything that a request may name."""
    return {
        "person_id": desk.ada,
        "course_id": desk.course,
        "room_id": desk.room,
        "kiosk_id": desk.hang_kiosk(),
        "lesson_id": desk.lesson(timedelta(days=1)),
    }


def with_real_ids(node: Any, ids: dict[str, str]) -> Any:
    """Let ids in a description be of what there is, or of nothing."""
    if isinstance(node, list):
        return [with_real_ids(one, ids) for one in node]
    if not isinstance(node, dict):
        return node
    # Without `security`, as a made-up token beside the sign-in is refused at once.
    found = {name: with_real_ids(one, ids) for name, one in node.items() if name != "security"}
    for name, value in ids.items():
        real = {"type": "string", "format": "uuid", "enum": [value, str(uuid.UUID(int=7))]}
        if found.get("name") == name and "schema" in found:
            found["schema"] = real
        if isinstance(properties := found.get("properties"), dict) and name in properties:
            properties[name] = real
    return found


def requests_of(described: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every operation with the requests that it is sent."""
    schema = schemathesis.openapi.from_dict(described)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        one = found.ok()
        if (one.method.upper(), one.path) not in LEFT_OUT:
            for mode in GenerationMode:
                yield f"{one.method} {one.path}", one.as_strategy(generation_mode=mode)


def sender(client: TestClient, answers: dict[str, list[int]], name: str) -> Callable[..., None]:
    def send(case: Any) -> None:
        asked = case.as_transport_kwargs(base_url="http://testserver")
        made = Request(**{name: asked[name] for name in asked if name in SENT}).prepare()
        answer = client.request(
            made.method or "", made.url or "", headers=dict(made.headers), content=made.body
        )
        answers.setdefault(name, []).append(answer.status_code)
        code = answer.json()["error"]["code"] if answer.status_code >= 500 else ""
        assert answer.status_code < 500 or code in EXPECTED, (
            name,
            made.url,
            made.body,
            answer.text,
        )

    return send


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_no_request_makes_a_server_error(
    app: FastAPI, sign_in: SignIn, ids: dict[str, str]
) -> None:
    client, answers = sign_in(Role.ADMIN), dict[str, list[int]]()
    described = with_real_ids(describe(app), ids)
    for name, cases in requests_of(described):
        run = settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )(given(case=cases)(sender(client, answers, name)))
        with suppress(Unsatisfiable):  # nothing about this one can be wrong
            run()
    told = {code for codes in answers.values() for code in codes}
    assert {200, 201, 404, 422} <= told
    assert client.get("/api/v1/sign-in").status_code == 200
