"""PINs, cards and links on the pages, and what is printed, as the office uses them."""

import re
import secrets
import uuid
from collections.abc import Callable
from urllib.parse import urlsplit

import pypdfium2
import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.checkin import is_printed_card, pin_base
from server.credentials import new_pins
from server.credentials.forms import MOST_PRINTED
from server.credentials.service import begin_change
from server.credentials.tables import Pin
from server.db.engine import Database
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk

SHOWN_PIN = re.compile(r'id="shown-pin".*?<span>(\d{3})</span><span>(\d{3})</span>', re.DOTALL)
ADDRESS = re.compile(r'id="own-address"[^>]*>(http[^<]+)<')


EVERY_WAY = ("qr", "card", "pin", "teacher")


@pytest.fixture(autouse=True)
def _ways(database: Database) -> None:
    """Every way that needs no decision of the school."""
    allow(database, *EVERY_WAY)


def allow(database: Database, *ways: str) -> None:
    with database.transaction() as db:
        policy = SchoolPolicy.model_validate({"kiosk": {"fallbacks": ways}})
        set_policy(db, policy, actor="system")


def base(person_id: str) -> str:
    return f"/credentials/person/{person_id}"


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        return "\n".join(page.get_textpage().get_text_range() for page in document)


def shown_pin(client: TestClient, person_id: str) -> str:
    found = SHOWN_PIN.search(client.post(f"{base(person_id)}/pin/show").text)
    assert found
    return found[1] + found[2]


def new_link(client: TestClient, person_id: str) -> str:
    """Make a link; returns its path."""
    answer = client.post(f"{base(person_id)}/link")
    assert answer.status_code == 201
    found = ADDRESS.search(answer.text)
    assert found
    return urlsplit(found[1]).path


def test_a_pin_is_made_shown_renewed_and_removed(office: TestClient, person_id: str) -> None:
    page = base(person_id)
    assert office.post(f"{page}/pin").headers["location"] == page
    assert "Not handed out yet" in office.get(page).text

    first = shown_pin(office, person_id)
    assert "Not handed out yet" not in office.get(page).text
    assert first not in office.get(page).text

    office.post(f"{page}/pin")
    assert "Not handed out yet" in office.get(page).text
    assert shown_pin(office, person_id) != first

    office.post(f"{page}/pin/revoke")
    assert "No PIN yet." in office.get(page).text


def test_a_card_is_added_as_its_reader_types_it_and_removed(
    office: TestClient, person_id: str
) -> None:
    page = base(person_id)
    assert office.post(f"{page}/cards", data={"number": " 04a2247b5c6480 "}).status_code == 303
    shown = office.get(page).text
    assert "A2247B5C" not in shown
    assert "Not handed out yet" in shown  # the first card brings a PIN
    assert "can be copied" in shown

    (card,) = re.findall(r"/cards/([0-9a-f-]{36})/revoke", shown)
    assert office.post(f"{page}/cards/{card}/revoke").headers["location"] == page
    assert "No card yet." in office.get(page).text


@pytest.mark.parametrize("number", ["", "12", "ñ" * 10, "1" * 65, "04 A2"])
def test_what_is_no_card_number_is_refused_in_words(
    office: TestClient, person_id: str, number: str
) -> None:
    answer = office.post(f"{base(person_id)}/cards", data={"number": number})
    assert answer.status_code == 400
    assert "This is no card number." in answer.text


def test_a_card_of_another_person_is_refused_in_words(desk: OfficeDesk) -> None:
    assert desk.office.post(f"{base(desk.ada)}/cards", data={"number": desk.ada}).is_redirect
    answer = desk.office.post(f"{base(desk.ben)}/cards", data={"number": desk.ada.upper()})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "Lovelace" not in answer.text
    assert "No card yet." in desk.office.get(base(desk.ben)).text


def test_another_person_s_card_is_not_removed_from_here(desk: OfficeDesk) -> None:
    desk.office.post(f"{base(desk.ada)}/cards", data={"number": desk.ada})
    (card,) = re.findall(r"/cards/([0-9a-f-]{36})/revoke", desk.office.get(base(desk.ada)).text)
    assert desk.office.post(f"{base(desk.ben)}/cards/{card}/revoke").status_code == 404
    assert card in desk.office.get(base(desk.ada)).text


def test_a_new_printed_card_ends_the_one_before(office: TestClient, person_id: str) -> None:
    for _ in range(10):
        answer = office.post(f"{base(person_id)}/cards/print")
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["cache-control"] == "no-store"
        assert "Zaynab" in text_of(answer.content)
    assert office.get(base(person_id)).text.count("Printed card with QR") == 1


