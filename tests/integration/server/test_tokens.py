"""API tokens: made by a person, limited by scope and role, dead when anything ends them."""

import re
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.tokens.service import KEPT_FOR, MOST_TOKENS
from server.tokens.tables import APIToken
from server.tokens.tasks import TokenUpkeep
from server.tokens.text import digest, new_token
from server.web.principal import Role
from tests.integration.server.conftest import PASSWORD, SignIn

NewClient = Callable[[], TestClient]
ROOMS, PEOPLE = "/api/v1/rooms", "/api/v1/people"


class Program:
    """A program with a token: no cookie, and no header but its token."""

    def __init__(self, client: TestClient, token: str) -> None:
        client.headers.clear()
        self.client, self.token = client, token
        client.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str = ROOMS) -> tuple[int, str]:
        """Return status and code of the error, if there is one."""
        answer = self.client.get(path)
        return answer.status_code, code_of(answer)


def code_of(answer: Response) -> str:
    body = answer.json() if answer.status_code >= 400 else {}
    code: str = body.get("error", {}).get("code", "")
    return code


def make(person: TestClient, *scopes: str, name: str = "Timetable", days: str = "90") -> str:
    """Create a token on its page; returns its text."""
    form = {"name": name, "scopes": list(scopes), "days": days, "password": PASSWORD}
    answer = person.post("/tokens/new", data=form)
    assert answer.status_code == 201, answer.text
    found: str = re.findall(r"rck_[0-9A-Za-z]{49}", answer.text)[0]
    return found


def row_of(database: Database, text: str) -> APIToken:
    with database.reading() as db:
        return db.exec(select(APIToken).where(APIToken.token_hash == digest(text))).one()


def entries(database: Database, noun: str = "token.") -> list[AuditEntry]:
    with database.reading() as db:
        rows = db.exec(select(AuditEntry).order_by("seq"))
        return [one for one in rows if one.action.startswith(noun)]


@pytest.fixture
def program(office: TestClient, new_client: NewClient) -> Program:
    """A program that may read and change the timetable."""
    return Program(new_client(), make(office, "timetable:read", "timetable:write"))


def test_a_program_works_without_password_cookie_and_header_against_forgery(
    program: Program, database: Database
) -> None:
    made = program.client.post(ROOMS, json={"name": "Lab"})
    assert made.status_code == 201
    assert program.client.get(ROOMS).json()[0]["name"] == "Lab"
    assert not program.client.cookies
    token = row_of(database, program.token)
    (entry,) = entries(database, "room.")
    assert (entry.actor, entry.details["token"]) == (f"account:{token.account_id}", str(token.id))


def test_states_of_registers_need_the_scope_of_attendance(
    program: Program, office: TestClient, new_client: NewClient
) -> None:
    lessons, states = "/api/v1/lessons", ("confirmed", "unconfirmed", "pending", "not_taken")
    assert program.get(lessons) == (200, "")
    for state in states:
        assert program.get(f"{lessons}?register={state}") == (403, "missing_scope")
    refused = program.client.get(f"{lessons}?register=confirmed")
    assert "attendance:read" in refused.headers["www-authenticate"]
    wider = Program(new_client(), make(office, "timetable:read", "attendance:read"))
    assert [wider.get(f"{lessons}?register={state}")[0] for state in states] == [200] * 4


def test_the_token_itself_is_nowhere_in_the_database(
    program: Program, office: TestClient, database: Database
) -> None:
    row = row_of(database, program.token)
    assert program.token not in str(row.model_dump())
    assert program.token not in office.get("/tokens").text
    assert [one.action for one in entries(database)] == ["token.create"]


def test_first_use_is_in_the_trail_and_last_use_is_a_day(
    program: Program, database: Database
) -> None:
    assert row_of(database, program.token).last_used_on is None
    program.get()
    program.get()
    assert row_of(database, program.token).last_used_on is not None
    actions = [one.action for one in entries(database)]
    assert actions == ["token.create", "token.first_use"]
    with database.transaction() as db:
        db.exec(select(APIToken)).one().last_used_on = now().date() - timedelta(days=3)
    program.get()
    assert row_of(database, program.token).last_used_on != now().date() - timedelta(days=3)
    assert [one.action for one in entries(database)] == actions


