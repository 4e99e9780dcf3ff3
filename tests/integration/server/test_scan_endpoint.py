"""Templates from scans over HTTP: by device token only, and from a kiosk's own data key."""

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1 import sealing
from protocol.v1.fields import parse_message
from protocol.v1.messages import ScanTemplateBatch, ScanTemplateReceipt
from protocol.v1.signing import public_key
from server.db.types import now
from server.kiosks.tables import GalleryEntry, Kiosk
from server.networks.tables import WaitingScan
from server.web.principal import Role
from server.web.state import services_of
from tests.fakes.encoder import TEMPLATE, FakeEncoder
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import JSON, Classroom
from tests.support.enrolling import GIVEN
from tests.support.networks import set_networks
from tests.support.scanning import NEXT, scan_of
from tests.support.services import replace_services
from tests.support.signed_answers import WITH_NONCE, is_signed

if TYPE_CHECKING:
    from server.db.engine import Database

PATH = "/api/v1/kiosk/scan-templates"


class Door:
    """A claimed kiosk with its own copy of its data key, before a person with consent."""

    def __init__(self, app: FastAPI, classroom: Classroom) -> None:
        self.database: Database = services_of(app).database
        self.room = classroom
        claimed = classroom.claim(TestClient(app))
        kiosk = classroom.device
        wrapped = claimed.gallery_key
        key = sealing.unwrap_key(
            wrapped.wrapped, kiosk.sealing_key, kiosk_id=kiosk.kiosk_id, key_id=wrapped.key_id
        )
        self.key = (key, wrapped.key_id)
        self.server_key = public_key(claimed.server_key)
        self.client = TestClient(app, headers={"Authorization": f"Device {claimed.device_token}"})
        classroom.post(f"/people/{classroom.person}/consents", **GIVEN)
        classroom.admin.put("/api/v1/policy", json={"kiosk": {"liveness": "passive"}}, headers=JSON)
        set_networks(self.database, TEMPLATE.model_id, NEXT, collects_scans=True)
        with self.database.transaction() as db:
            entry = GalleryEntry(
                kiosk_id=uuid.UUID(kiosk.kiosk_id),
                template_id=uuid.uuid4(),
                person_id=uuid.UUID(classroom.person),
                change=1,
            )
            db.add(entry)

    def batch(self, **changed: Any) -> ScanTemplateBatch:
        device = self.room.device
        event = device.event(now(), person_id=self.room.person, liveness={"verdict": "live"})
        self.client.post("/api/v1/sync/events", content=device.batch([event]))
        return ScanTemplateBatch(scans=(scan_of(device, self.key, event, **changed),))

    def send(self, batch: ScanTemplateBatch) -> ScanTemplateReceipt:
        answer = self.client.post(PATH, content=batch.to_json(), headers=JSON)
        assert answer.status_code == 200, answer.text
        return parse_message(ScanTemplateReceipt, answer.content)


@pytest.fixture
def door(app: FastAPI, sign_in: SignIn, encoder: FakeEncoder) -> Door:
    replace_services(app, encoder=encoder)
    return Door(app, Classroom(sign_in(Role.ADMIN)))


def test_scan_that_a_kiosk_sealed_with_its_own_key_is_accepted(door: Door) -> None:
    batch = door.batch()
    assert door.send(batch).accepted == (batch.scans[0].id,)
    assert door.send(batch).accepted == (batch.scans[0].id,)
    with door.database.reading() as db:
        assert len(db.exec(select(WaitingScan)).all()) == 1


def test_nothing_is_judged_while_the_kiosks_key_cannot_be_read(door: Door) -> None:
    batch = door.batch()
    with door.database.transaction() as db:
        db.get_one(Kiosk, uuid.UUID(door.room.device.kiosk_id)).data_key_key_id = "lost"
    assert door.send(batch) == ScanTemplateReceipt()


def test_receipt_proves_that_this_server_made_it(door: Door) -> None:
    answer = door.client.post(PATH, content=door.batch().to_json(), headers=JSON | WITH_NONCE)
    assert answer.status_code == 200
    assert is_signed(answer, door.server_key, PATH)


@pytest.mark.parametrize("header", ["", "Device wrong"])
def test_only_a_claimed_kiosk_may_send(app: FastAPI, door: Door, header: str) -> None:
    headers = JSON | ({"Authorization": header} if header else {})
    answer = TestClient(app).post(PATH, content=door.batch().to_json(), headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unknown_device"


@pytest.mark.parametrize("body", ["", "{}", '{"scans": []}', '{"scans": [{}]}'])
def test_a_body_that_is_no_batch_is_malformed(door: Door, body: str) -> None:
    assert door.client.post(PATH, content=body, headers=JSON).status_code == 422
