"""The attacks of the review: guessing from one place, from many, through one address, for ever."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import col, func, select
from starlette.testclient import TestClient

from server.accounts import sessions, signing_in, throttle, throttle_rules
from server.accounts.passwords import hash_password
from server.accounts.refusals import WINDOW, note_refused
from server.accounts.service import find_account
from server.accounts.signing_in import Credentials, Locked, Refused, SignedIn, sign_in
from server.accounts.tables import Account, GuessCount, RefusedGuesses
from server.accounts.throttle import GuessPlace
from server.audit.tables import AuditEntry
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.web.device_marks import new_mark
from server.web.principal import Role
from server.web.threads import _THREADS, ThreadLane
from tests.integration.server.conftest import PASSWORD
from tests.integration.server.conftest import SignIn as SignInAs

SCHOOL, HOME = GuessPlace(device="", address="school"), GuessPlace(device="", address="home")
RIGHT = {"username": "office-account", "password": PASSWORD}
WRONG = RIGHT | {"password": "a wrong password"}
Attempt = Callable[..., SignedIn | Refused | Locked]
Browser = Callable[[str], TestClient]


@pytest.fixture
def attempt(database: Database, settings: Settings, office: TestClient) -> Attempt:
    """Guess at an account, by default the office's with a wrong password."""

    def guess(
        place: GuessPlace,
        password: str = "a wrong password",
        *,
        name: str = "office-account",
        at: datetime | None = None,
    ) -> SignedIn | Refused | Locked:
        credentials = Credentials(name, password, place)
        return sign_in(database, settings, guess=credentials, at=at or now())

    return guess


