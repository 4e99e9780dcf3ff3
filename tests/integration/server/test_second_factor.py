"""Two-step sign-in: set up, asked for, recovered, required by role, reset by an administrator."""

import re
from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.refusals import WINDOW, sweep
from server.accounts.service import needs_second_factor, reset_password
from server.accounts.tables import Account, RecoveryCode, SecondFactor
from server.accounts.tables import SignIn as SignInRow
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.web.principal import Role
from tests.integration.server.conftest import PASSWORD, SignIn

OFFICE = {"username": "office-account", "password": PASSWORD}
NewClient = Callable[[], TestClient]
API = "/api/v1/sign-in/second-factor"


class Phone:
    """An authenticator app with one secret, and the recovery codes beside it."""

    def __init__(self, database: Database, client: TestClient) -> None:
        self._database = database
        started = client.post(API, json={"password": PASSWORD})
        assert started.status_code == 201
        self.secret: str = started.json()["secret"]
        confirmed = client.post(f"{API}/confirm", json={"code": self.code()})
        assert confirmed.status_code == 200
        self.recovery_codes: list[str] = confirmed.json()["recovery_codes"]

    def code(self) -> str:
        """A code that was not used yet, whatever was a moment ago."""
        with self._database.transaction() as db:
            for row in db.exec(select(SecondFactor)):
                row.last_step = None
        return pyotp.TOTP(self.secret).now()


@pytest.fixture
def phone(database: Database, office: TestClient) -> Phone:
    """The phone of the office, whose sign-ins need a code from now on."""
    return Phone(database, office)


@pytest.fixture
def waiting(phone: Phone, new_client: NewClient) -> TestClient:
    """A new browser that has typed the office's password."""
    client = new_client()
    assert client.post("/api/v1/sign-in", json=OFFICE).json()["step"] == "code"
    return client


def enter(client: TestClient, code: str) -> int:
    return client.post("/api/v1/sign-in/code", json={"code": code}).status_code


def actions(database: Database) -> list[str]:
    with database.reading() as db:
        return [entry.action for entry in db.exec(select(AuditEntry).order_by("seq"))]


def own_id(client: TestClient) -> str:
    found: str = client.get("/api/v1/sign-in").json()["account_id"]
    return found


def test_password_alone_opens_nothing_and_the_code_opens_everything(
    waiting: TestClient, phone: Phone
) -> None:
    assert waiting.get("/api/v1/people").status_code == 403
    answer = waiting.post("/api/v1/sign-in/code", json={"code": phone.code()})
    assert (answer.status_code, answer.json()["step"]) == (200, None)
    assert waiting.get("/api/v1/people").status_code == 200


def test_a_code_is_accepted_once(waiting: TestClient, phone: Phone, new_client: NewClient) -> None:
    code = phone.code()
    assert enter(waiting, code) == 200
    again = new_client()
    again.post("/api/v1/sign-in", json=OFFICE)
    assert enter(again, code) == 401


def test_a_recovery_code_signs_in_once_however_it_is_typed(
    waiting: TestClient, phone: Phone, new_client: NewClient, database: Database
) -> None:
    first, second = phone.recovery_codes[:2]
    assert enter(waiting, first.upper().replace("-", " ")) == 200
    again = new_client()
    again.post("/api/v1/sign-in", json=OFFICE)
    assert enter(again, first) == 401
    assert enter(again, second) == 200
    assert actions(database).count("account.use_recovery_code") == 2
    with database.reading() as db:
        assert len(db.exec(select(RecoveryCode)).all()) == 8


def test_a_recovery_code_of_another_account_is_worth_nothing(
    waiting: TestClient, sign_in: SignIn, database: Database
) -> None:
    other = Phone(database, sign_in(Role.TEACHER))
    assert enter(waiting, other.recovery_codes[0]) == 401


def test_codes_are_throttled_and_the_password_does_not_start_a_new_count(
    waiting: TestClient, phone: Phone, new_client: NewClient
) -> None:
    assert [enter(waiting, "no code") for _ in range(6)] == [401] * 4 + [429] * 2
    again = new_client()
    assert again.post("/api/v1/sign-in", json=OFFICE).status_code == 200
    assert enter(again, phone.code()) == 429


def test_a_right_password_without_its_code_leaves_an_entry_an_hour(
    waiting: TestClient, phone: Phone, new_client: NewClient, database: Database
) -> None:
    del waiting  # it has typed the password
    for _ in range(3):
        new_client().post("/api/v1/sign-in", json=OFFICE)
    assert actions(database).count("account.enter_password") == 1
    with database.transaction() as db:
        sweep(db, now() + WINDOW)
    with database.reading() as db:
        told = db.exec(select(AuditEntry).where(AuditEntry.action == "account.enter_password"))
        assert [entry.details["times"] for entry in told] == [1, 3]


