"""The API and the page that erase a person: who may, and what they answer."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from server.db.engine import Database
from server.enrollment.tables import EnrolmentPhoto, Template
from server.people.service import ERASED_NAME
from server.people.tables import Consent
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.enrolling import GIVEN, JPEG, count, enrol
from tests.support.stepping import SteppedWorkers

REASON = {"reason": "asked for by letter"}


@pytest.fixture
def dpo(sign_in: SignIn) -> TestClient:
    return sign_in(Role.DPO)


def erase(client: TestClient, person_id: str, **body: str) -> Any:
    return client.post(f"/api/v1/people/{person_id}/erase", json=REASON | body)


@pytest.mark.parametrize("role", [Role.ADMIN, Role.DPO])
def test_admin_and_dpo_erase_a_person(sign_in: SignIn, role: Role, person_id: str) -> None:
    client = sign_in(role)
    answer = erase(client, person_id)
    assert answer.status_code == 200, answer.text
    person = client.get(f"/api/v1/people/{person_id}").json()
    assert person["display_name"] == person["given_name"] == person["family_name"] == ERASED_NAME
    assert person["student_number"] == answer.json()["student_number"]
    assert person["erased_at"] == answer.json()["erased_at"]
    assert person["consent"] == "none"


@pytest.mark.parametrize("role", [Role.TEACHER, Role.TECHNICIAN])
def test_other_roles_may_not(sign_in: SignIn, role: Role, person_id: str) -> None:
    client = sign_in(role)
    assert erase(client, person_id).status_code == 403
    assert client.get(f"/people/{person_id}/erase").status_code == 403
    assert client.post(f"/people/{person_id}/erase", data=REASON).status_code == 403


def test_the_office_may_not(office: TestClient, person_id: str) -> None:
    assert erase(office, person_id).status_code == 403
    assert office.get(f"/people/{person_id}/erase").status_code == 403
    assert office.get(f"/api/v1/people/{person_id}").json()["given_name"] == "Zaynab"
    assert f"/people/{person_id}/erase" not in office.get(f"/people/{person_id}").text


def test_photo_template_and_consent_are_gone(
    office: TestClient,
    dpo: TestClient,
    person_id: str,
    consent: dict[str, Any],
    worker: SteppedWorkers,
    database: Database,
) -> None:
    enrol(office, person_id)
    worker.run_one()
    enrol(office, person_id)
    assert erase(dpo, person_id).status_code == 200
    assert count(database, EnrolmentPhoto) == count(database, Template) == 0
    assert count(database, Consent) == 0
    assert not worker.run_one()


def test_erasing_twice_is_a_conflict(dpo: TestClient, person_id: str) -> None:
    erase(dpo, person_id)
    answer = erase(dpo, person_id)
    assert answer.status_code == 409
    assert answer.json()["error"]["details"] == {"problem": "erased"}
    assert dpo.get(f"/people/{person_id}/erase").status_code == 409


@pytest.mark.parametrize(
    ("body", "status"), [({"reason": "  "}, 422), ({"reason": "Zaynab asked"}, 400)]
)
def test_a_reason_is_needed_and_does_not_name_the_person(
    dpo: TestClient, person_id: str, body: dict[str, str], status: int
) -> None:
    assert erase(dpo, person_id, **body).status_code == status
    assert dpo.get(f"/api/v1/people/{person_id}").json()["given_name"] == "Zaynab"


def test_an_unknown_person_is_not_found(dpo: TestClient) -> None:
    assert erase(dpo, "00000000-0000-7000-8000-000000000001").status_code == 404


def test_consent_and_photos_of_an_erased_person_are_refused(
    office: TestClient, dpo: TestClient, person_id: str
) -> None:
    erase(dpo, person_id)
    path = f"/api/v1/people/{person_id}"
    assert office.post(f"{path}/consents", json=GIVEN).status_code == 409
    assert office.post(f"{path}/enrolments", files={"photo": JPEG}).status_code == 409
    form = GIVEN | {"decision": "given"}
    assert office.post(f"/people/{person_id}/consents/new", data=form).status_code == 409


def test_the_page_asks_for_the_number_and_a_reason(dpo: TestClient, person_id: str) -> None:
    path = f"/people/{person_id}/erase"
    assert path in dpo.get(f"/people/{person_id}").text
    assert "Type S-1 to confirm" in dpo.get(path).text
    wrong = dpo.post(path, data=REASON | {"student_number": "S-2"})
    assert (wrong.status_code, "not the student number" in wrong.text) == (400, True)
    short = dpo.post(path, data={"student_number": "S-1", "reason": " "})
    assert (short.status_code, "Please give a reason" in short.text) == (400, True)
    named = dpo.post(path, data={"student_number": "S-1", "reason": "Zaynab asked"})
    assert (named.status_code, "Leave it out" in named.text) == (400, True)
    done = dpo.post(path, data=REASON | {"student_number": " S-1 "})
    assert (done.status_code, done.headers["location"]) == (303, f"/people/{person_id}")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_person_page_says_that_the_person_was_erased(
    office: TestClient, dpo: TestClient, person_id: str, language: str
) -> None:
    erase(dpo, person_id)
    for client in (office, dpo):
        page = client.get(f"/people/{person_id}", headers={"Accept-Language": language})
        assert ERASED_NAME in page.text
        assert f"{ERASED_NAME} {ERASED_NAME}" not in page.text
        assert "Zaynab" not in page.text
        assert "/consents/new" not in page.text
        assert f"/people/{person_id}/erase" not in page.text
