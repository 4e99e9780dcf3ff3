"""The year of birth: optional, checked in plain words, audited by name, erased with the person."""

from typing import Any

import pytest
from sqlmodel import select

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.people.tables import Person
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk

NAMES = {"student_number": "S1", "given_name": "Ada", "family_name": "Lovelace"}


def stored(desk: OfficeDesk) -> Any:
    return desk.office.get(f"/api/v1/people/{desk.ada}").json()["year_of_birth"]


def patch(desk: OfficeDesk, **body: Any) -> int:
    return desk.office.patch(f"/api/v1/people/{desk.ada}", json=NAMES | body).status_code


def test_a_program_sets_keeps_and_removes_it(desk: OfficeDesk, database: Database) -> None:
    assert stored(desk) is None
    assert patch(desk, year_of_birth=2012) == 200
    assert patch(desk, display_name="Ada L.") == 200
    assert stored(desk) == 2012, "a change that does not name the year keeps it"
    with database.reading() as db:
        query = select(AuditEntry).where(AuditEntry.action == "person.change")
        first = db.exec(query.order_by("seq")).first()
    assert first is not None
    assert first.details == {"fields": ["year_of_birth"]}
    assert patch(desk, year_of_birth=None) == 200
    assert stored(desk) is None


@pytest.mark.parametrize("year", [1899, 2500, "soon", 2012.5])
def test_a_program_cannot_set_a_year_that_cannot_be(desk: OfficeDesk, year: Any) -> None:
    assert patch(desk, year_of_birth=year) == 422
    assert stored(desk) is None


def test_a_person_is_added_with_it(desk: OfficeDesk) -> None:
    made = desk.post("/people", **NAMES | {"student_number": "S77", "year_of_birth": now().year})
    assert made["year_of_birth"] == now().year


def test_the_page_sets_shows_and_removes_it(desk: OfficeDesk) -> None:
    path = f"/people/{desk.ada}"
    desk.office.post(f"{path}/edit", data=NAMES | {"year_of_birth": " 2011 "})
    assert stored(desk) == 2011
    assert "Born in 2011" in desk.office.get(path).text
    assert 'value="2011"' in desk.office.get(f"{path}/edit").text
    desk.office.post(f"{path}/edit", data=NAMES | {"year_of_birth": ""})
    assert stored(desk) is None
    assert "Born in" not in desk.office.get(path).text


@pytest.mark.parametrize("text", ["1899", "2500", "twelve", "20.5", "x" * 500])
def test_the_page_says_what_a_year_may_be_and_keeps_the_form(desk: OfficeDesk, text: str) -> None:
    answer = desk.office.post(f"/people/{desk.ada}/edit", data=NAMES | {"year_of_birth": text})
    assert answer.status_code == 400
    assert "Please enter a year from 1900 to this year." in answer.text
    assert f'value="{text}"' in answer.text
    assert stored(desk) is None


def test_it_is_erased_with_the_person(
    desk: OfficeDesk, sign_in: SignIn, database: Database
) -> None:
    patch(desk, year_of_birth=2012)
    body = {"reason": "left the school"}
    erased = sign_in(Role.DPO).post(f"/api/v1/people/{desk.ada}/erase", json=body)
    assert erased.is_success, erased.text
    with database.reading() as db:
        years = {str(one.id): one.year_of_birth for one in db.exec(select(Person))}
    assert years[desk.ada] is None
