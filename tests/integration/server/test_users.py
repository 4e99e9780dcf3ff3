"""Admins manage accounts; nobody else does, and nobody locks the last admin out."""

import threading
from collections.abc import Callable

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts import passwords
from server.accounts.service import reset_password
from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.web.principal import Role
from tests.integration.server.conftest import SignIn

NEW = {"username": "M.Weber", "display_name": "Mara Weber", "role": "teacher"}


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    """A client signed in as an admin, beside the first one."""
    return sign_in(Role.ADMIN)


def own_id(client: TestClient) -> str:
    answer: str = client.get("/api/v1/sign-in").json()["account_id"]
    return answer


def first_admin_id(client: TestClient) -> str:
    accounts = client.get("/api/v1/accounts").json()
    return next(str(one["id"]) for one in accounts if one["username"] == "admin")


def actions(database: Database) -> list[str]:
    with database.reading() as db:
        return [entry.action for entry in db.exec(select(AuditEntry).order_by("seq"))]


def test_new_account_signs_in_with_its_one_time_password_and_must_change_it(
    admin: TestClient, client: TestClient, database: Database
) -> None:
    answer = admin.post("/api/v1/accounts", json=NEW)
    assert answer.status_code == 201
    password = answer.json()["one_time_password"]
    signed_in = client.post(
        "/api/v1/sign-in", json={"username": "m.weber", "password": password}
    ).json()
    assert (signed_in["role"], signed_in["must_change_password"]) == ("teacher", True)
    assert "account.create" in actions(database)
    with database.reading() as db:
        kept = db.exec(select(Account).where(Account.username == "m.weber")).one()
    assert password not in kept.password_hash


@pytest.mark.parametrize(
    ("path", "body"),
    [("/api/v1/accounts", NEW), ("/api/v1/accounts/{id}/password", None)],
)
def test_a_password_is_hashed_before_the_transaction_begins(
    admin: TestClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, str] | None,
) -> None:
    """Hashing takes its time, and nobody else may write meanwhile on SQLite."""
    other = first_admin_id(admin)
    hashed, others_wrote = passwords.hash_password, list[bool]()

    def write() -> None:
        with database.transaction(wait_s=0) as db:
            db.exec(select(Account).with_for_update(nowait=True)).all()
            others_wrote.append(True)

    def hash_while_another_writes(password: str) -> str:
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        return hashed(password)

    monkeypatch.setattr(passwords, "hash_password", hash_while_another_writes)
    assert admin.post(path.format(id=other), json=body).status_code in (200, 201)
    assert others_wrote == [True]


def test_listing_never_shows_a_password(admin: TestClient) -> None:
    admin.post("/api/v1/accounts", json=NEW)
    assert "password_hash" not in admin.get("/api/v1/accounts").text
    assert "argon2" not in admin.get("/users").text


@pytest.mark.parametrize(
    "changed",
    [
        {"username": "a"},
        {"username": "two words"},
        {"username": "nul\x00name"},
        {"username": "x" * 65},
        {"display_name": "  "},
        {"role": "emperor"},
    ],
)
def test_unfit_account_is_refused(admin: TestClient, changed: dict[str, str]) -> None:
    assert admin.post("/api/v1/accounts", json=NEW | changed).status_code == 422
    assert admin.post("/users/new", data=NEW | changed).status_code == 400


def test_taken_name_is_refused_however_it_is_written(admin: TestClient) -> None:
    admin.post("/api/v1/accounts", json=NEW)
    again = NEW | {"username": " m.WEBER "}
    assert admin.post("/api/v1/accounts", json=again).status_code == 409
    assert admin.post("/users/new", data=again).status_code == 400


def test_disabled_account_is_out_at_once_and_in_again_when_enabled(
    admin: TestClient, sign_in: SignIn, database: Database
) -> None:
    teacher = sign_in(Role.TEACHER)
    path = f"/api/v1/accounts/{own_id(teacher)}"
    assert admin.post(f"{path}/disable").json()["is_active"] is False
    assert teacher.get("/api/v1/sign-in").status_code == 401
    credentials = {"username": "teacher-account", "password": "a password for tests"}
    assert teacher.post("/api/v1/sign-in", json=credentials).status_code == 401
    assert admin.post(f"{path}/enable").json()["is_active"] is True
    assert teacher.post("/api/v1/sign-in", json=credentials).status_code == 200
    assert {"account.disable", "account.enable"} <= set(actions(database))


