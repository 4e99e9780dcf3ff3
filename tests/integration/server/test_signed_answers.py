"""Signed answers of the whole server: every status that a kiosk may see, with our key."""

from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.fields import MAX_MESSAGE_BYTES, parse_message
from protocol.v1.messages import ClaimResponse
from protocol.v1.signing import public_key, public_text
from protocol.v1.statements import SIGNATURE_HEADER
from server.app import create_app
from server.db.types import now
from server.kiosks.guesses import ClaimGuesses
from server.kiosks.tables import ErasureReceipt, ServerKey
from server.web.principal import Role
from server.web.state import services_of
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import JSON, Classroom
from tests.support.services import replace_services
from tests.support.signed_answers import WITH_NONCE, is_signed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from server.config import Settings
    from server.db.engine import Database


class Door:
    """A claimed kiosk that knows its server's key."""

    def __init__(self, app: FastAPI, classroom: Classroom) -> None:
        self.app = app
        self.room = classroom
        claimed = classroom.claim(TestClient(app))
        self.server_key: Ed25519PublicKey = public_key(claimed.server_key)
        headers = {"Authorization": f"Device {claimed.device_token}"} | WITH_NONCE
        self.client = TestClient(app, headers=headers)

    def check(self, method: str, path: str, status: int, **options: object) -> bytes:
        """Return the body of an answer, which has this status and is signed."""
        answer = self.client.request(method, path, **options)  # type: ignore[arg-type]
        assert answer.status_code == status, answer.text
        assert is_signed(answer, self.server_key, path)
        assert not is_signed(answer, self.server_key, path, body=answer.content + b" ")
        return answer.content


@pytest.fixture
def database_kind() -> str:
    """Run these on SQLite alone: what they test does not differ between databases."""
    return "sqlite"


@pytest.fixture
def door(app: FastAPI, sign_in: SignIn) -> Door:
    return Door(app, Classroom(sign_in(Role.ADMIN)))


def test_answers_to_ordinary_calls_are_signed(door: Door) -> None:
    batch = door.room.device.batch([])
    door.check("POST", "/api/v1/sync/events", 200, content=batch)
    door.check("GET", "/api/v1/sync/gallery?since=0&limit=20", 200)
    etag = door.client.get("/api/v1/sync/config").headers["etag"]
    door.check("GET", "/api/v1/sync/config", 304, headers={"If-None-Match": etag})


def test_gallery_without_changes_is_named_and_then_not_sent_again(door: Door) -> None:
    path = "/api/v1/sync/gallery?since=0&limit=20"
    first = door.client.get(path)
    known = {"If-None-Match": f'"of-another", W/{first.headers["etag"]}'}

    door.check("GET", path, 304, headers=known)
    door.check("GET", path.replace("limit=20", "limit=30"), 304, headers=known)
    door.check("GET", path, 200, headers={"If-None-Match": '"of-another"'})
    door.check("GET", path, 200)

    assert first.headers["cache-control"] == "private, no-cache"


def test_proof_of_erasure_is_answered_without_a_body_but_signed(
    door: Door, database: "Database"
) -> None:
    erasure = door.room.device.erasure(door.room.person, now()).to_json()
    body = door.check("POST", "/api/v1/sync/erasures", 204, content=erasure, headers=JSON)
    assert body == b""
    with database.reading() as db:
        assert len(db.exec(select(ErasureReceipt)).all()) == 1


def test_refusals_are_signed(door: Door) -> None:
    too_large = bytes(MAX_MESSAGE_BYTES + 1)
    door.check("POST", "/api/v1/sync/events", 413, content=too_large)
    door.check("GET", "/api/v1/sync/gallery?since=-1", 422)
    door.check("POST", "/api/v1/kiosk/scan-templates", 422, content=b"{}", headers=JSON)
    door.check("GET", "/api/v1/sync/none-such", 404)
    door.check("PUT", "/api/v1/sync/config", 405)
    door.client.headers["Authorization"] = "Device of-another-server-000"
    door.check("GET", "/api/v1/sync/config", 401)


def test_claims_and_their_refusals_are_signed(app: FastAPI, door: Door) -> None:
    replace_services(app, claim_guesses=ClaimGuesses(per_address=2))
    for expected in [403] * 2 + [429]:
        wrong = SimulatedKiosk().claim_request("00000000").to_json()
        door.check("POST", "/api/v1/devices/claim", expected, content=wrong, headers=JSON)
    door.check("POST", "/api/v1/devices/claim", 422, content=b"{}", headers=JSON)


def test_claim_is_signed_with_the_key_that_it_names(app: FastAPI, sign_in: SignIn) -> None:
    room = Classroom(sign_in(Role.ADMIN))
    request = room.device.claim_request(room.kiosk["claim_code"]).to_json()
    path = "/api/v1/devices/claim"
    answer = TestClient(app).post(path, content=request, headers=JSON | WITH_NONCE)
    named = parse_message(ClaimResponse, answer.content).server_key
    assert is_signed(answer, public_key(named), path)


def _busy(*_: object, **__: object) -> None:
    raise OperationalError("INSERT", {}, Exception("database is locked"))


def _broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(("fault", "status"), [(_busy, 503), (_broken, 500)])
def test_faults_of_the_server_are_signed(
    door: Door, monkeypatch: pytest.MonkeyPatch, fault: object, status: int
) -> None:
    monkeypatch.setattr("server.attendance.api._take_one_in", fault)
    door.check("POST", "/api/v1/sync/events", status, content=door.room.device.batch([]))


def test_pages_of_people_are_not_signed(door: Door) -> None:
    answer = door.room.admin.get("/api/v1/kiosks", headers=WITH_NONCE)
    assert answer.status_code == 200
    assert SIGNATURE_HEADER not in answer.headers


def test_key_is_made_at_start_and_is_the_same_after_a_restart(
    app: FastAPI, settings: "Settings"
) -> None:
    before = services_of(app).signer.key()
    again = create_app(settings)
    with TestClient(again):
        assert public_text(services_of(again).signer.key()) == public_text(before)


def test_server_works_unsigned_where_its_key_cannot_be_read(
    door: Door, database: "Database", settings: "Settings", caplog: pytest.LogCaptureFixture
) -> None:
    with database.transaction() as db:
        db.exec(select(ServerKey)).one().key_id = "lost"
    again = create_app(settings)
    with TestClient(again, headers=dict(door.client.headers)) as client:
        answer = client.get("/api/v1/sync/config")
    assert (answer.status_code, SIGNATURE_HEADER in answer.headers) == (200, False)
    assert "server signing key unreadable" in caplog.text
