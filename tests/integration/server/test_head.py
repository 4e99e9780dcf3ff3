"""HEAD works wherever GET does: pages, API, static files, and what is refused."""

import re
import uuid

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from httpx2 import Response
from starlette.testclient import TestClient

from server.app import ROUTERS
from server.web.principal import Role
from tests.integration.server.conftest import SignIn


@pytest.fixture
def database_kind() -> str:
    """HEAD has nothing to do with the database: once is enough."""
    return "sqlite"


#: Differ from one answer to the next.
_PASSING = {"x-correlation-id", "set-cookie"}
#: Answer with a number that changes while it is asked.
_LIVE = {
    "/health",
    "/metrics",
    "/api/v1/on-site",
    "/api/v1/reports/at-risk",
    "/api/v1/reports/attendance",
    "/api/v1/reports/registers-not-taken",
}


def paths() -> list[str]:
    """Every path that answers GET, with ids of nothing."""
    routes = [route for router in ROUTERS for route in router.routes]
    gets = [
        route.path
        for route in routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    ]
    filled = [re.sub(r"\{[^}]*\}", str(uuid.UUID(int=1)), path) for path in sorted(set(gets))]
    return [*filled, "/static/school.css", "/static/nothing.css", "/nothing"]


def test_head_is_answered_as_get_without_a_body(
    app: FastAPI, sign_in: SignIn, client: TestClient
) -> None:
    """Signed in and not, so that pages, refusals and ways to the sign-in are all among them."""
    admin = sign_in(Role.ADMIN)
    wrong = []
    for path in paths():
        for one in (admin, client):
            get, head = one.get(path), one.head(path)
            is_live = path in _LIVE
            same = get.status_code == head.status_code
            same = same and _headers(get, is_live=is_live) == _headers(head, is_live=is_live)
            if not same or head.content:
                wrong.append((path, get.status_code, head.status_code))
    assert len(paths()) > 80
    assert wrong == []


def _headers(answer: Response, *, is_live: bool) -> dict[str, str]:
    left_out = _PASSING | ({"content-length", "etag"} if is_live else set())
    return {name: value for name, value in answer.headers.items() if name not in left_out}