@pytest.fixture
def browser_at(app: FastAPI, office: TestClient) -> Browser:
    """Make a browser without cookies at a network address."""
    del office  # its account exists

    def make(address: str) -> TestClient:
        headers = {"X-Requested-With": "rollcall"}
        return TestClient(app, headers=headers, follow_redirects=False, client=(address, 50_000))

    return make


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let an address take 20 wrong guesses instead of 300; returns how many."""
    monkeypatch.setattr(throttle_rules, "PLACES_OF_ADDRESS", 4)
    return 20


def elsewhere(number: int) -> GuessPlace:
    return GuessPlace(device="", address=f"elsewhere-{number}")


def rows(database: Database, table: type[GuessCount | AuditEntry | RefusedGuesses]) -> int:
    with database.reading() as db:
        return db.exec(select(func.count()).select_from(table)).one()


def refusals(database: Database) -> list[AuditEntry]:
    with database.reading() as db:
        query = select(AuditEntry).where(col(AuditEntry.action) == "account.refuse_sign_in")
        return list(db.exec(query.order_by(col(AuditEntry.seq))))


def test_a_stranger_elsewhere_locks_nobody_out_of_a_new_browser_at_a_known_address(
    browser_at: Browser,
) -> None:
    assert browser_at("192.0.2.1").post("/api/v1/sign-in", json=RIGHT).status_code == 200
    stranger = browser_at("198.51.100.66")
    codes = [stranger.post("/api/v1/sign-in", json=WRONG).status_code for _ in range(6)]
    assert codes == [401, 401, 401, 401, 429, 429]
    assert browser_at("192.0.2.1").post("/api/v1/sign-in", json=RIGHT).status_code == 200


def test_strangers_of_many_addresses_share_one_count_that_does_not_touch_the_owner(
    attempt: Attempt, settings: Settings, database: Database
) -> None:
    assert isinstance(attempt(HOME, PASSWORD), SignedIn)
    outcomes = [attempt(elsewhere(number)) for number in range(25)]
    taken = [one for one in outcomes if isinstance(one, Refused)]
    assert len(taken) == 4 * settings.lockout_failures - 1
    assert isinstance(attempt(elsewhere(99), PASSWORD), Locked)
    assert isinstance(attempt(HOME, PASSWORD), SignedIn)
    with database.reading() as db:
        account = db.exec(select(Account).where(Account.username == "office-account")).one()
    browser = new_mark(account.username, account.password_hash)
    assert isinstance(attempt(GuessPlace(browser, "elsewhere-7"), PASSWORD), SignedIn)


def test_browsers_that_knew_the_old_password_are_strangers_after_a_change(
    attempt: Attempt, database: Database, settings: Settings, office: TestClient
) -> None:
    with database.reading() as db:
        account = db.exec(select(Account).where(Account.username == "office-account")).one()
    marks = [new_mark(account.username, account.password_hash) for _ in range(6)]
    body = {"old": PASSWORD, "new": "quite another password"}
    before = office.cookies["rollcall_device"]
    assert office.post("/api/v1/sign-in/password", json=body).status_code == 204
    assert office.cookies["rollcall_device"] != before, "this browser knows the new password"

    guesses = [attempt(GuessPlace(one, "elsewhere-1")) for one in marks for _ in range(4)]
    taken = [one for one in guesses if isinstance(one, Refused)]
    assert len(taken) == settings.lockout_failures - 1


def test_colleagues_at_a_shared_browser_are_all_known_there(
    browser_at: Browser, sign_in: SignInAs
) -> None:
    sign_in(Role.TEACHER)
    shared = browser_at("192.0.2.1")
    for role in ("office", "teacher"):
        known = {"username": f"{role}-account", "password": PASSWORD}
        assert shared.post("/api/v1/sign-in", json=known).status_code == 200
    stranger = browser_at("198.51.100.66")
    for _ in range(6):
        stranger.post("/api/v1/sign-in", json=WRONG)
    elsewhere_now = browser_at("198.51.100.66")
    elsewhere_now.cookies.set("rollcall_device", shared.cookies["rollcall_device"])
    assert stranger.post("/api/v1/sign-in", json=RIGHT).status_code == 429
    assert elsewhere_now.post("/api/v1/sign-in", json=RIGHT).status_code == 200


def test_a_whole_school_behind_one_address_signs_in_with_typos(
    attempt: Attempt, database: Database, small_limit: int
) -> None:
    names = [f"teacher-{number}" for number in range(6)]
    assert 4 * len(names) > small_limit
    hashed = hash_password(PASSWORD)
    with database.transaction() as db:
        db.add_all(
            Account(username=name, display_name=name, role=Role.TEACHER, password_hash=hashed)
            for name in names
        )
    at = now()
    for name in names:
        typos = [attempt(SCHOOL, name=name, at=at) for _ in range(4)]
        assert [type(one) for one in typos] == [Refused] * 4
        assert isinstance(attempt(SCHOOL, PASSWORD, name=name, at=at), SignedIn)


def test_a_flood_through_the_schools_address_is_limited_and_colleagues_still_get_in(
    attempt: Attempt, small_limit: int
) -> None:
    assert isinstance(attempt(SCHOOL, PASSWORD), SignedIn)
    at = now()
    names = [f"made-up-{number}" for number in range(small_limit + 3)]
    outcomes = [attempt(SCHOOL, name=name, at=at) for name in names]
    assert sum(isinstance(one, Refused) for one in outcomes) == small_limit - 1
    assert isinstance(outcomes[-1], Locked)
    assert isinstance(attempt(SCHOOL, PASSWORD, at=at), SignedIn)


def test_signing_in_again_and_again_pays_for_no_guesses(attempt: Attempt, small_limit: int) -> None:
    at = now()
    taken = 0
    for number in range(small_limit + 15):
        taken += isinstance(attempt(SCHOOL, name=f"made-up-{number}", at=at), Refused)
        attempt(SCHOOL, PASSWORD, at=at)
    assert taken <= small_limit + throttle_rules.CREDIT


def test_a_guess_that_must_wait_writes_nothing(attempt: Attempt, database: Database) -> None:
    for _ in range(6):
        attempt(elsewhere(1))
    before = rows(database, GuessCount), rows(database, AuditEntry), refusals(database)[-1].seq
    for _ in range(5):
        assert isinstance(attempt(elsewhere(1)), Locked)
    assert before == (
        rows(database, GuessCount),
        rows(database, AuditEntry),
        refusals(database)[-1].seq,
    )


def test_counts_are_bounded_and_waits_outlive_a_flood_of_made_up_names(
    attempt: Attempt, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "MOST_ROWS", 20)
    monkeypatch.setattr(throttle, "_ROOM", 5)
    assert isinstance(attempt(HOME, PASSWORD), SignedIn)
    for _ in range(5):
        attempt(elsewhere(0))
    at = now()
    for number in range(25):
        attempt(elsewhere(number + 1), name=f"made-up-{number}", at=at)
        assert rows(database, GuessCount) <= 22
    assert isinstance(attempt(elsewhere(0), PASSWORD), Locked)
    assert isinstance(attempt(HOME, PASSWORD), SignedIn)


def test_guessing_adds_an_audit_entry_an_hour_for_an_account_and_one_for_all_other_names(
    attempt: Attempt, database: Database
) -> None:
    at = now()
    for number in range(25):
        attempt(elsewhere(number), name=f"made-up-{number}", at=at)
        attempt(elsewhere(number), at=at)
    assert rows(database, RefusedGuesses) == 2
    first = refusals(database)
    assert [entry.details["guesses"] for entry in first] == [1, 1]
    assert first[0].subject == "account:unknown"
    with database.transaction() as db:
        note_refused(db, find_account(db, "office-account"), at + WINDOW)
    assert [entry.details["guesses"] for entry in refusals(database)] == [1, 1, 20]
    with database.transaction() as db:
        sessions.purge(db, at=at + 2 * WINDOW)
    told = [entry.details["guesses"] for entry in refusals(database)]
    assert told == [1, 1, 20, 24]
    assert rows(database, RefusedGuesses) <= 2


def test_old_counts_are_deleted_and_known_addresses_stay(
    attempt: Attempt, database: Database
) -> None:
    at = now()
    attempt(elsewhere(1), at=at)
    assert isinstance(attempt(HOME, PASSWORD, at=at), SignedIn)
    with database.transaction() as db:
        sessions.purge(db, at=at + timedelta(days=3))
    with database.reading() as db:
        left = db.exec(select(GuessCount)).all()
    assert left
    assert all(row.succeeded_at is not None for row in left)


def test_a_new_password_from_an_admin_ends_every_wait(
    attempt: Attempt, sign_in: SignInAs, office: TestClient, browser_at: Browser
) -> None:
    for number in range(30):
        attempt(elsewhere(number))
    account_id = office.get("/api/v1/sign-in").json()["account_id"]
    path = f"/api/v1/accounts/{account_id}/password"
    password = sign_in(Role.ADMIN).post(path).json()["one_time_password"]
    answer = browser_at("203.0.113.5").post("/api/v1/sign-in", json=RIGHT | {"password": password})
    assert answer.status_code == 200


def test_the_answer_says_how_long_to_wait(browser_at: Browser) -> None:
    stranger = browser_at("198.51.100.66")
    for _ in range(5):
        answer = stranger.post("/api/v1/sign-in", json=WRONG)
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    page = stranger.post("/sign-in", data=WRONG)
    assert "Wait 15 min" in page.text


def test_the_password_form_is_throttled_for_one_sign_in_and_no_other(
    office: TestClient, new_client: Callable[[], TestClient], database: Database
) -> None:
    other = new_client()
    other.post("/api/v1/sign-in", json=RIGHT)
    wrong = {"old": "not this one", "new": "quite another password"}
    form = wrong | {"again": wrong["new"]}
    codes = [office.post("/api/v1/sign-in/password", json=wrong).status_code for _ in range(3)]
    codes += [office.post("/password", data=form).status_code for _ in range(3)]
    assert codes == [400, 400, 400, 400, 429, 429]
    right = wrong | {"old": PASSWORD}
    assert office.post("/api/v1/sign-in/password", json=right).status_code == 429
    assert other.post("/api/v1/sign-in/password", json=right).status_code == 204
    assert office.get("/api/v1/sign-in").status_code == 401
    assert [entry.details["guesses"] for entry in refusals(database)] == [1]


@pytest.mark.parametrize("new", ["passwordpassword", "office account 1", "Rollcall Rollcall"])
def test_common_passwords_and_names_are_refused_in_words(office: TestClient, new: str) -> None:
    form = {"old": PASSWORD, "new": new, "again": new}
    page = office.post("/password", data=form)
    assert page.status_code == 400
    assert "too easy to guess" in page.text


@pytest.mark.parametrize("path", ["/sign-in", "/api/v1/sign-in"])
def test_an_address_that_has_to_wait_is_refused_while_others_are_checked(
    browser_at: Browser, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    stranger = browser_at("198.51.100.66")
    for _ in range(5):
        stranger.post("/api/v1/sign-in", json=WRONG)
    started, may_end = threading.Semaphore(0), threading.Event()

    def check(*_args: object) -> bool:
        started.release()
        return may_end.wait(60)

    monkeypatch.setattr(signing_in, "verify_password", check)
    homes = [browser_at(f"192.0.2.{number}") for number in range(_THREADS[ThreadLane.PASSWORDS])]
    send = lambda home: home.post("/api/v1/sign-in", json=RIGHT)  # noqa: E731
    threads = [threading.Thread(target=send, args=[home]) for home in homes]
    for thread in threads:
        thread.start()
    try:
        assert all(started.acquire(timeout=30) for _ in threads)
        answer = stranger.post(path, data=RIGHT) if path == "/sign-in" else None
        answer = answer or stranger.post(path, json=RIGHT)
        assert answer.status_code == (401 if path == "/sign-in" else 429)
    finally:
        may_end.set()
        for thread in threads:
            thread.join()


def test_more_sign_ins_than_places_are_refused_in_words(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.threads._PASSWORDS_WAITING", 0)
    answer = client.post("/api/v1/sign-in", json=WRONG)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert answer.json()["error"]["code"] == "sign_in_busy"
    assert "Wait a few seconds" in client.post("/sign-in", data=WRONG).text
    assert client.get("/sign-in").status_code == 200
