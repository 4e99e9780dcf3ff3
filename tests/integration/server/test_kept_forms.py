"""A form that is sent after the sign-in has ended is kept, and goes on after the next sign-in."""

import html
import re
from collections.abc import Callable

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from server.db.engine import Database
from server.web.kept_forms import KeptForm, opened_form, sealed_form
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import PASSWORD, SignIn

PERSON = {"student_number": "S-77", "given_name": "Zoë <b>", "family_name": 'O"Neil & Söhne'}

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def database_kind() -> str:
    """A kept form never reaches the database: once is enough."""
    return "sqlite"


@pytest.fixture
def expired(sign_in: SignIn, database: Database) -> TestClient:
    """A browser of the office whose sign-in has ended."""
    client = sign_in(Role.OFFICE)
    with database.engine.begin() as connection:
        connection.execute(text("DELETE FROM sign_ins"))
    return client


def fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {html.unescape(name): html.unescape(value) for name, value in found}


def sign_in_again(client: TestClient, kept: str, password: str = PASSWORD) -> str:
    credentials = {"username": "office-account", "password": password, "kept": kept}
    return client.post("/sign-in", data=credentials).text


def test_form_comes_back_whole_after_the_sign_in(expired: TestClient) -> None:
    asked = expired.post("/people/new", data=PERSON)
    page = sign_in_again(expired, fields(asked.text)["kept"])
    typed = fields(page)

    assert asked.status_code == 401
    assert "What you typed is kept" in asked.text
    assert "Zoë" not in asked.text, "only this server can read what waits in the page"
    assert {name: typed[name] for name in PERSON} == PERSON
    assert 'action="/people/new"' in page
    assert expired.post("/people/new", data=typed).status_code == 303


def test_form_survives_a_wrong_password(expired: TestClient) -> None:
    kept = fields(expired.post("/people/new", data=PERSON).text)["kept"]
    refused = sign_in_again(expired, kept, "not the password")

    assert fields(refused)["kept"] == kept
    assert "Send it now" in sign_in_again(expired, kept)


@pytest.mark.parametrize(
    "data",
    [
        PERSON | {"old": "my secret"},
        PERSON | {"password": "my secret"},
        {"given_name": "x" * 5000},
        {"given_name": "x" * 3900},
        {f"field{number}": "1" for number in range(300)},
    ],
    ids=["password", "old password", "too long", "too long once sealed", "too many fields"],
)
def test_passwords_and_large_forms_are_not_kept_and_the_page_says_so(
    expired: TestClient, data: dict[str, str]
) -> None:
    assert "kept" in fields(expired.post("/people/new", data=PERSON).text), "this one is kept"
    asked = expired.post("/people/new", data=data)

    assert asked.status_code == 401
    assert "what you typed could not be kept" in asked.text
    assert "kept" not in fields(asked.text)
    assert "my secret" not in asked.text


def test_photo_that_is_lost_is_named_too(expired: TestClient) -> None:
    asked = expired.post("/people/new", files={"photo": b"a photo"})

    assert asked.status_code == 401
    assert "what you typed could not be kept" in asked.text


@pytest.mark.parametrize(
    ("path", "data"),
    [("/people/new", {}), ("/password", PERSON), ("/second-factor/confirm", PERSON)],
)
def test_nothing_is_said_where_nothing_is_lost(
    expired: TestClient, path: str, data: dict[str, str]
) -> None:
    asked = expired.post(path, data=data)

    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in"


def test_form_of_another_site_is_refused_and_not_kept(
    new_client: Callable[[], TestClient],
) -> None:
    asked = new_client().post(
        "/people/new", data=PERSON, headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://x"}
    )

    assert asked.status_code == 403
    assert "kept" not in fields(asked.text)


def test_program_gets_its_plain_answer(expired: TestClient) -> None:
    asked = expired.post("/api/v1/people", data=PERSON)

    assert asked.status_code == 401
    assert asked.json()["error"]["code"] == "not_signed_in"


