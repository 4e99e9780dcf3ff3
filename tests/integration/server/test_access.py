"""Sign-in, lessons, lockout, roles, cross-site requests, error shapes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from server.accounts import signing_in as accounts
from server.accounts.passwords import needs_rehash, verify_password
from server.accounts.service import ensure_admin
from server.accounts.tables import Account
from server.accounts.tables import SignIn as SignInRow
from server.accounts.throttle import GuessPlace
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.web.principal import Role
from tests.integration.server.conftest import PASSWORD, SignIn

if TYPE_CHECKING:
    from pathlib import Path

HERE = GuessPlace(device="", address="here")


def test_first_start_makes_an_admin_whose_password_is_printed_and_kept_private(
    settings: Settings, app: FastAPI
) -> None:
    path = settings.data_dir / "admin-password.txt"
    assert path.stat().st_mode & 0o777 == 0o600
    client = TestClient(app, headers={"X-Requested-With": "rollcall"})
    answer = client.post(
        "/api/v1/sign-in", json={"username": " Admin", "password": path.read_text().strip()}
    )
    assert answer.json()["role"] == "admin"
    assert answer.json()["must_change_password"] is True


def test_second_start_makes_no_second_admin(database: Database) -> None:
    with database.transaction() as db:
        assert ensure_admin(db) is None


def test_changing_the_one_time_password_deletes_its_file(
    settings: Settings, client: TestClient
) -> None:
    path = settings.data_dir / "admin-password.txt"
    old = path.read_text().strip()
    client.post("/api/v1/sign-in", json={"username": "admin", "password": old})
    answer = client.post("/api/v1/sign-in/password", json={"old": old, "new": PASSWORD})
    assert answer.status_code == 204
    assert not path.exists()
    assert client.get("/api/v1/sign-in").json()["must_change_password"] is False


def test_one_time_password_leads_every_page_to_its_change(
    settings: Settings, client: TestClient
) -> None:
    old = (settings.data_dir / "admin-password.txt").read_text().strip()
    form = {"username": "admin", "password": old}
    assert client.post("/sign-in", data=form).headers["location"] == "/password"
    assert client.get("/people").headers["location"] == "/password"
    assert client.get("/password").status_code == 200


@pytest.mark.parametrize("new", ["short", PASSWORD, "office-account is my name"])
def test_weak_new_password_is_refused(office: TestClient, new: str) -> None:
    answer = office.post("/api/v1/sign-in/password", json={"old": PASSWORD, "new": new})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == {"problem": "weak_password"}


def test_changing_the_password_ends_other_sign_ins_and_keeps_this_one(
    office: TestClient, new_client: Callable[[], TestClient]
) -> None:
    other = new_client()
    other.post("/api/v1/sign-in", json={"username": "office-account", "password": PASSWORD})
    body = {"old": PASSWORD, "new": "quite another password"}
    assert office.post("/api/v1/sign-in/password", json=body).status_code == 204
    assert office.get("/api/v1/sign-in").status_code == 200
    assert other.get("/api/v1/sign-in").status_code == 401


def test_sign_in_replaces_a_hash_with_other_parameters(
    database: Database, office: TestClient, new_client: Callable[[], TestClient]
) -> None:
    older = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
    with database.transaction() as db:
        _office_account(db).password_hash = older
    body = {"username": "office-account", "password": PASSWORD}
    assert new_client().post("/api/v1/sign-in", json=body).status_code == 200
    with database.reading() as db:
        renewed = _office_account(db).password_hash
    assert not needs_rehash(renewed)
    assert verify_password(renewed, PASSWORD)


def test_lockout_holds_against_the_right_password_until_it_ends(
    settings: Settings, database: Database, office: TestClient
) -> None:
    at = now()

    def attempt(password: str, at_offset: timedelta = timedelta()) -> accounts.SignInOutcome:
        guess = accounts.Credentials("office-account", password, HERE)
        return accounts.sign_in(database, settings, guess=guess, at=at + at_offset)

    outcomes = [attempt("wrong") for _ in range(settings.lockout_failures)]
    assert [type(o) for o in outcomes[:-1]] == [accounts.Refused] * (len(outcomes) - 1)
    assert isinstance(outcomes[-1], accounts.Locked)
    assert isinstance(attempt(PASSWORD), accounts.Locked)
    after = timedelta(minutes=settings.lockout_minutes, seconds=1)
    assert isinstance(attempt(PASSWORD, after), accounts.SignedIn)


def test_strangers_wrong_guesses_do_not_lock_a_browser_that_was_in_before(
    office: TestClient, new_client: Callable[[], TestClient], settings: Settings
) -> None:
    right = {"username": "office-account", "password": PASSWORD}
    stranger = new_client()
    for _ in range(settings.lockout_failures + 1):
        last = stranger.post("/api/v1/sign-in", json=right | {"password": "wrong"})
    assert last.status_code == 429
    assert stranger.post("/api/v1/sign-in", json=right).status_code == 429
    assert office.post("/api/v1/sign-in", json=right).status_code == 200


def test_browser_that_was_in_before_has_no_more_guesses_than_others(
    office: TestClient, settings: Settings
) -> None:
    wrong = {"username": "Office-Account", "password": "wrong"}
    codes = [
        office.post("/api/v1/sign-in", json=wrong).status_code
        for _ in range(settings.lockout_failures)
    ]
    assert codes[-1] == 429
    right = wrong | {"password": PASSWORD}
    assert office.post("/api/v1/sign-in", json=right).status_code == 429


def test_device_mark_of_one_name_is_worth_nothing_for_another(
    office: TestClient, sign_in: SignIn, settings: Settings
) -> None:
    sign_in(Role.TEACHER)
    wrong = {"username": "teacher-account", "password": "wrong"}
    for _ in range(settings.lockout_failures):
        office.post("/api/v1/sign-in", json=wrong)
    right = wrong | {"password": PASSWORD}
    assert office.post("/api/v1/sign-in", json=right).status_code == 429


def test_guesses_made_at_once_are_no_more_than_guesses_made_in_turn(
    settings: Settings, database: Database, office: TestClient
) -> None:
    guess = accounts.Credentials("office-account", "wrong", HERE)

    def attempt(_: int) -> accounts.SignInOutcome:
        return accounts.sign_in(database, settings, guess=guess, at=now())

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, range(16)))
    refused = [one for one in outcomes if isinstance(one, accounts.Refused)]
    assert len(refused) == settings.lockout_failures - 1


def test_lockout_does_not_tell_which_names_exist(client: TestClient, settings: Settings) -> None:
    body = {"username": "nobody", "password": "wrong"}
    codes = [
        client.post("/api/v1/sign-in", json=body).status_code
        for _ in range(settings.lockout_failures)
    ]
    assert codes == [401] * (settings.lockout_failures - 1) + [429]


def test_sign_in_ends_when_idle(settings: Settings, database: Database, office: TestClient) -> None:
    with database.transaction() as db:
        for row in db.exec(select(SignInRow)):
            row.last_seen_at = now() - timedelta(minutes=settings.sign_in_idle_minutes + 1)
    assert office.get("/api/v1/sign-in").status_code == 401


def test_use_of_a_sign_in_is_noted(database: Database, office: TestClient) -> None:
    earlier = now() - timedelta(minutes=5)
    with database.transaction() as db:
        for row in db.exec(select(SignInRow)):
            row.last_seen_at = earlier
    assert office.get("/api/v1/sign-in").status_code == 200
    with database.reading() as db:
        assert db.exec(select(SignInRow)).one().last_seen_at > earlier


def test_signing_out_makes_a_copied_cookie_worthless(office: TestClient) -> None:
    cookie = office.cookies["rollcall_sign_in"]
    assert office.delete("/api/v1/sign-in").status_code == 204
    office.cookies.set("rollcall_sign_in", cookie)
    assert office.get("/api/v1/sign-in").status_code == 401


@pytest.mark.parametrize("cookie", ["", "nonsense", "a.b", "x" * 5000])
def test_forged_cookie_signs_nobody_in(client: TestClient, cookie: str) -> None:
    client.cookies.set("rollcall_sign_in", cookie)
    assert client.get("/api/v1/sign-in").status_code == 401


def test_database_holds_no_token(database: Database, office: TestClient) -> None:
    token = office.cookies["rollcall_sign_in"].split(".")[0]
    with database.reading() as db:
        rows = db.exec(select(SignInRow)).all()
    assert all(token.encode() not in row.token_hash for row in rows)


@pytest.mark.parametrize(
    ("role", "method", "path", "status"),
    [
        (Role.TEACHER, "GET", "/api/v1/people", 403),
        (Role.TECHNICIAN, "GET", "/api/v1/people", 403),
        (Role.TECHNICIAN, "GET", "/people", 403),
        (Role.DPO, "GET", "/api/v1/people", 200),
        (Role.DPO, "POST", "/api/v1/people", 403),
        (Role.OFFICE, "GET", "/audit", 403),
        (Role.DPO, "GET", "/audit", 200),
        (Role.ADMIN, "GET", "/audit", 200),
    ],
)
def test_roles_are_denied_by_default(
    sign_in: SignIn, role: Role, method: str, path: str, status: int
) -> None:
    assert sign_in(role).request(method, path, json={}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 422),
        ({"Sec-Fetch-Site": "cross-site", "X-Requested-With": "rollcall"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Origin": "http://testserver"}, 422),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"X-Requested-With": "rollcall"}, 422),
        ({}, 403),
    ],
)
def test_state_changes_are_refused_unless_from_our_own_pages(
    app: FastAPI, headers: dict[str, str], status: int
) -> None:
    client = TestClient(app, headers=headers)
    assert client.post("/api/v1/sign-in", json={}).status_code == status


def test_malformed_payload_is_named_but_not_quoted(office: TestClient) -> None:
    answer = office.post("/api/v1/people", json={"given_name": "Secret"})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "malformed"
    assert "Secret" not in answer.text


def test_errors_have_one_shape_with_the_correlation_id(client: TestClient) -> None:
    answer = client.get("/api/v1/nothing", headers={"X-Correlation-ID": "abc-123"})
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing here.",
        "error": {
            "code": "not_found",
            "message": "There is nothing here.",
            "details": {},
            "correlation_id": "abc-123",
        },
    }
    assert answer.headers["X-Correlation-ID"] == "abc-123"


@pytest.mark.parametrize("hostile", ["a b", "x" * 65, 'a"},{"', "<script>"])
def test_hostile_correlation_id_is_replaced(client: TestClient, hostile: str) -> None:
    answer = client.get("/health", headers={"X-Correlation-ID": hostile})
    assert answer.headers["X-Correlation-ID"] != hostile


def test_pages_send_strangers_to_sign_in_and_back(client: TestClient, office: TestClient) -> None:
    assert client.get("/people").headers["location"] == "/sign-in?next=/people"
    form = {"username": "office-account", "password": PASSWORD, "next": "/people"}
    assert client.post("/sign-in", data=form).headers["location"] == "/people"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_sign_in_never_leads_to_another_site(
    client: TestClient, office: TestClient, target: str
) -> None:
    form = {"username": "office-account", "password": PASSWORD, "next": target}
    assert client.post("/sign-in", data=form).headers["location"] == "/"


def test_every_answer_carries_the_security_headers(client: TestClient) -> None:
    headers = client.get("/sign-in").headers
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_for_ever_by_version_only(client: TestClient) -> None:
    page = client.get("/sign-in").text
    versioned = page.split('rel="stylesheet" href="')[1].split('"')[0]
    assert "immutable" in client.get(versioned).headers["Cache-Control"]
    assert client.get("/static/rollcall.css").headers["Cache-Control"] == "no-cache"


def test_metrics_count_requests_by_route_and_never_by_what_was_asked(
    office: TestClient, sign_in: SignIn
) -> None:
    office.get("/api/v1/people", params={"q": "Zaynab"})
    metrics = sign_in(Role.TECHNICIAN).get("/metrics").text
    assert 'route="/api/v1/people"' in metrics
    assert "Zaynab" not in metrics


def test_health_answers_without_sign_in(client: TestClient) -> None:
    health = client.get("/health").json()
    assert health["status"] == "healthy"
    assert health["database"] == "up"
    assert health["ml"] in {"down", "unknown"}


def test_data_folder_is_private(settings: Settings, app: FastAPI) -> None:
    keys: list[Path] = list((settings.data_dir / "keys").iterdir())
    assert [key.stat().st_mode & 0o777 for key in keys] == [0o600]
    assert settings.data_dir.stat().st_mode & 0o077 == 0


def _office_account(db: Session) -> Account:
    return db.exec(select(Account).where(Account.username == "office-account")).one()
