"""Sign-ins beside what ends them at the same moment, on PostgreSQL: nothing is missed or undone."""

import threading
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pyotp
import pytest
from sqlalchemy import text
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts import password_change, second_factor, signing_in
from server.accounts.passwords import verify_password
from server.accounts.tables import Account, SignIn
from server.db.engine import Database
from server.db.types import now
from server.web.principal import Role
from tests.integration.server.conftest import PASSWORD
from tests.integration.server.conftest import SignIn as SignInAs
from tests.support.waiting import wait_until

KNOWN = {"username": "office-account", "password": PASSWORD}
CHANGE = {"old": PASSWORD, "new": "quite another password"}
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
NewClient = Callable[[], TestClient]


class Race:
    """Two requests, the second of which begins when the first has reached a certain place.

    There the first waits until the second is done, or waits for a lock that the first holds.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._reached, self._done = threading.Event(), threading.Event()
        self.answers: dict[str, int] = {}

    def paused(self, real: Callable[..., Any], *, at_call: int = 1) -> Callable[..., Any]:
        """Return a function that does the same, and the first request waits after it."""
        calls = iter(range(1, 100))

        def pausing(*args: Any, **options: Any) -> Any:
            found = real(*args, **options)
            if next(calls) == at_call:
                self._reached.set()
                wait_until(lambda: self._done.is_set() or self._somebody_waits(), what="the other")
            return found

        return pausing

    def run(self, first: Callable[[], Any], second: Callable[[], Any]) -> dict[str, int]:
        """Run both, and return their statuses."""

        def begin() -> None:
            self.answers["first"] = first().status_code

        def follow() -> None:
            assert self._reached.wait(30)
            try:
                self.answers["second"] = second().status_code
            finally:
                self._done.set()

        threads = [threading.Thread(target=one) for one in (begin, follow)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.answers

    def _somebody_waits(self) -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        query += " AND datname = current_database()"
        with self._database.engine.connect() as connection:
            return bool(connection.execute(text(query)).scalar_one())


@pytest.fixture
def has_one_loop() -> bool:
    """Each request has a loop, as in several server processes: they do not wait in one queue."""
    return False


@pytest.fixture
def race(database: Database) -> Race:
    return Race(database)


def pause(
    monkeypatch: pytest.MonkeyPatch, race: Race, module: ModuleType, name: str, *, at_call: int = 1
) -> None:
    """Let the first request wait after it has called this function."""
    monkeypatch.setattr(module, name, race.paused(getattr(module, name), at_call=at_call))


def account_of(database: Database) -> Account:
    with database.reading() as db:
        return db.exec(select(Account).where(Account.username == KNOWN["username"])).one()


def ending(way: str, office: TestClient, admin: TestClient, account_id: object) -> Any:
    if way == "change":
        return office.post("/api/v1/sign-in/password", json=CHANGE)
    if way == "sign out":
        return office.delete("/api/v1/sign-in")
    return admin.post(f"/api/v1/accounts/{account_id}/{way}")


@pytest.mark.parametrize("way", ["change", "password", "disable"])
@pytest.mark.parametrize("renews", [False, True], ids=["", "renewing the hash"])
def test_no_sign_in_with_the_old_password_survives_what_ends_it(
    race: Race,
    sign_in: SignInAs,
    new_client: NewClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    renews: bool,
) -> None:
    office, admin, late = sign_in(Role.OFFICE), sign_in(Role.ADMIN), new_client()
    before = account_of(database)
    pause(monkeypatch, race, signing_in, "_unchanged")
    monkeypatch.setattr(signing_in, "needs_rehash", lambda _hash: renews)

    answers = race.run(
        lambda: late.post("/api/v1/sign-in", json=KNOWN),
        lambda: ending(way, office, admin, before.id),
    )

    if way == "change" and renews:
        assert answers == {"first": 200, "second": 409}, "the hash it was checked against is gone"
        assert ending(way, office, admin, before.id).status_code == 204
    assert late.get("/api/v1/sign-in").status_code == 401
    after = account_of(database)
    assert verify_password(after.password_hash, PASSWORD) is (way == "disable")


@pytest.mark.parametrize("way", ["change", "password", "disable", "sign out"])
def test_neither_a_sign_in_nor_what_ends_others_waits_for_ever(
    race: Race,
    sign_in: SignInAs,
    new_client: NewClient,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    """A sign-in deletes those that are over, of all accounts."""
    office, admin, teacher = sign_in(Role.OFFICE), sign_in(Role.ADMIN), sign_in(Role.TEACHER)
    account = account_of(database)
    known = {"username": "teacher-account", "password": PASSWORD}
    with database.transaction() as db:
        of_office = select(SignIn).where(SignIn.account_id == account.id)
        row = db.exec(of_office).one()
        over = row.model_copy(update={"token_hash": bytes(32)})
        db.add(SignIn(**over.model_dump() | {"expires_at": now() - timedelta(hours=1)}))
    pause(monkeypatch, race, signing_in, "welcome")

    answers = race.run(
        lambda: teacher.post("/api/v1/sign-in", json=known),
        lambda: ending(way, office, admin, account.id),
    )

    assert answers["first"] == 200
    assert answers["second"] in (200, 204)


def test_a_change_that_is_under_way_does_not_undo_a_reset(
    race: Race, sign_in: SignInAs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, admin = sign_in(Role.OFFICE), sign_in(Role.ADMIN)
    account = account_of(database)
    pause(monkeypatch, race, password_change, "get_account", at_call=2)

    race.run(
        lambda: ending("change", office, admin, account.id),
        lambda: ending("password", office, admin, account.id),
    )

    after = account_of(database)
    assert after.must_change_password
    assert not verify_password(after.password_hash, CHANGE["new"])
    assert office.get("/api/v1/sign-in").status_code == 401


def test_an_ended_sign_in_changes_no_password(
    race: Race, sign_in: SignInAs, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account is disabled while the old password is being checked."""
    office, admin = sign_in(Role.OFFICE), sign_in(Role.ADMIN)
    account = account_of(database)
    pause(monkeypatch, race, password_change, "verify_password")

    answers = race.run(
        lambda: ending("change", office, admin, account.id),
        lambda: ending("disable", office, admin, account.id),
    )

    assert answers == {"first": 401, "second": 200}
    assert account_of(database).password_hash == account.password_hash


def test_two_admins_require_a_second_step_at_once(
    race: Race, sign_in: SignInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, roles = sign_in(Role.ADMIN), {"roles": ["dpo"]}
    path = "/api/v1/accounts/second-factor-roles"
    pause(monkeypatch, race, second_factor, "record")

    answers = race.run(lambda: admin.put(path, json=roles), lambda: admin.put(path, json=roles))

    assert answers == {"first": 200, "second": 200}


def test_a_second_step_that_is_started_again_is_not_confirmed_with_the_old_secret(
    race: Race, sign_in: SignInAs, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, asked = sign_in(Role.OFFICE), {"password": PASSWORD}
    path = "/api/v1/sign-in/second-factor"
    code = {"code": pyotp.TOTP(office.post(path, json=asked).json()["secret"]).now()}
    pause(monkeypatch, race, second_factor, "has_second_factor")

    answers = race.run(
        lambda: office.post(path, json=asked), lambda: office.post(f"{path}/confirm", json=code)
    )

    assert answers == {"first": 201, "second": 400}
