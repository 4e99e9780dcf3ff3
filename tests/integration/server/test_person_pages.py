"""Changing a person's names and number: the page and the API."""

import pytest
from sqlmodel import select

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.people.tables import Person
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk

NAMES = {
    "student_number": "S9",
    "given_name": "Augusta",
    "family_name": "King",
    "display_name": "Ada King",
}


def test_person_is_changed_and_found_by_the_new_name(desk: OfficeDesk, database: Database) -> None:
    path = f"/people/{desk.ada}"
    assert f"{path}/edit" in desk.office.get(path).text
    page = desk.office.get(f"{path}/edit").text
    assert 'value="Lovelace"' in page
    assert desk.office.post(f"{path}/edit", data=NAMES).headers["location"] == path
    found = desk.office.post("/api/v1/people/search", json={"q": "king"}).json()["people"]
    assert [one["display_name"] for one in found] == ["Ada King"]
    with database.reading() as db:
        entry = db.exec(select(AuditEntry).where(AuditEntry.action == "person.change")).one()
    assert entry.details == {
        "fields": ["display_name", "family_name", "given_name", "student_number"]
    }


def test_saving_what_is_there_is_no_change(desk: OfficeDesk, database: Database) -> None:
    form = {"student_number": "S1", "given_name": "Ada", "family_name": "Lovelace"}
    assert desk.office.post(f"/people/{desk.ada}/edit", data=form).status_code == 303
    with database.reading() as db:
        assert db.exec(select(AuditEntry).where(AuditEntry.action == "person.change")).all() == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"student_number": "S2"}, "Another person has this number."),
        ({"student_number": " "}, "Please fill this in."),
        ({"given_name": " ", "family_name": ""}, "Please enter a given name or a family name."),
        ({"family_name": "x" * 81}, "This is too long."),
    ],
)
def test_wrong_change_is_explained_and_kept(
    desk: OfficeDesk, changed: dict[str, str], words: str
) -> None:
    answer = desk.office.post(f"/people/{desk.ada}/edit", data=NAMES | changed)
    assert (answer.status_code, words in answer.text) == (400, True)
    assert 'value="Ada King"' in answer.text
    assert desk.office.get(f"/api/v1/people/{desk.ada}").json()["given_name"] == "Ada"


def test_program_changes_a_person(desk: OfficeDesk) -> None:
    path = f"/api/v1/people/{desk.ada}"
    assert desk.office.patch(path, json=NAMES).json()["display_name"] == "Ada King"
    assert desk.office.patch(path, json=NAMES | {"student_number": "S2"}).status_code == 409
    assert (
        desk.office.patch(path, json=NAMES | {"given_name": "", "family_name": ""}).status_code
        == 422
    )


def test_erased_person_is_not_changed(desk: OfficeDesk, database: Database) -> None:
    with database.transaction() as db:
        person = db.exec(select(Person).where(Person.student_number == "S1")).one()
        person.erased_at = now()
        db.add(person)
    assert desk.office.patch(f"/api/v1/people/{desk.ada}", json=NAMES).status_code == 400
    answer = desk.office.post(f"/people/{desk.ada}/edit", data=NAMES)
    assert (answer.status_code, "was erased" in answer.text) == (400, True)


@pytest.mark.parametrize("role", [Role.TEACHER, Role.DPO, Role.TECHNICIAN])
def test_only_the_office_changes_people(desk: OfficeDesk, sign_in: SignIn, role: Role) -> None:
    client = sign_in(role)
    assert client.get(f"/people/{desk.ada}/edit").status_code == 403
    assert client.post(f"/people/{desk.ada}/edit", data=NAMES).status_code == 403
    assert client.patch(f"/api/v1/people/{desk.ada}", json=NAMES).status_code == 403


def test_form_shows_in_arabic(desk: OfficeDesk) -> None:
    desk.office.cookies.set("rollcall_language", "ar")
    assert 'dir="rtl"' in desk.office.get(f"/people/{desk.ada}/edit").text