def test_a_wrong_code_does_not_make_a_browser_known(
    waiting: TestClient, phone: Phone, office: TestClient
) -> None:
    assert "rollcall_device" not in waiting.cookies
    assert enter(waiting, phone.code()) == 200
    assert "rollcall_device" in waiting.cookies


def test_a_sign_in_that_waits_for_its_code_ends_after_ten_minutes(
    waiting: TestClient, phone: Phone, database: Database
) -> None:
    with database.transaction() as db:
        row = db.exec(select(SignInRow).where(SignInRow.needs_code)).one()
        assert row.expires_at - row.created_at == timedelta(minutes=10)
        row.expires_at = now()
    assert enter(waiting, phone.code()) == 401


def test_switching_it_on_ends_all_other_sign_ins(
    office: TestClient, new_client: NewClient, database: Database
) -> None:
    other = new_client()
    other.post("/api/v1/sign-in", json=OFFICE)
    Phone(database, office)
    assert other.get("/api/v1/sign-in").status_code == 401
    assert office.get("/api/v1/sign-in").status_code == 200


def test_neither_secret_nor_codes_are_readable_in_the_database(
    phone: Phone, database: Database
) -> None:
    with database.reading() as db:
        secret = db.exec(select(SecondFactor)).one().secret
        hashes = [row.code_hash for row in db.exec(select(RecoveryCode))]
    assert phone.secret.encode() not in secret
    codes = [code.replace("-", "").encode() for code in phone.recovery_codes]
    assert not {code for code in codes for one in hashes if code in one}
    assert len(hashes) == len(set(codes)) == 10


def test_setting_up_needs_the_password_and_shows_a_confirmed_secret_never_again(
    office: TestClient, database: Database
) -> None:
    assert office.post(API, json={"password": "not this one"}).status_code == 400
    phone = Phone(database, office)
    assert office.post(API, json={"password": PASSWORD}).status_code == 409
    assert phone.secret not in office.get("/second-factor").text.replace(" ", "")


def test_an_unconfirmed_secret_is_asked_of_nobody(
    office: TestClient, new_client: NewClient
) -> None:
    office.post(API, json={"password": PASSWORD})
    assert office.post(f"{API}/confirm", json={"code": "no code"}).status_code == 400
    assert new_client().post("/api/v1/sign-in", json=OFFICE).json()["step"] is None


@pytest.mark.parametrize("way", ["change", "reset"])
def test_an_unconfirmed_secret_ends_with_the_password_that_it_was_shown_to(
    office: TestClient, database: Database, way: str
) -> None:
    office.post(API, json={"password": PASSWORD})
    if way == "change":
        body = {"old": PASSWORD, "new": "quite another password"}
        assert office.post("/api/v1/sign-in/password", json=body).status_code == 204
    else:
        with database.transaction() as db:
            reset_password(db, username="office-account")
    with database.reading() as db:
        assert db.exec(select(SecondFactor)).all() == []


def test_switching_it_off_and_new_recovery_codes_need_a_code(
    office: TestClient, phone: Phone, new_client: NewClient
) -> None:
    wrong = {"code": "no code"}
    assert office.post(f"{API}/recovery-codes", json=wrong).status_code == 400
    assert office.post(f"{API}/remove", json=wrong).status_code == 400
    renewed = office.post(f"{API}/recovery-codes", json={"code": phone.code()}).json()
    assert not set(renewed["recovery_codes"]) & set(phone.recovery_codes)
    old = {"code": phone.recovery_codes[0]}
    assert office.post(f"{API}/remove", json=old).status_code == 400
    assert office.post(f"{API}/remove", json={"code": phone.code()}).status_code == 204
    assert new_client().post("/api/v1/sign-in", json=OFFICE).json()["step"] is None


def test_a_role_of_which_it_is_required_is_led_to_the_setup_and_reaches_nothing_else(
    sign_in: SignIn, office: TestClient, database: Database
) -> None:
    admin = sign_in(Role.ADMIN)
    path = "/api/v1/accounts/second-factor-roles"
    assert admin.put(path, json={"roles": ["office", "dpo"]}).json()["roles"] == ["dpo", "office"]
    assert office.get("/people").headers["location"] == "/second-factor"
    refused = office.get("/api/v1/people")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "second_factor_due")
    Phone(database, office)
    assert office.get("/people").status_code == 200
    assert admin.put(path, json={"roles": []}).status_code == 200
    assert actions(database).count("account.require_second_factor") == 2
    assert admin.put(path, json={"roles": ["emperor"]}).status_code == 422
    assert admin.put(path, json={"rolls": []}).status_code == 422


