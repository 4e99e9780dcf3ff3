"""Guardians of a student: who sees them, what is kept, and where their names are offered."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.guardians.service import GUARDIANS_KEPT, MOST_GUARDIANS, expire_guardians
from server.guardians.tables import Guardian
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import count
from tests.support.office_desk import OfficeDesk, day_in

AMINA = {
    "name": "Amina Haddad",
    "relation": "mother",
    "phone": "+49 (0)30 5550123",
    "email": "amina@example.org",
}


ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


def api(person_id: str) -> str:
    return f"/api/v1/people/{person_id}/guardians"


def add(office: TestClient, person_id: str, **other: str) -> dict[str, Any]:
    answer = office.post(api(person_id), json=AMINA | other)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def names(office: TestClient, person_id: str) -> list[str]:
    return [one["name"] for one in office.get(api(person_id)).json()]


def entries(db: Session) -> list[AuditEntry]:
    query = select(AuditEntry).where(col(AuditEntry.action).startswith("guardian."))
    return list(db.exec(query.order_by(col(AuditEntry.seq))))


def test_a_guardian_is_added_changed_and_removed_and_the_trail_holds_ids_alone(
    office: TestClient, person_id: str, database: Database
) -> None:
    made = add(office, person_id)
    assert office.get(api(person_id)).json() == [AMINA | {"id": made["id"]}]
    path = f"{api(person_id)}/{made['id']}"
    changed = office.patch(path, json={"phone": "030 5550123", "relation": "guardian"})
    assert changed.json() == made | {"phone": "030 5550123", "relation": "guardian"}
    assert office.patch(path, json={"email": ""}).json()["email"] == ""
    assert office.delete(path).status_code == 204
    assert names(office, person_id) == []
    assert office.delete(path).json()["error"]["details"] == {"problem": "no_guardian"}
    with database.reading() as db:
        found = entries(db)
        kept = [(one.action, one.subject, one.details) for one in found]
        text = " ".join(str(row) for row in db.exec(select(AuditEntry.details)))
    subject, about = f"person:{person_id}", {"guardian": made["id"]}
    assert kept == [
        ("guardian.add", subject, about),
        ("guardian.view", subject, {}),
        ("guardian.change", subject, about | {"fields": ["phone", "relation"]}),
        ("guardian.change", subject, about | {"fields": ["email"]}),
        ("guardian.remove", subject, about),
        ("guardian.view", subject, {}),
    ]
    assert "Amina" not in text
    assert "5550123" not in text


@ON_SQLITE
def test_a_guardian_of_another_person_is_not_found(
    desk: OfficeDesk, office: TestClient, database: Database
) -> None:
    made = add(office, desk.ada)
    path = f"{api(desk.ben)}/{made['id']}"
    assert office.patch(path, json={"name": "Other"}).status_code == 404
    assert office.delete(path).status_code == 404
    page = f"/people/{desk.ben}/guardians/{made['id']}"
    assert office.post(page, data=AMINA).status_code == 404
    assert office.post(f"{page}/remove").status_code == 404
    assert count(database, Guardian) == 1


@ON_SQLITE
def test_one_name_is_one_guardian_and_there_are_not_many(
    office: TestClient, person_id: str
) -> None:
    made = add(office, person_id)
    again = office.post(api(person_id), json={"name": "  amina   haddad "})
    assert again.json()["error"]["details"] == {"problem": "guardian_there"}
    for number in range(MOST_GUARDIANS - 1):
        other = add(office, person_id, name=f"Guardian {number}")
    path = f"{api(person_id)}/{other['id']}"
    assert office.patch(path, json={"name": "Amina Haddad"}).status_code == 409
    path = f"{api(person_id)}/{made['id']}"
    assert office.patch(path, json={"name": "Amína Haddad"}).status_code == 200
    full = office.post(api(person_id), json={"name": "One more"})
    assert full.json()["error"]["details"]["problem"] == "guardians_full"
    page = office.get(f"/people/{person_id}/guardians").text
    assert "Add a guardian" not in page
    refused = office.post(f"/people/{person_id}/guardians", data=AMINA | {"name": "One more"})
    assert (refused.status_code, "at most 10 guardians" in refused.text) == (400, True)


@ON_SQLITE
def test_other_roles_see_nothing_of_guardians(
    office: TestClient, sign_in: SignIn, person_id: str
) -> None:
    made = add(office, person_id)
    for role in (Role.TEACHER, Role.TECHNICIAN, Role.DPO):
        other = sign_in(role)
        for path in (api(person_id), f"/people/{person_id}/guardians"):
            assert other.get(path).status_code == 403
            assert other.post(path, json=AMINA).status_code == 403
        assert other.delete(f"{api(person_id)}/{made['id']}").status_code == 403
        for path in (f"/people/{person_id}", "/on-site", f"/people/{person_id}/attendance"):
            page = other.get(path).text
            assert "Amina" not in page
            assert "/guardians" not in page


@ON_SQLITE
def test_the_page_shows_opens_and_keeps_what_was_typed(office: TestClient, person_id: str) -> None:
    path = f"/people/{person_id}/guardians"
    assert path in office.get(f"/people/{person_id}").text
    assert "No guardian is entered" in office.get(path).text
    wrong = office.post(path, data=AMINA | {"phone": "none"})
    assert (wrong.status_code, "Enter a phone number" in wrong.text) == (400, True)
    assert 'value="Amina Haddad"' in wrong.text
    assert '<details class="card fold" open>' in wrong.text
    assert office.post(path, data=AMINA).headers["location"] == path
    page = office.get(path).text
    assert 'href="tel:+49(0)305550123"' in page
    assert 'href="mailto:amina@example.org"' in page
    made = office.get(api(person_id)).json()[0]["id"]
    wrong = office.post(f"{path}/{made}", data=AMINA | {"name": " "})
    assert (wrong.status_code, "Please fill this in" in wrong.text) == (400, True)
    assert office.post(f"{path}/{made}", data=AMINA | {"name": "A. Haddad"}).status_code == 303
    add(office, person_id, email="a?bcc=x@y.org", name="<b>Bold</b>")
    page = office.get(path).text
    assert 'href="mailto:a%3Fbcc%3Dx@y.org"' in page
    assert "<b>Bold" not in page
    assert names(office, person_id) == ["A. Haddad", "<b>Bold</b>"]
    assert office.post(f"{path}/{made}/remove").status_code == 303
    assert names(office, person_id) == ["<b>Bold</b>"]


@ON_SQLITE
def test_forms_offer_names_and_no_contact_data_and_search_does_not_know_them(
    desk: OfficeDesk, office: TestClient
) -> None:
    paths = "/people/{}/consents/new", "/absences/new?person_id={}"
    assert [one for one in paths if "guardian-names" in office.get(one.format(desk.ada)).text] == []
    add(office, desk.ada)
    for path in paths:
        page = office.get(path.format(desk.ada)).text
        assert 'list="guardian-names"' in page
        assert '<option value="Amina Haddad">' in page
        assert "5550123" not in page
        assert "amina@" not in page
        assert "guardian-names" not in office.get(path.format(desk.ben)).text
    assert office.post("/api/v1/people/search", json={"q": "Amina"}).json()["people"] == []
    assert desk.ada not in office.post("/search", data={"q": "Amina"}).text


def test_erasing_a_person_deletes_the_guardians_and_no_new_one_comes(
    office: TestClient, sign_in: SignIn, person_id: str, database: Database
) -> None:
    add(office, person_id)
    dpo = sign_in(Role.DPO)
    erased = dpo.post(f"/api/v1/people/{person_id}/erase", json={"reason": "by letter"})
    assert erased.status_code == 200
    assert count(database, Guardian) == 0
    assert office.post(api(person_id), json=AMINA).status_code == 409
    assert office.get(f"/people/{person_id}/guardians").status_code == 409
    assert f"/people/{person_id}/guardians" not in office.get(f"/people/{person_id}").text


def test_guardians_of_a_student_without_a_lesson_for_a_year_are_deleted(
    desk: OfficeDesk, office: TestClient, database: Database
) -> None:
    add(office, desk.ada)
    add(office, desk.ben)
    desk.always_on_roster(desk.ada)
    desk.lesson(timedelta(hours=1))
    today = date.fromisoformat(day_in(0))

    def left(on: date) -> set[str]:
        with database.transaction() as db:
            expire_guardians(db, on)
            return {str(one.person_id) for one in db.exec(select(Guardian))}

    assert left(today + GUARDIANS_KEPT - timedelta(days=1)) == {desk.ada, desk.ben}
    with database.transaction() as db:
        for row in db.exec(select(Guardian)):
            row.created_at = now() - GUARDIANS_KEPT - timedelta(days=2)
            db.add(row)
    assert left(today) == {desk.ada}
    assert left(today + GUARDIANS_KEPT + timedelta(days=3)) == set()
    with database.reading() as db:
        assert [one.details for one in entries(db) if one.action == "guardian.expire"] == [
            {"guardians": 1},
            {"guardians": 1},
        ]
