"""PIN, cards and link of an account: they end when it may have none, and admins hand them out."""

import uuid

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.checkin import HolderKind
from server.audit.tables import AuditEntry
from server.credentials import renewal, service
from server.credentials.service import HolderRef
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.errors import NotFoundError
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_credentials import Given, given, vault
from tests.integration.server.test_school_api import classroom, device

__all__ = ["classroom", "device", "given", "vault"]


class Clerk:
    """An account of the office with a PIN, a card and a link; this role is due everywhere."""

    def __init__(self, database: Database, vault: Vault, client: TestClient) -> None:
        self.client = client
        self.id = client.get("/api/v1/sign-in").json()["account_id"]
        self.ref = HolderRef(HolderKind.STAFF, uuid.UUID(self.id))
        with database.transaction() as db:
            service.add_reader_card(db, vault, self.ref, "04A299FF", actor="system")
            self.pin = service.show_pin(db, vault, self.ref, actor="system")
            self.token = service.make_link(db, self.ref, actor="system")


@pytest.fixture
def clerk(database: Database, vault: Vault, sign_in: SignIn) -> Clerk:
    return Clerk(database, vault, sign_in(Role.OFFICE))


def end(given: Given, clerk: Clerk, how: str) -> None:
    """Disable the account over the API or the page, or give it a role that takes no roll."""
    admin, path = given.room.admin, f"accounts/{clerk.id}"
    if how == "page":
        answer = admin.post(f"/users/{clerk.id}/disable", follow_redirects=False)
        assert answer.status_code == 303
    elif how == "role":
        assert admin.put(f"/api/v1/{path}/role", json={"role": "dpo"}).status_code == 200
    else:
        assert admin.post(f"/api/v1/{path}/disable").status_code == 200


@pytest.mark.parametrize("how", ["api", "page", "role"])
def test_credentials_end_with_the_account(
    given: Given, database: Database, vault: Vault, clerk: Clerk, how: str
) -> None:
    assert clerk.id in {one.id for one in given.document().holders}
    assert "own-code" in given.room.admin.get(f"/me/{clerk.token}").text
    with database.reading() as db:
        before = service.version_of(db)
    end(given, clerk, how)
    gone = given.room.admin.get(f"/me/{clerk.token}")
    assert gone.status_code == 404
    assert clerk.id not in {one.id for one in given.document().holders}
    with database.reading() as db:
        assert service.version_of(db) > before
        assert service.held_by(db, clerk.ref) == []
        query = select(AuditEntry.action).where(AuditEntry.subject == clerk.ref.subject)
        actions = set(db.exec(query))
    assert {f"credentials.{what}_revoked" for what in ("pin", "card", "link")} <= actions


@pytest.mark.parametrize("how", ["api", "role"])
def test_nothing_is_issued_to_an_account_that_may_have_none(
    given: Given, database: Database, vault: Vault, clerk: Clerk, how: str
) -> None:
    end(given, clerk, how)
    base = f"/credentials/staff/{clerk.id}"
    for path in ("pin", "link", "pin/print", "cards/print"):
        assert given.room.admin.post(f"{base}/{path}").status_code == 404
    assert base not in given.room.admin.get(f"/users/{clerk.id}").text
    with database.transaction() as db, pytest.raises(NotFoundError):
        service.issue_pin(db, vault, clerk.ref, actor="system")


def test_an_account_that_is_enabled_again_begins_without(
    given: Given, database: Database, clerk: Clerk
) -> None:
    end(given, clerk, "api")
    assert given.room.admin.post(f"/api/v1/accounts/{clerk.id}/enable").status_code == 200
    with database.reading() as db:
        assert service.held_by(db, clerk.ref) == []
    assert given.room.admin.get(f"/credentials/staff/{clerk.id}").status_code == 200


def test_a_change_between_roles_that_take_the_roll_ends_nothing(
    given: Given, database: Database, clerk: Clerk
) -> None:
    path = f"/api/v1/accounts/{clerk.id}/role"
    assert given.room.admin.put(path, json={"role": "teacher"}).status_code == 200
    with database.reading() as db:
        assert service.held_by(db, clerk.ref) == ["pin", "link", "card"]


def test_admins_alone_see_that_a_renewed_pin_of_staff_waits(
    given: Given, database: Database, vault: Vault, clerk: Clerk
) -> None:
    page, base = "/credentials/print", f"/credentials/staff/{clerk.id}"
    assert base not in given.room.admin.get(page).text
    given.document()
    given.room.post(f"/kiosks/{given.room.kiosk['id']}/revoke")
    with database.transaction() as db:
        assert renewal.renew_held(db, vault) == 1
    shown = given.room.admin.get(page).text
    assert base in shown
    assert "No PIN waits" not in shown
    assert base not in clerk.client.get(page).text
    assert clerk.client.post(f"{base}/pin/print").status_code == 403
    assert given.room.admin.post(f"{base}/pin/show").status_code == 200
    assert base not in given.room.admin.get(page).text


def test_a_line_names_who_took_the_roll(given: Given, clerk: Clerk) -> None:
    room = given.room
    told = {"person_id": room.person, "lesson_id": room.lesson, "by": clerk.id}
    event = room.device.event(now(), kind="roll_call", method="teacher", **told)
    given.device.post("/api/v1/sync/events", content=room.device.batch([event]))
    page = f"/lessons/{room.lesson}/people/{room.person}"
    end(given, clerk, "api")
    assert "<dt>Teacher</dt><dd><bdi>Office</bdi></dd>" in room.admin.get(page).text


def test_pages_say_when_pins_of_a_kiosk_change(given: Given) -> None:
    admin, path = given.room.admin, f"/kiosks/{given.room.kiosk['id']}"
    first = "revoke it first"
    assert first in admin.get(path).text
    assert first in admin.post(f"{path}/code").text
    assert "must be handed out again" in admin.get(f"{path}/revoke").text
    new = given.room.post("/kiosks", name="New door", room_id=given.room.room)
    assert first not in admin.get(f"/kiosks/{new['id']}").text
    assert first not in admin.post(f"/kiosks/{new['id']}/code").text