def test_an_administrator_resets_a_lost_phone_but_not_their_own(
    sign_in: SignIn, office: TestClient, phone: Phone, database: Database, new_client: NewClient
) -> None:
    admin = sign_in(Role.ADMIN)
    account_id = own_id(office)
    listed = {one["id"]: one["has_second_factor"] for one in admin.get("/api/v1/accounts").json()}
    assert [one for one, has in listed.items() if has] == [account_id]
    assert admin.delete(f"/api/v1/accounts/{account_id}/second-factor").status_code == 200
    assert office.get("/api/v1/sign-in").status_code == 401
    assert "account.reset_second_factor" in actions(database)
    assert new_client().post("/api/v1/sign-in", json=OFFICE).json()["step"] is None
    own = admin.delete(f"/api/v1/accounts/{own_id(admin)}/second-factor")
    assert own.status_code == 409


def test_reset_of_the_password_leaves_the_second_step_unless_it_is_removed_too(
    phone: Phone, database: Database, waiting: TestClient, new_client: NewClient
) -> None:
    with database.transaction() as db:
        first = reset_password(db, username="office-account")
        assert needs_second_factor(db, username="office-account")
    assert enter(waiting, phone.code()) == 401
    client = new_client()
    signed_in = client.post("/api/v1/sign-in", json=OFFICE | {"password": first})
    assert signed_in.json()["step"] == "code"
    entered = client.post("/api/v1/sign-in/code", json={"code": phone.code()})
    assert entered.json()["step"] == "password"
    with database.transaction() as db:
        second = reset_password(db, username="office-account", remove_second_factor=True)
        assert not needs_second_factor(db, username="office-account")
    signed_in = new_client().post("/api/v1/sign-in", json=OFFICE | {"password": second})
    assert signed_in.json()["step"] == "password"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_lead_from_the_setup_to_a_sign_in_with_a_code(
    office: TestClient, new_client: NewClient, database: Database, language: str
) -> None:
    office.cookies.set("rollcall_language", language)
    assert office.get("/second-factor").status_code == 200
    assert office.post("/second-factor/start", data={"password": "wrong"}).status_code == 400
    begun = office.post("/second-factor/start", data={"password": PASSWORD})
    assert begun.headers["location"] == "/second-factor"
    page = office.get("/second-factor")
    assert "<svg" in page.text
    assert "style=" not in page.text.split("<svg")[1].split("</svg>")[0]
    key = re.sub(r"\s", "", page.text.split('id="second-factor-key">')[1].split("<")[0])
    totp = pyotp.TOTP(key)
    assert office.post("/second-factor/confirm", data={"code": "no code"}).status_code == 400
    shown = office.post("/second-factor/confirm", data={"code": totp.now()})
    codes = re.findall(r"<li>([0-9a-z-]{19})</li>", shown.text)
    assert (len(codes), shown.headers["Cache-Control"]) == (10, "no-store")
    client = new_client()
    form = OFFICE | {"next": "/people"}
    location = client.post("/sign-in", data=form).headers["location"]
    assert location == "/sign-in/code?next=/people"
    assert client.get(location).status_code == 200
    assert client.post("/sign-in/code", data={"code": "no code"}).status_code == 401
    entered = client.post("/sign-in/code", data={"code": codes[0], "next": "/people"})
    assert entered.headers["location"] == "/people"
    assert client.get("/people").status_code == 200
    removed = client.post("/second-factor/remove", data={"code": codes[1]})
    assert removed.headers["location"] == "/second-factor"


def test_an_admin_sees_and_changes_all_of_it_on_the_pages(
    sign_in: SignIn, office: TestClient, phone: Phone
) -> None:
    admin = sign_in(Role.ADMIN)
    path = f"/users/{own_id(office)}"
    assert f'action="{path}/second-factor"' in admin.get(path).text
    assert admin.post(f"{path}/second-factor").headers["location"] == path
    assert f'action="{path}/second-factor"' not in admin.get(path).text
    chosen = admin.post("/users/second-factor-roles", data={"roles": ["teacher", "dpo"]})
    assert chosen.headers["location"] == "/users"
    assert admin.get("/users").text.count("checked") == 2


def test_a_role_changed_to_one_that_needs_it_is_led_to_the_setup_at_once(
    sign_in: SignIn, office: TestClient, database: Database
) -> None:
    admin = sign_in(Role.ADMIN)
    admin.put("/api/v1/accounts/second-factor-roles", json={"roles": ["dpo"]})
    assert office.get("/people").status_code == 200
    admin.put(f"/api/v1/accounts/{own_id(office)}/role", json={"role": "dpo"})
    assert office.get("/people").headers["location"] == "/second-factor"
    with database.reading() as db:
        assert db.exec(select(Account).where(Account.username == "office-account")).one().is_active