def test_a_form_of_nobody_is_not_kept(
    new_client: Callable[[], TestClient], expired: TestClient
) -> None:
    """Who plants a form for the next person at this browser has no sign-in that was complete."""
    nobody, copied, made_up = new_client(), new_client(), new_client()
    for name, value in expired.cookies.items():
        if name == "rollcall_sign_in":
            copied.cookies.set(name, value)
        made_up.cookies.set(name, value[:-2] + "xx")
    for client in (nobody, copied, made_up):
        assert client.post("/people/new", data=PERSON).status_code == 303


@pytest.mark.parametrize("is_first", [True, False])
def test_a_form_comes_back_only_to_the_account_that_sent_it(
    expired: TestClient, sign_in: SignIn, is_first: bool
) -> None:
    """Both use one browser; it does not matter who came first."""
    sign_in(Role.ADMIN)
    other = {"username": "admin-account", "password": PASSWORD}
    if not is_first:
        assert expired.post("/sign-in", data=other).status_code == 303
        assert expired.post("/sign-out").status_code == 303
        assert sign_in_again(expired, "") == ""
        cookie = expired.cookies["rollcall_sign_in"]
        assert expired.post("/sign-out").status_code == 303
        expired.cookies.set("rollcall_sign_in", cookie)
    kept = fields(expired.post("/people/new", data=PERSON).text)["kept"]
    page = expired.post("/sign-in", data=other | {"kept": kept})

    assert "Zoë" not in page.text
    assert "What was typed before is gone" in page.text
    assert "Send it now" in sign_in_again(expired, kept)


def test_the_form_is_shown_before_it_is_sent(expired: TestClient) -> None:
    kept = fields(expired.post("/people/new?from=list", data=PERSON).text)["kept"]
    page = sign_in_again(expired, kept)

    assert "/people/new?from=list</dd>" in page
    assert "<dt>Given name</dt>" in page
    assert "Zoë &lt;b&gt;</bdi>" in page
    assert "autofocus" not in page


@pytest.mark.parametrize("size", [1200, 3900])
def test_a_kept_form_never_keeps_its_sender_from_signing_in(expired: TestClient, size: int) -> None:
    """Each quotation mark takes two characters when it is sealed, and a form of 4 KB may be all."""
    asked = expired.post("/people/new", content="given_name=" + '"' * size, headers=FORM)
    kept = fields(asked.text).get("kept", "")

    assert bool(kept) is (size == 1200)
    credentials = {"username": "office-account", "password": PASSWORD}
    assert expired.post("/sign-in", data=credentials | {"kept": kept}).status_code < 400
    assert expired.post("/sign-in", data=credentials | {"kept": "x" * 5000}).status_code == 303


def test_a_form_of_an_account_that_owes_a_new_password_is_said_to_be_lost(
    expired: TestClient, database: Database
) -> None:
    kept = fields(expired.post("/people/new", data=PERSON).text)["kept"]
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET must_change_password = true"))
    page = sign_in_again(expired, kept)

    assert "What was typed before is gone" in page
    assert 'href="/password"' in page


def test_only_what_this_server_sealed_within_the_hour_is_opened(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault, form = services_of(app).vault, KeptForm("/people/new", (("a", "1"), ("a", "2")), "me")
    sealed = sealed_form(vault, form)
    changed = sealed[:-8] + ("A" if sealed[-8] != "A" else "B") + sealed[-7:]

    assert opened_form(vault, sealed, sender="me") == form
    unfit = ("", "x", "é", changed, sealed[:20])
    assert [opened_form(vault, one, sender="me") for one in unfit] == [None] * 5
    assert opened_form(vault, sealed, sender="you") is None
    monkeypatch.setattr("server.web.kept_forms._KEPT_S", -1.0)
    assert opened_form(vault, sealed, sender="me") is None