def test_letters_of_a_course_hold_the_pins_and_empty_the_list(desk: OfficeDesk) -> None:
    for person in (desk.ada, desk.ben):
        desk.always_on_roster(person)
    desk.office.post(f"{base(desk.ada)}/pin")
    waiting = desk.office.get("/credentials/print").text
    assert (desk.ada in waiting, desk.ben in waiting) == (True, False)

    course = desk.office.get(f"/credentials/print?course_id={desk.course}").text
    chosen = re.findall(r'name="person_id" value="([^"]+)"', course)
    assert sorted(chosen) == sorted([desk.ada, desk.ben])
    printed = desk.office.post("/credentials/print/letters", data={"person_id": chosen})

    text = text_of(printed.content)
    for person in (desk.ada, desk.ben):
        pin = shown_pin(desk.office, person)
        assert f"{pin[:3]} {pin[3:]}" in text
    assert "No PIN waits to be handed out." in desk.office.get("/credentials/print").text


def test_cards_of_a_course_make_one_card_for_each(desk: OfficeDesk) -> None:
    chosen = {"person_id": [desk.ada, desk.ben, desk.ada, str(uuid.uuid4())]}
    text = text_of(desk.office.post("/credentials/print/cards", data=chosen).content)
    assert (text.count("Ada Lovelace"), text.count("Ben Okafor")) == (1, 1)
    for person in (desk.ada, desk.ben):
        assert "Printed card with QR" in desk.office.get(base(person)).text


def test_a_print_of_cards_names_who_has_too_many_and_keeps_the_others_chosen(
    desk: OfficeDesk,
) -> None:
    desk.office.post(f"{base(desk.ben)}/cards/print")
    for number in range(8):
        desk.office.post(f"{base(desk.ada)}/cards", data={"number": f"AA:BB:{number:04}"})
    answer = desk.office.post("/credentials/print/cards", data={"person_id": [desk.ada, desk.ben]})
    assert answer.status_code == 400
    page = answer.text
    assert "Nothing was printed" in page
    assert "Eight cards are the most that one person can have: Ada Lovelace." in page
    assert f'value="{desk.ada}">' in page
    assert f'value="{desk.ben}" checked>' in page
    assert f'href="{base(desk.ada)}#cards"' in page
    assert f'href="{base(desk.ben)}#cards"' not in page
    assert text_of(
        desk.office.post("/credentials/print/cards", data={"person_id": desk.ben}).content
    ).count("Ben Okafor")


