"""What a kiosk's download of credentials costs, and what it notes before the answer leaves."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.checkin import HolderKind
from server.accounts.tables import Account
from server.credentials import keys, service
from server.credentials.service import HolderRef
from server.credentials.tables import HeldPin
from server.db.engine import Database
from server.kiosks.tables import Kiosk
from server.web.state import services_of
from tests.integration.server.test_school_api import Classroom, classroom, device

__all__ = ["classroom", "device"]
SYNC = "/api/v1/sync/credentials"


@pytest.fixture
def pin_base_path(classroom: Classroom) -> str:
    """The API of one person's credentials, who has a PIN."""
    path = f"/people/{classroom.person}/credentials"
    classroom.post(f"{path}/pin")
    return path


def held_by(database: Database, kiosk_id: str) -> set[uuid.UUID]:
    with database.reading() as db:
        query = select(HeldPin.holder_id).where(HeldPin.kiosk_id == uuid.UUID(kiosk_id))
        return set(db.exec(query))


@pytest.mark.usefixtures("pin_base_path")
def test_a_download_with_nothing_to_note_waits_for_no_writer(
    device: TestClient, database: Database
) -> None:
    tag = device.get(SYNC).headers["ETag"]
    database.turn_wait_s = 0
    with database.transaction() as db:
        db.exec(select(Kiosk)).all()
        service.begin_change(db)
        assert device.get(SYNC).status_code == 200
        assert device.get(SYNC, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.usefixtures("pin_base_path")
def test_an_answer_of_no_change_decrypts_nothing(
    app: FastAPI, device: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = device.get(SYNC).headers["ETag"]
    opened: list[str] = []

    def note(*_: Any, purpose: str, **__: Any) -> bytes:
        opened.append(purpose)
        return b""

    monkeypatch.setattr(type(services_of(app).vault), "open", note)
    assert device.get(SYNC, headers={"If-None-Match": tag}).status_code == 304
    assert opened == []


def test_who_gets_a_pin_later_is_noted_too(
    classroom: Classroom, device: TestClient, database: Database, pin_base_path: str
) -> None:
    del pin_base_path
    person = uuid.UUID(classroom.person)
    device.get(SYNC)
    assert held_by(database, classroom.kiosk["id"]) == {person}
    other = classroom.post("/people", student_number="S9", given_name="Bo", family_name="Lind")
    classroom.post(f"/courses/{classroom.course}/roster", person_id=other["id"])
    classroom.post(f"/people/{other['id']}/credentials/pin")
    device.get(SYNC)
    assert held_by(database, classroom.kiosk["id"]) == {person, uuid.UUID(other["id"])}


@pytest.mark.usefixtures("pin_base_path")
def test_a_note_that_is_missing_is_made_again_though_nothing_changed(
    classroom: Classroom, device: TestClient, database: Database
) -> None:
    tag = device.get(SYNC).headers["ETag"]
    with database.transaction() as db:
        for row in db.exec(select(HeldPin)):
            db.delete(row)
    assert device.get(SYNC, headers={"If-None-Match": tag}).status_code == 304
    assert held_by(database, classroom.kiosk["id"]) == {uuid.UUID(classroom.person)}


@pytest.mark.usefixtures("pin_base_path")
def test_a_kiosk_that_is_revoked_meanwhile_gets_nothing(
    classroom: Classroom, device: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = keys.document_keys

    def revoke_after(db: Any, kiosk: Kiosk) -> Any:
        found = real(db, kiosk)
        monkeypatch.setattr(keys, "document_keys", real)
        classroom.post(f"/kiosks/{classroom.kiosk['id']}/revoke")
        return found

    monkeypatch.setattr(keys, "document_keys", revoke_after)
    assert device.get(SYNC).status_code == 403
    assert held_by(database, classroom.kiosk["id"]) == set()


Change = Callable[[Classroom, str], object]
CHANGES: dict[str, Change] = {
    "pin": lambda room, path: room.post(f"{path}/pin"),
    "no pin": lambda room, path: room.admin.delete(f"/api/v1{path}/pin"),
    "card": lambda room, path: room.post(f"{path}/cards", number="04:A2:99:FF"),
    "policy": lambda room, _: room.admin.put(
        "/api/v1/policy", json={"kiosk": {"fallbacks": ["qr"]}}
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_every_change_has_another_version(
    classroom: Classroom, device: TestClient, pin_base_path: str, what: str
) -> None:
    tag = device.get(SYNC).headers["ETag"]
    CHANGES[what](classroom, pin_base_path)
    answer = device.get(SYNC, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.headers["ETag"] != tag) == (200, True)


def test_a_change_of_the_names_of_staff_and_of_the_server_s_keys_has_another_version(
    app: FastAPI, classroom: Classroom, device: TestClient, database: Database
) -> None:
    vault = services_of(app).vault
    account = classroom.admin.get("/api/v1/sign-in").json()["account_id"]
    with database.transaction() as db:
        holder = HolderRef(HolderKind.STAFF, uuid.UUID(account))
        service.issue_pin(db, vault, holder, actor="system")
    tags = [device.get(SYNC).headers["ETag"]]
    with database.transaction() as db:
        db.get_one(Account, uuid.UUID(account)).display_name = "Another name"
    tags.append(device.get(SYNC).headers["ETag"])
    vault._keys["another"] = bytes(32)
    tags.append(device.get(SYNC).headers["ETag"])
    assert len(set(tags)) == 3
