"""Revoked is a signed statement; unknown is a fault that an admin is told about."""

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from sqlmodel import delete, select
from starlette.testclient import TestClient

from protocol.v1.messages import ClaimResponse, Revocation
from protocol.v1.signing import public_key
from protocol.v1.statements import verify_revocation
from server.db.types import now
from server.kiosks.presence import SILENT_AFTER
from server.kiosks.tables import Kiosk, KioskClaim
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import Classroom
from tests.support.services import replace_services
from tests.support.signed_answers import WITH_NONCE, is_signed

if TYPE_CHECKING:
    from server.db.engine import Database

CONFIG = "/api/v1/sync/config"


class Door:
    """A kiosk that is claimed now and again, and asks with any of its tokens."""

    def __init__(self, app: FastAPI, classroom: Classroom) -> None:
        self.app = app
        self.room = classroom
        self.database: Database = services_of(app).database
        self.anyone = TestClient(app)
        self.first = classroom.claim(self.anyone)

    def claim_again(self) -> ClaimResponse:
        path = f"/kiosks/{self.room.kiosk['id']}/claim-codes"
        self.room.kiosk = self.room.post(path) | {"id": self.room.kiosk["id"]}
        return self.room.claim(self.anyone)

    def refused(self, claim: ClaimResponse) -> dict[str, Any]:
        headers = {"Authorization": f"Device {claim.device_token}"} | WITH_NONCE
        answer = self.anyone.get(CONFIG, headers=headers)
        assert answer.status_code == 401
        assert is_signed(answer, public_key(self.first.server_key), CONFIG)
        body: dict[str, Any] = answer.json()
        return body

    def works(self, claim: ClaimResponse) -> bool:
        headers = {"Authorization": f"Device {claim.device_token}"}
        return self.anyone.get(CONFIG, headers=headers).status_code == 200

    def ended(self, claim: ClaimResponse) -> Revocation:
        body = self.refused(claim)
        assert body["error"]["code"] == "revoked"
        revocation = Revocation.model_validate(body["revocation"])
        verify_revocation(revocation, public_key(claim.server_key))
        return revocation

    def restore_older_database(self) -> None:
        """Lose the newest claim, as a backup from before it would."""
        with self.database.transaction() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(self.room.kiosk["id"]))
            kiosk.token_hash, kiosk.generation = b"an older token" + bytes(18), 0
            db.exec(delete(KioskClaim))

    def fall_silent(self) -> None:
        with self.database.transaction() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(self.room.kiosk["id"]))
            kiosk.last_seen_at = now() - SILENT_AFTER


@pytest.fixture
def door(app: FastAPI, sign_in: SignIn) -> Door:
    return Door(app, Classroom(sign_in(Role.ADMIN)))


def test_revoked_kiosk_gets_the_statement_of_its_own_claim(door: Door) -> None:
    assert (door.first.claim, door.works(door.first)) == (1, True)
    door.room.post(f"/kiosks/{door.room.kiosk['id']}/revoke")
    revocation = door.ended(door.first)
    assert (revocation.kiosk_id, revocation.claim) == (door.first.kiosk_id, 1)
    assert revocation.revoked_at > door.first.server_time
    assert door.ended(door.first) == revocation


def test_new_claim_ends_the_former_one_and_no_statement_fits_it(door: Door) -> None:
    second = door.claim_again()
    assert second.claim == 2
    assert door.ended(door.first).claim == 1
    assert door.works(second)
    door.room.post(f"/kiosks/{door.room.kiosk['id']}/revoke")
    assert [door.ended(one).claim for one in (door.first, second)] == [1, 2]
    third = door.claim_again()
    assert third.claim == 3
    assert [door.ended(one).claim for one in (door.first, second)] == [1, 2]
    assert door.works(third)


def test_claim_from_before_claims_had_numbers_ends_as_number_nought(door: Door) -> None:
    with door.database.transaction() as db:
        db.exec(select(KioskClaim)).one().number = 0  # as the migration fills it
    door.room.post(f"/kiosks/{door.room.kiosk['id']}/revoke")
    assert door.ended(door.first).claim == 0


def test_restored_database_calls_nobody_revoked(door: Door) -> None:
    door.restore_older_database()
    body = door.refused(door.first)
    assert body["error"]["code"] == "unknown_device"
    assert "revocation" not in body
    assert "revoked" not in body["error"]["message"]


def test_what_is_no_token_of_ours_is_never_called_revoked(door: Door) -> None:
    door.room.post(f"/kiosks/{door.room.kiosk['id']}/revoke")
    tokens = ["", "Device ", "Device " + "x" * 40, "Bearer " + "x" * 40, "Device " + "x" * 999]
    answers = [door.anyone.get(CONFIG, headers={"Authorization": token}) for token in tokens]
    assert {answer.json()["error"]["code"] for answer in answers} == {"unknown_device"}
    assert not any("revocation" in answer.json() for answer in answers)


def test_server_that_cannot_sign_calls_nobody_revoked(door: Door, app: FastAPI) -> None:
    door.room.post(f"/kiosks/{door.room.kiosk['id']}/revoke")
    replace_services(app, answer_key=None)
    headers = {"Authorization": f"Device {door.first.device_token}"}
    assert door.anyone.get(CONFIG, headers=headers).json()["error"]["code"] == "unknown_device"


def test_admin_learns_of_devices_that_the_server_does_not_know(door: Door) -> None:
    note = "An unknown device asks for data."
    assert note not in door.room.admin.get("/kiosks").text
    door.restore_older_database()
    door.refused(door.first)
    own_page = f"/kiosks/{door.room.kiosk['id']}"
    assert note not in door.room.admin.get(own_page).text
    door.fall_silent()
    for page in ("/kiosks", "/", own_page):
        text = door.room.admin.get(page).text
        assert note in text
        assert "address testclient" in text
        assert door.first.device_token not in text


def test_revoked_device_or_a_request_without_a_token_is_no_unknown_device(door: Door) -> None:
    door.room.post(f"/kiosks/{door.room.kiosk['id']}/revoke")
    door.refused(door.first)
    door.anyone.get(CONFIG)
    assert "nknown device" not in door.room.admin.get("/kiosks").text


def test_many_unknown_devices_are_summed_up(door: Door, app: FastAPI) -> None:
    for number in range(6):
        client = TestClient(app, client=(f"10.0.0.{number}", 1))
        client.get(CONFIG, headers={"Authorization": "Device " + "x" * 40})
    door.room.admin.cookies.set("rollcall_language", "ar")
    page = door.room.admin.get("/kiosks").text
    assert page.count("notice-warn") == 1
    assert all(f"10.0.0.{number}" in page for number in (5, 4, 3))
    assert not any(f"10.0.0.{number}" in page for number in (2, 1, 0))


def test_teacher_sees_no_addresses(door: Door, sign_in: SignIn) -> None:
    door.restore_older_database()
    door.refused(door.first)
    assert "nknown device" not in sign_in(Role.TEACHER).get("/").text
