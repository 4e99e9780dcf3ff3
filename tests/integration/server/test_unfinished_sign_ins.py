"""The attack of the review: a sign-in that lacks a step reaches nothing but that step, by API too.

Every route is asked over HTTP. `tests/unit/server/web/test_route_roles.py` has the same for every
role, without a database.
"""

import re
import uuid

import pytest
from fastapi.routing import APIRoute
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.tables import Account, SecondFactorRole
from server.accounts.tables import SignIn as SignInRow
from server.app import ROUTERS
from server.db.engine import Database
from server.kiosks.device import current_kiosk
from server.web.access import guards_of, is_open_to_anyone
from server.web.principal import Role, SignInStep
from tests.integration.server.conftest import SignIn

STEPS = {
    SignInStep.PASSWORD: ("password_change_due", "/password"),
    SignInStep.CODE: ("code_due", "/sign-in/code"),
    SignInStep.SECOND_FACTOR: ("second_factor_due", "/second-factor"),
}
#: What each sign-in may still use. Everything else is refused.
WAYS_OUT = {"DELETE /api/v1/sign-in", "POST /sign-out"}
OWN = {
    SignInStep.PASSWORD: {"POST /api/v1/sign-in/password", "GET /password", "POST /password"},
    SignInStep.CODE: {
        "POST /api/v1/sign-in/code",
        "GET /sign-in/code",
        "POST /sign-in/code",
    },
    SignInStep.SECOND_FACTOR: {
        "POST /api/v1/sign-in/second-factor",
        "POST /api/v1/sign-in/second-factor/confirm",
        "GET /second-factor",
        "POST /second-factor/start",
        "POST /second-factor/confirm",
    },
}


def guarded_by_sign_in() -> list[tuple[str, str]]:
    """Every route that needs a sign-in, as method and path with made-up ids."""
    routes = [one for router in ROUTERS for one in router.routes if isinstance(one, APIRoute)]
    found = []
    for route in routes:
        guards = guards_of(route.dependant)
        if not is_open_to_anyone(guards) and guards != [current_kiosk]:
            path = re.sub(r"\{[^}]+\}", str(uuid.UUID(int=7)), route.path)
            found += [(method, path) for method in sorted(route.methods or ())]
    return found


@pytest.fixture
def unfinished(sign_in: SignIn, database: Database, request: pytest.FixtureRequest) -> TestClient:
    """An administrator whose sign-in lacks a step."""
    client = sign_in(Role.ADMIN)
    with database.transaction() as db:
        account = db.exec(select(Account).where(Account.username == "admin-account")).one()
        account.must_change_password = request.param is SignInStep.PASSWORD
        for row in db.exec(select(SignInRow)):
            row.needs_code = request.param is SignInStep.CODE
        if request.param is SignInStep.SECOND_FACTOR:
            db.add(SecondFactorRole(role=Role.ADMIN.value))
    return client


@pytest.mark.parametrize(
    ("step", "unfinished"), [(one, one) for one in STEPS], indirect=["unfinished"]
)
def test_nothing_but_the_missing_step_answers(unfinished: TestClient, step: SignInStep) -> None:
    code, page = STEPS[step]
    allowed = OWN[step] | WAYS_OUT
    wrong = []
    for method, path in guarded_by_sign_in():
        if f"{method} {path}" in allowed:
            continue
        answer = unfinished.request(method, path)
        if path.startswith(("/api/", "/metrics")):
            is_refused = answer.status_code == 403 and answer.json()["error"]["code"] == code
        else:
            is_refused = (answer.status_code, answer.headers.get("location")) == (303, page)
        if not is_refused:
            wrong.append(f"{method} {path}: {answer.status_code}")
    assert wrong == []


@pytest.mark.parametrize("unfinished", STEPS, indirect=True)
def test_a_body_is_not_even_read(unfinished: TestClient) -> None:
    answer = unfinished.post("/api/v1/people", content=b"\xff" * 5000)
    assert answer.status_code == 403


@pytest.mark.parametrize("unfinished", STEPS, indirect=True)
def test_the_page_of_the_step_shows_no_menu_and_the_way_out_works(unfinished: TestClient) -> None:
    page = unfinished.get("/", follow_redirects=True)
    assert page.status_code == 200
    assert 'href="/people"' not in page.text
    assert unfinished.get("/nowhere").status_code == 404
    assert 'href="/people"' not in unfinished.get("/nowhere").text
    assert unfinished.post("/sign-out").headers["location"] == "/sign-in"
    assert unfinished.get("/").headers["location"] == "/sign-in"
