"""Status codes: what may change about them, and what a change does to registers."""

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.office_desk import OfficeDesk

TRIP = {
    "name": "Trip",
    "letter": "T",
    "category": "excused",
    "is_attended": True,
    "needs_reason": False,
    "colour": "blue",
}


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    return sign_in(Role.ADMIN)


def add(admin: TestClient, **changed: Any) -> str:
    answer = admin.post("/api/v1/status-codes", json=TRIP | changed)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def change(admin: TestClient, code: str, **wanted: Any) -> int:
    return admin.patch(f"/api/v1/status-codes/{code}", json=wanted).status_code


def test_a_register_keeps_what_a_code_meant(admin: TestClient, desk: OfficeDesk) -> None:
    code, lesson = add(admin), desk.lesson(-timedelta(minutes=5))
    desk.always_on_roster(desk.ada)
    assert change(admin, code, is_attended=False) == 200  # nobody uses it yet
    assert change(admin, code, is_attended=True) == 200
    body = {"person_id": desk.ada, "code_id": code}
    desk.post(f"/lessons/{lesson}/corrections", **body)
    before = desk.register(lesson)
    for wanted in ({"is_attended": False}, {"category": "absent"}, {"needs_reason": True}):
        assert change(admin, code, **wanted) == 409
    assert change(admin, code, name="Class trip", letter="C", colour="green") == 200
    assert admin.post(f"/api/v1/status-codes/{code}/retire").status_code == 200
    assert desk.register(lesson) == before
    assert "Class trip" in desk.office.get(f"/lessons/{lesson}").text
    again = desk.office.post(f"/api/v1/lessons/{lesson}/corrections", json=body)
    assert again.status_code == 400  # retired


def test_default_codes_stay_but_may_be_renamed(admin: TestClient, desk: OfficeDesk) -> None:
    present = desk.codes()["present"]
    assert admin.post(f"/api/v1/status-codes/{present}/retire").status_code == 409
    assert change(admin, present, category="absent") == 409
    assert change(admin, present, name="Here", letter="H") == 200
    assert change(admin, present, name="", letter="") == 200
    named = {one["id"]: one["name"] for one in admin.get("/api/v1/status-codes").json()}
    assert named[present] == "Present"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"name": ""}, "Enter a name"),
        ({"letter": "LONG"}, "Enter a name"),
        ({"position": "0"}, "Enter a name"),
        ({"category": "pending"}, "Enter a name"),
        ({"colour": "#ff0000"}, "Enter a name"),
        ({"name": "trip"}, "A code of this name exists already."),
    ],
)
def test_form_of_a_code_says_what_is_wrong(
    admin: TestClient, form: dict[str, str], problem: str
) -> None:
    add(admin)
    whole = {"name": "Sport", "letter": "S", "category": "excused", "position": "7"}
    answer = admin.post("/status-codes/new", data=whole | form)
    assert (answer.status_code, problem in answer.text) == (400, True)
    assert len(admin.get("/api/v1/status-codes").json()) == 6


def test_reasons_are_those_of_the_school_once_it_entered_some(
    admin: TestClient, desk: OfficeDesk
) -> None:
    lesson = desk.lesson(-timedelta(minutes=5))
    desk.always_on_roster(desk.ada)
    path = f"/lessons/{lesson}/people/{desk.ada}"
    assert 'value="Illness"' in desk.office.get(path).text
    form = {"reasons": "Dentist\n\n  School play \nDentist"}
    assert admin.post("/status-codes/reasons", data=form).status_code == 303
    page = desk.office.get(path).text
    assert 'value="Illness"' not in page
    assert page.count('value="Dentist"') == 1
    assert admin.post("/status-codes/reasons", data={"reasons": "x"}).status_code == 400