@pytest.mark.parametrize("what", ["letters", "cards"])
def test_nobody_waits_while_the_pins_of_a_print_are_made(
    desk: OfficeDesk, database: Database, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Each PIN costs about 30 ms, and SQLite has one writer at a time."""
    made: list[str] = []

    def write_beside(pin: str, salt: bytes) -> bytes:
        made.append(pin)
        with database.transaction(wait_s=0) as db:
            begin_change(db)
            db.exec(select(Pin)).all()
        return pin_base(pin, salt)

    monkeypatch.setattr(new_pins, "pin_base", write_beside)
    chosen = {"person_id": [desk.ada, desk.ben]}
    assert desk.office.post(f"/credentials/print/{what}", data=chosen).status_code == 200
    assert len(set(made)) == 2
    assert {shown_pin(desk.office, one) for one in (desk.ada, desk.ben)} == set(made)


def test_a_pin_that_is_given_meanwhile_is_not_given_twice(
    desk: OfficeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter([111111, 111111, 222222])  # for Ben, for Ada meanwhile, for Ben again
    monkeypatch.setattr(secrets, "randbelow", lambda _: next(numbers))
    is_first = iter([True])

    def give_the_same_to_another(pin: str, salt: bytes) -> bytes:
        if next(is_first, False):
            desk.office.post(f"{base(desk.ada)}/pin")
        return pin_base(pin, salt)

    monkeypatch.setattr(new_pins, "pin_base", give_the_same_to_another)
    printed = desk.office.post("/credentials/print/letters", data={"person_id": desk.ben})
    assert "222 222" in text_of(printed.content)
    assert shown_pin(desk.office, desk.ada) == "111111"


def test_a_print_needs_people_and_has_a_limit(office: TestClient) -> None:
    for what in ("cards", "letters"):
        path = f"/credentials/print/{what}"
        assert "Choose at least one person." in office.post(path, data={}).text
        many = {"person_id": [str(uuid.uuid4()) for _ in range(MOST_PRINTED + 1)]}
        assert office.post(path, data=many).status_code == 422


def test_staff_are_for_admins_and_people_for_the_office(
    sign_in: SignIn, person_id: str, office: TestClient
) -> None:
    admin = sign_in(Role.ADMIN)
    account = admin.get("/api/v1/sign-in").json()["account_id"]
    staff = f"/credentials/staff/{account}"
    assert admin.post(f"{staff}/pin").headers["location"] == staff
    assert admin.get(staff).status_code == 200
    assert staff in admin.get(f"/users/{account}").text
    for path in ("pin", "pin/show", "pin/revoke", "pin/print", "cards/print", "link"):
        assert office.post(f"{staff}/{path}").status_code == 403
    assert office.get(staff).status_code == 403
    assert base(person_id) in office.get(f"/people/{person_id}").text
    assert base(person_id) not in sign_in(Role.DPO).get(f"/people/{person_id}").text


def test_the_section_alone_is_sent_to_the_page_of_the_person(
    office: TestClient, person_id: str
) -> None:
    part = office.get(base(person_id), headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith("<section")
    assert "<html" in office.get(base(person_id)).text


def test_unknown_and_erased_people_have_no_page(
    sign_in: SignIn, office: TestClient, person_id: str
) -> None:
    path = new_link(office, person_id)
    erasure = {"reason": "left the school"}
    admin = sign_in(Role.ADMIN)
    assert admin.post(f"/api/v1/people/{person_id}/erase", json=erasure).is_success
    assert office.get(base(person_id)).status_code == 404
    assert office.get(base(str(uuid.uuid4()))).status_code == 404
    gone = office.get(path)
    assert gone.status_code == 404
    assert "This link does not work" in gone.text


def test_a_link_opens_a_code_for_nobody_else_and_ends_at_once(
    office: TestClient, client: TestClient, person_id: str
) -> None:
    path = new_link(office, person_id)
    page = client.get(path)
    assert page.status_code == 200
    assert "Zaynab" in page.text
    assert "own-qr" in page.text
    assert page.text != client.get(path).text

    renewed = new_link(office, person_id)
    gone = client.get(path)
    assert gone.status_code == 404
    assert "This link does not work" in gone.text
    assert "Zaynab" not in gone.text
    assert client.get(renewed).status_code == 200

    office.post(f"{base(person_id)}/link/revoke")
    assert client.get(renewed).status_code == 404


def test_an_open_page_loads_itself_again_once_its_link_has_ended(
    office: TestClient, client: TestClient, person_id: str
) -> None:
    path = new_link(office, person_id)
    htmx = {"HX-Request": "true"}
    part = client.get(path, headers=htmx)
    assert part.text.lstrip().startswith('<div id="own-code"')
    assert "etag" not in part.headers
    office.post(f"{base(person_id)}/link/revoke")
    ended = client.get(path, headers=htmx)
    assert (ended.status_code, ended.headers["hx-refresh"]) == (204, "true")


@pytest.mark.parametrize("is_valid", [True, False])
def test_the_page_keeps_to_itself(
    office: TestClient, client: TestClient, person_id: str, is_valid: bool
) -> None:
    path = new_link(office, person_id) if is_valid else "/me/unknown"
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'none'" in policy
    assert "blob:" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert headers["x-robots-tag"] == "noindex, nofollow"
    assert "set-cookie" not in headers


def test_no_log_names_the_link(
    office: TestClient, client: TestClient, person_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = new_link(office, person_id)
    with caplog.at_level("DEBUG"):
        client.get(path)
        client.get("/me/" + "x" * 201)
    written = [str(vars(record)) for record in caplog.records if record.name.startswith("server")]
    assert any("/me/{token}" in line for line in written)
    assert not any(path.rsplit("/", 1)[1] in line for line in written)


def test_the_page_speaks_the_language_of_the_browser(
    office: TestClient, client: TestClient, person_id: str
) -> None:
    path = new_link(office, person_id)
    arabic = client.get(path, headers={"Accept-Language": "ar-EG"}).text
    assert 'lang="ar" dir="rtl"' in arabic
    assert "<form" not in arabic


def test_the_policy_switches_codes_on_phones_off(
    office: TestClient, client: TestClient, person_id: str, database: Database
) -> None:
    path = new_link(office, person_id)
    allow(database, "pin", "teacher")
    page = client.get(path)
    assert page.status_code == 404
    assert "switched off" in page.text
    assert "own-qr" not in page.text


def test_guessing_links_slows_the_guesser_down_and_no_link(
    office: TestClient, client: TestClient, person_id: str
) -> None:
    path = new_link(office, person_id)
    answers = {client.get(f"/me/guess-{at}").status_code for at in range(70)}
    assert answers == {404, 429}
    assert client.get("/me/guess").headers["retry-after"]
    assert client.get(path).status_code == 200


def test_one_link_is_answered_so_often(
    office: TestClient, new_client: Callable[[], TestClient], person_id: str
) -> None:
    path, other = new_link(office, person_id), new_client()
    answers = [other.get(path).status_code for _ in range(70)]
    assert answers == sorted(answers)
    assert set(answers) == {200, 429}


def test_printed_cards_are_of_the_protocol(
    office: TestClient, person_id: str, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []

    def keep(cards: list[object], *_: object) -> bytes:
        texts.extend(card.text for card in cards)  # type: ignore[attr-defined]
        return b"%PDF"

    del app
    monkeypatch.setattr("server.credentials.print_pages.card_sheets", keep)
    office.post(f"{base(person_id)}/cards/print")
    assert [is_printed_card(text) for text in texts] == [True]
