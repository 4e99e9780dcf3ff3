"""New PINs, cards and links beside prints and erasures at the same moment, on PostgreSQL."""

from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from starlette.testclient import TestClient

from server.accounts import administration
from server.credentials import keys, service, staff
from server.db.engine import Database
from server.enrollment import service as enrollment
from server.kiosks.claiming import server_signing_key
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_credential_sync import SYNC
from tests.integration.server.test_school_api import Classroom, classroom, device
from tests.integration.server.test_sign_in_races import Race, pause, race
from tests.support.enrolling import GIVEN, enrol
from tests.support.office_desk import OfficeDesk

__all__ = ["classroom", "device", "race"]
pytestmark = pytest.mark.parametrize(
    "database_kind", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)


def give_pin(client: TestClient, person_id: str) -> Any:
    return client.post(f"/api/v1/people/{person_id}/credentials/pin")


@pytest.mark.parametrize(("what", "step"), [("letters", "show_pin"), ("cards", "revoke_card")])
def test_a_print_and_a_new_pin_wait_for_each_other(
    desk: OfficeDesk, race: Race, monkeypatch: pytest.MonkeyPatch, what: str, step: str
) -> None:
    desk.office.post(f"/credentials/person/{desk.ada}/cards/print")
    pause(monkeypatch, race, service, step)
    answers = race.run(
        lambda: desk.office.post(
            f"/credentials/print/{what}", data={"person_id": [desk.ada, desk.ben]}
        ),
        lambda: give_pin(desk.office, desk.ben),
    )
    assert answers == {"first": 200, "second": 201}


def erase(admin: TestClient, person_id: str) -> Any:
    path = f"/api/v1/people/{person_id}/erase"
    return admin.post(path, json={"reason": "asked for by letter"})


def test_an_erasure_and_a_new_pin_wait_for_each_other(
    desk: OfficeDesk, race: Race, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.post(f"/people/{desk.ada}/consents", **GIVEN)
    enrol(desk.office, desk.ada)
    give_pin(desk.office, desk.ada)
    admin = sign_in(Role.ADMIN)
    pause(monkeypatch, race, enrollment, "erase_biometrics")
    answers = race.run(
        lambda: erase(admin, desk.ada),
        lambda: give_pin(desk.office, desk.ben),
    )
    assert answers == {"first": 200, "second": 201}


@pytest.mark.parametrize("what", ["pin", "link", "cards"])
def test_nothing_is_issued_to_a_person_who_is_just_erased(
    desk: OfficeDesk, race: Race, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    admin = sign_in(Role.ADMIN)
    path = f"/api/v1/people/{desk.ada}/credentials"
    pause(monkeypatch, race, enrollment, "erase_biometrics")
    body = {"number": "04:A2:99:FF"} if what == "cards" else None
    answers = race.run(
        lambda: erase(admin, desk.ada),
        lambda: desk.office.post(f"{path}/{what}", json=body),
    )
    assert answers == {"first": 200, "second": 404}
    held = admin.get(path).json()
    assert held == {"pin_state": "none", "cards": [], "has_link": False, "link_made_at": None}


def test_pages_with_a_code_take_no_lock(desk: OfficeDesk, app: FastAPI, database: Database) -> None:
    path = desk.post(f"/people/{desk.ada}/credentials/link")["path"]
    with database.transaction() as db:
        server_signing_key(db, services_of(app).vault)
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database ="
        locks += " (SELECT oid FROM pg_database WHERE datname = current_database())"
        assert db.execute(text(locks)).scalar_one() == 0
        assert desk.office.get(path).status_code == 200


def test_two_first_downloads_of_one_kiosk_wait_for_each_other(
    classroom: Classroom, device: TestClient, race: Race, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_pin(classroom.admin, classroom.person)
    pause(monkeypatch, race, keys, "make_kiosk_pin_key")
    answers = race.run(lambda: device.get(SYNC), lambda: device.get(SYNC))
    assert answers == {"first": 200, "second": 200}
    tag = device.get(SYNC).headers["ETag"]
    assert device.get(SYNC).headers["ETag"] == tag


def test_nothing_is_issued_to_an_account_that_is_just_disabled(
    race: Race, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = sign_in(Role.OFFICE).get("/api/v1/sign-in").json()["account_id"]
    admin = sign_in(Role.ADMIN)
    assert admin.post(f"/credentials/staff/{account}/pin").is_redirect
    pause(monkeypatch, race, staff, "forget_holder")
    answers = race.run(
        lambda: admin.post(f"/api/v1/accounts/{account}/disable"),
        lambda: admin.post(f"/credentials/staff/{account}/pin"),
    )
    assert answers == {"first": 200, "second": 404}


@pytest.mark.parametrize("is_pin", [True, False], ids=["a PIN", "the same accounts"])
def test_many_who_are_disabled_wait_for_a_new_pin_and_for_each_other(
    desk: OfficeDesk, race: Race, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, is_pin: bool
) -> None:
    roles = (Role.TEACHER, Role.TECHNICIAN)
    accounts = [sign_in(one).get("/api/v1/sign-in").json()["account_id"] for one in roles]
    admin = sign_in(Role.ADMIN)
    assert admin.post(f"/credentials/staff/{accounts[0]}/pin").is_redirect
    pause(monkeypatch, race, administration, "note")

    def disable() -> Any:
        return admin.post("/api/v1/accounts/bulk/disable", json={"account_ids": accounts})

    answers = race.run(disable, lambda: give_pin(desk.office, desk.ada) if is_pin else disable())
    assert answers == {"first": 200, "second": 201 if is_pin else 200}
    again = disable().json()
    assert [one["problem"] for one in again["skipped"]] == ["disabled_already"] * 2