def test_a_scope_that_is_missing_is_named(program: Program) -> None:
    answer = program.client.get(PEOPLE)
    assert (answer.status_code, code_of(answer)) == (403, "missing_scope")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error"]["details"]["scope"] == "people:read"
    assert 'scope="people:read"' in answer.headers["www-authenticate"]
    assert answer.json()["status"] == 403


def test_to_read_is_not_to_write(office: TestClient, new_client: NewClient) -> None:
    reader = Program(new_client(), make(office, "timetable:read"))
    answer = reader.client.post(ROOMS, json={"name": "Lab"})
    assert (answer.status_code, code_of(answer)) == (403, "missing_scope")
    assert reader.get() == (200, "")


def test_no_scope_grants_more_than_the_role(
    sign_in: SignIn, new_client: NewClient, database: Database
) -> None:
    admin = sign_in(Role.ADMIN)
    every = re.findall(r'value="([a-z]+:[a-z]+)"', admin.get("/tokens/new").text)
    program = Program(new_client(), make(admin, *every))
    assert program.get(PEOPLE) == (200, "")
    with database.transaction() as db:
        account = db.exec(select(Account).where(Account.username == "admin-account")).one()
        account.role = Role.TEACHER.value
    assert program.get(PEOPLE) == (403, "forbidden")
    teacher = {"name": "x", "scopes": ["people:read"], "days": "90", "password": PASSWORD}
    assert sign_in(Role.TEACHER).post("/tokens/new", data=teacher).status_code == 400


@pytest.mark.parametrize(
    "path", ["/api/v1/accounts", "/api/v1/sign-in", "/api/v1/accounts/second-factor-roles"]
)
def test_accounts_and_sign_in_refuse_every_token(
    path: str, sign_in: SignIn, new_client: NewClient
) -> None:
    token = make(sign_in(Role.ADMIN), "people:read", "people:write", "policy:write")
    assert Program(new_client(), token).get(path) == (403, "token_refused")


def test_pages_know_no_tokens(program: Program) -> None:
    assert program.client.get("/rooms").status_code == 303
    assert program.client.get("/metrics").status_code == 401
    answer = program.client.post("/rooms", data={"name": "A"})
    assert answer.status_code == 403  # as from any other site


def test_a_token_beside_a_sign_in_is_refused(office: TestClient, program: Program) -> None:
    office.headers["Authorization"] = f"Bearer {program.token}"
    answer = office.get(ROOMS)
    assert (answer.status_code, code_of(answer)) == (400, "two_sign_ins")
    del office.headers["Authorization"]
    assert office.get(ROOMS).status_code == 200


def end_by_time(office: TestClient, database: Database, token: APIToken) -> None:
    del office
    with database.transaction() as db:
        db.get_one(APIToken, token.id).expires_at = now()


def end_by_revocation(office: TestClient, database: Database, token: APIToken) -> None:
    del database
    assert office.post(f"/tokens/{token.id}/revoke").status_code == 303


def end_by_unknown_text(office: TestClient, database: Database, token: APIToken) -> None:
    del office
    with database.transaction() as db:
        db.get_one(APIToken, token.id).token_hash = digest("another")


@pytest.mark.parametrize("end", [end_by_time, end_by_revocation, end_by_unknown_text])
def test_what_ended_a_token_is_not_told(
    end: Callable[[TestClient, Database, APIToken], None],
    program: Program,
    office: TestClient,
    database: Database,
) -> None:
    assert program.get() == (200, "")
    end(office, database, row_of(database, program.token))
    answer = program.client.get(ROOMS)
    told = answer.json()
    told["error"].pop("correlation_id")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (
        401,
        'Bearer error="invalid_token"',
    )
    assert told["error"] == {
        "code": "invalid_token",
        "message": "This API token does not work. Create a new one on the page API tokens.",
        "details": {},
    }
    assert entries(database, "token.refuse")[0].details["guesses"] == 1


@pytest.mark.parametrize("deed", ["disable", "password"])
def test_tokens_end_with_the_account_and_do_not_come_back(
    deed: str, program: Program, sign_in: SignIn, database: Database
) -> None:
    admin, account = sign_in(Role.ADMIN), row_of(database, program.token).account_id
    assert admin.post(f"/api/v1/accounts/{account}/{deed}").status_code == 200
    assert program.get() == (401, "invalid_token")
    admin.post(f"/api/v1/accounts/{account}/enable")
    with database.transaction() as db:
        db.get_one(Account, account).must_change_password = False
    assert program.get() == (401, "invalid_token")