def test_reset_ends_sign_ins_and_the_old_password(
    admin: TestClient, office: TestClient, new_client: Callable[[], TestClient]
) -> None:
    answer = admin.post(f"/api/v1/accounts/{own_id(office)}/password").json()
    assert office.get("/api/v1/sign-in").status_code == 401
    old = {"username": "office-account", "password": "a password for tests"}
    assert new_client().post("/api/v1/sign-in", json=old).status_code == 401
    new = old | {"password": answer["one_time_password"]}
    assert new_client().post("/api/v1/sign-in", json=new).status_code == 200


def test_reset_of_a_disabled_account_does_not_enable_it(
    admin: TestClient, office: TestClient
) -> None:
    path = f"/api/v1/accounts/{own_id(office)}"
    admin.post(f"{path}/disable")
    assert admin.post(f"{path}/password").json()["account"]["is_active"] is False


def test_role_counts_from_the_next_request(
    admin: TestClient, office: TestClient, database: Database
) -> None:
    assert office.get("/api/v1/people").status_code == 200
    answer = admin.put(f"/api/v1/accounts/{own_id(office)}/role", json={"role": "technician"})
    assert answer.json()["role"] == "technician"
    assert office.get("/api/v1/people").status_code == 403
    assert "account.change_role" in actions(database)


@pytest.mark.parametrize("step", ["disable", "password"])
def test_nobody_acts_on_their_own_account(admin: TestClient, step: str) -> None:
    answer = admin.post(f"/api/v1/accounts/{own_id(admin)}/{step}")
    assert answer.status_code == 409
    assert answer.json()["error"]["details"] == {"problem": "own_account"}
    assert admin.post(f"/users/{own_id(admin)}/{step}").status_code == 409


def test_one_of_two_admins_who_disable_each_other_stays(
    admin: TestClient, new_client: Callable[[], TestClient]
) -> None:
    first = first_admin_id(admin)
    password = admin.post(f"/api/v1/accounts/{first}/password").json()["one_time_password"]
    other = new_client()
    other.post("/api/v1/sign-in", json={"username": "admin", "password": password})
    assert admin.post(f"/api/v1/accounts/{first}/disable").status_code == 200
    assert other.post(f"/api/v1/accounts/{own_id(admin)}/disable").status_code == 401
    assert (
        admin.put(f"/api/v1/accounts/{own_id(admin)}/role", json={"role": "dpo"}).status_code == 409
    )


@pytest.mark.parametrize("role", [Role.OFFICE, Role.TEACHER, Role.DPO, Role.TECHNICIAN])
def test_only_admins_see_or_touch_accounts(sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    mine = own_id(client)
    asked = [
        client.get("/api/v1/accounts"),
        client.post("/api/v1/accounts", json=NEW),
        client.put(f"/api/v1/accounts/{mine}/role", json={"role": "admin"}),
        client.post(f"/api/v1/accounts/{mine}/password"),
        client.get("/users"),
        client.get("/users/new"),
        client.get(f"/users/{mine}"),
        client.post("/users/new", data=NEW),
        client.post(f"/users/{mine}/role", data={"role": "admin"}),
    ]
    assert {answer.status_code for answer in asked} == {403}
    assert 'href="/users"' not in client.get("/").text


@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_lead_an_admin_from_a_new_user_to_a_disabled_one(
    admin: TestClient, language: str
) -> None:
    admin.cookies.set("rollcall_language", language)
    created = admin.post("/users/new", data=NEW)
    assert created.status_code == 201
    assert created.text.count('id="one-time-password"') == 1
    assert created.headers["Cache-Control"] == "no-store"
    accounts = admin.get("/api/v1/accounts").json()
    path = next(f"/users/{one['id']}" for one in accounts if one["username"] == "m.weber")
    assert path in admin.get("/users").text
    assert admin.post(f"{path}/role", data={"role": "office"}).status_code == 303
    assert admin.post(f"{path}/password").status_code == 201
    assert admin.post(f"{path}/disable").headers["location"] == "/users"
    assert f'action="{path}/enable"' in admin.get(path).text
    assert admin.post(f"{path}/enable").status_code == 303


@pytest.mark.parametrize("was_active", [False, True])
def test_the_command_notes_that_it_enables_a_disabled_account(
    admin: TestClient, database: Database, was_active: bool
) -> None:
    other = first_admin_id(admin)
    if not was_active:
        assert admin.post(f"/api/v1/accounts/{other}/disable").status_code == 200
    with database.transaction() as db:
        reset_password(db, username="admin")

    assert ("account.enable" in actions(database)) is not was_active
    assert actions(database)[-1] == "account.reset_password"
