"""A sign-in is remembered for seconds, and what ends it in this process ends it at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from sqlmodel import delete, select
from starlette.testclient import TestClient

from server.accounts.recent_sign_ins import KEPT_FOR
from server.accounts.sessions import principal_of
from server.accounts.tables import Account, SecondFactorRole, SignIn
from server.db.engine import Database
from server.db.types import now
from server.web.principal import Role
from tests.integration.server.conftest import SignIn as SignInAs

PEOPLE = "/api/v1/people"


@pytest.fixture
def office(sign_in: SignInAs) -> TestClient:
    """A client of the office whose sign-in is remembered."""
    client = sign_in(Role.OFFICE)
    assert client.get(PEOPLE).status_code == 200
    return client


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Collect the statements about sign-ins."""
    found: list[str] = []

    def note(_a: object, _b: object, statement: str, _c: object, _d: object, _e: object) -> None:
        if "sign_ins" in statement:
            found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def test_the_database_is_not_asked_again(office: TestClient, database: Database) -> None:
    with counted(database) as statements:
        assert office.get(PEOPLE).status_code == 200
    assert statements == []


def _disable(account: Account, database: Database) -> None:
    with database.transaction() as db:
        db.get_one(Account, account.id).is_active = False


def _change_role(account: Account, database: Database) -> None:
    with database.transaction() as db:
        db.get_one(Account, account.id).role = Role.TECHNICIAN.value


def _end_sign_ins(account: Account, database: Database) -> None:
    with database.transaction() as db:
        db.exec(delete(SignIn))


def _let_it_run_out(account: Account, database: Database) -> None:
    with database.transaction() as db:
        db.exec(select(SignIn)).one().expires_at = now() - timedelta(seconds=1)


def _require_second_step(account: Account, database: Database) -> None:
    with database.transaction() as db:
        db.add(SecondFactorRole(role=Role.OFFICE.value))


@pytest.mark.parametrize(
    "end",
    [_disable, _change_role, _end_sign_ins, _let_it_run_out, _require_second_step],
)
def test_what_this_process_changes_counts_at_once(
    office: TestClient, database: Database, end: Callable[[Account, Database], None]
) -> None:
    with database.reading() as db:
        account = db.exec(select(Account).where(Account.role == Role.OFFICE.value)).one()
    end(account, database)
    assert office.get(PEOPLE).status_code in (401, 403)


def test_a_copied_cookie_is_worthless_after_the_sign_out(
    office: TestClient, new_client: Callable[[], TestClient]
) -> None:
    thief = new_client()
    thief.cookies.update(office.cookies)
    assert thief.get(PEOPLE).status_code == 200
    assert office.post("/sign-out").status_code == 303
    assert thief.get(PEOPLE).status_code == 401


def test_another_process_ends_it_within_seconds(
    office: TestClient,
    database: Database,
    app: FastAPI,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Database(database.engine.url.render_as_string(hide_password=False))
    with other.transaction() as db:
        db.exec(delete(SignIn))
    other.close()
    assert office.get(PEOPLE).status_code == 200
    later = now() + KEPT_FOR
    monkeypatch.setattr("server.accounts.recent_sign_ins.now", lambda: later)
    assert office.get(PEOPLE).status_code == 401


def test_noting_that_it_is_in_use_forgets_nothing(office: TestClient, database: Database) -> None:
    with database.transaction() as db:
        db.exec(select(SignIn)).one().last_seen_at = now() - timedelta(seconds=5)
    with counted(database) as statements:
        assert office.get(PEOPLE).status_code == 200
    assert statements == []


def test_what_was_read_before_a_change_is_not_remembered(
    office: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sign-in ends between the look into the database and the moment it is remembered."""
    later = now() + KEPT_FOR
    monkeypatch.setattr("server.accounts.recent_sign_ins.now", lambda: later)

    def look_up_and_lose(*given: object, **named: object) -> object:
        found = principal_of(*given, **named)  # type: ignore[arg-type]
        with database.transaction() as db:
            db.exec(delete(SignIn))
        return found

    monkeypatch.setattr("server.accounts.recent_sign_ins.principal_of", look_up_and_lose)
    office.get(PEOPLE)
    monkeypatch.setattr("server.accounts.recent_sign_ins.principal_of", principal_of)
    assert office.get(PEOPLE).status_code == 401