def test_a_step_that_the_account_lacks_holds_its_tokens_up(
    program: Program, sign_in: SignIn
) -> None:
    required = sign_in(Role.ADMIN).put(
        "/api/v1/accounts/second-factor-roles", json={"roles": ["office"]}
    )
    assert required.status_code == 200
    assert program.get() == (403, "second_factor_due")


def test_wrong_tokens_are_throttled_and_right_ones_are_not(
    program: Program, new_client: NewClient
) -> None:
    wrong = [Program(new_client(), new_token()) for _ in range(7)]
    assert [one.get()[0] for one in wrong] == [401] * 5 + [429] * 2
    assert Program(new_client(), "rck_no token").get()[0] == 429
    assert program.get() == (200, "")


def test_a_token_needs_the_password_a_name_a_scope_and_days(
    office: TestClient, database: Database
) -> None:
    good: dict[str, str | list[str]] = {"name": "A", "scopes": ["people:read"], "days": "90"}
    good["password"] = PASSWORD
    bad: list[dict[str, str | list[str]]] = [
        {"password": "wrong"},
        {"name": " "},
        {"name": "x" * 81},
        {"scopes": []},
        {"scopes": ["accounts:write"]},
        {"days": "366"},
        {"days": "0"},
        {"days": "soon"},
    ]
    assert {office.post("/tokens/new", data=good | one).status_code for one in bad} == {400}
    assert entries(database) == []
    assert office.post("/tokens/new", data=good).status_code == 201


def test_an_account_has_only_so_many_tokens(office: TestClient, database: Database) -> None:
    make(office, "people:read")
    with database.transaction() as db:
        first = db.exec(select(APIToken)).one()
        for _ in range(MOST_TOKENS - 1):
            fields = first.model_dump(exclude={"id", "token_hash"})
            db.add(APIToken(**fields, token_hash=uuid.uuid4().bytes * 2))
    form = {"name": "One more", "scopes": ["people:read"], "days": "30", "password": PASSWORD}
    assert office.post("/tokens/new", data=form).status_code == 400


def test_a_person_sees_their_own_tokens_and_an_administrator_all(
    office: TestClient, sign_in: SignIn, database: Database
) -> None:
    token = row_of(database, make(office, "people:read", name="Of the office"))
    teacher, admin = sign_in(Role.TEACHER), sign_in(Role.ADMIN)
    assert "Of the office" in office.get("/tokens").text
    assert "Of the office" not in teacher.get("/tokens").text
    assert teacher.get("/tokens/everybody").status_code == 403
    assert teacher.post(f"/tokens/{token.id}/revoke").status_code == 404
    assert "Of the office" in admin.get("/tokens/everybody").text
    assert admin.get(f"/tokens/{token.id}/revoke").status_code == 200
    assert admin.post(f"/tokens/{token.id}/revoke").headers["location"] == "/tokens/everybody"
    (revoked,) = entries(database, "token.revoke")
    assert revoked.actor != f"account:{token.account_id}"
    trail = admin.get("/audit?action=token.revoke").text
    assert "revoked the API token Of the office" in trail


def test_a_program_reads_what_its_token_may_do(program: Program, office: TestClient) -> None:
    answer = program.client.get("/api/v1/token").json()
    assert answer["scopes"] == ["timetable:read", "timetable:write"]
    assert (answer["role"], answer["name"]) == ("office", "Timetable")
    assert office.get("/api/v1/token").status_code == 404
    assert program.client.get("/api/v1/openapi.json").status_code == 200


def test_tokens_that_are_long_over_are_deleted(office: TestClient, database: Database) -> None:
    make(office, "people:read", name="Lives")
    make(office, "people:read", name="Over")
    with database.transaction() as db:
        for row in db.exec(select(APIToken).where(APIToken.name == "Over")):
            row.revoked_at = now() - KEPT_FOR
    TokenUpkeep(database).sweep()
    with database.reading() as db:
        assert [one.name for one in db.exec(select(APIToken))] == ["Lives"]
