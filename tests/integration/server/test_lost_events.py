"""Lost and missing events on pages and in the API, and the decisions about them."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from protocol.v1.messages import RawEvent
from server.attendance.ingest import take_in
from server.attendance.verification import Delivery
from server.audit.tables import AuditEntry
from server.db.types import now
from server.kiosks.tables import Kiosk, KioskProgress
from server.web.principal import Role
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_lesson_pages import problem
from tests.support.office_desk import OfficeDesk


class Door:
    """A kiosk that hangs in R12 since before a lesson of today that Ada was due in."""

    def __init__(self, desk: OfficeDesk) -> None:
        self.desk = desk
        desk.always_on_roster(desk.ada)
        self.lesson = desk.lesson(-timedelta(hours=1))
        self.began = now() - timedelta(hours=1)
        self.device = SimulatedKiosk(kiosk_id=desk.hang_kiosk())
        self.id = self.device.kiosk_id
        with desk.database.transaction() as db:
            row = db.get_one(Kiosk, uuid.UUID(self.id))
            row.signing_key = self.device.claim_request("ABCD2345").signing_key
            db.add(row)

    def send(self, *events: RawEvent, through: datetime | None = None) -> None:
        payload = self.device.batch(list(events), synced_through=through)
        with self.desk.database.transaction() as db:
            take_in(db, [Delivery(self.id, payload)], now())

    def loses(self, count: int = 3) -> None:
        """Lose events of the lesson, say so, and report everything since."""
        at = self.began + timedelta(minutes=2)
        first = self.device.seq + 1
        self.device.events(count, at)
        last = self.device.seq
        gap = self.device.gap(at, first, last, from_at=self.began, through_at=at)
        self.send(gap, through=now())

    def misses(self) -> None:
        """Send the third and fourth event, never the ones before."""
        events = self.device.events(4, self.began)
        self.send(*events[2:], through=now())

    @property
    def ada(self) -> str:
        status: str = self.desk.register(self.lesson)["rows"][0]["status"]
        return status

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.desk.office.get(f"/api/v1/kiosks/{self.id}/lost-events").json()
        return found


@pytest.fixture
def door(desk: OfficeDesk) -> Door:
    return Door(desk)


@pytest.fixture
def admin(sign_in: SignIn) -> TestClient:
    return sign_in(Role.ADMIN)


def audited(door: Door, action: str) -> list[AuditEntry]:
    with door.desk.database.reading() as db:
        return list(db.exec(select(AuditEntry).where(AuditEntry.action == action)))


def test_admin_decides_about_lost_events_on_the_kiosks_page(door: Door, admin: TestClient) -> None:
    door.loses()
    assert door.ada == "pending"
    (waiting,) = door.desk.register(door.lesson)["waiting_for"]
    assert (waiting["lost_events"], waiting["has_two_devices"]) == (3, False)
    register = admin.get(f"/lessons/{door.lesson}").text
    assert "1 student stays pending because of R12 door." in register
    assert "It lost 3 events recorded since" in register
    assert "Undecided: R12 door lost events" in admin.get("/").text
    shown = admin.get(f"/kiosks/{door.id}").text
    assert "3 events are lost. The kiosk&#39;s storage was damaged." in shown
    path = f"/kiosks/{door.id}/lost/{door.read()['spans'][0]['id']}"
    assert path in shown
    assert "Students without a record are shown as not seen." in admin.get(path).text
    refused = admin.post(path, data={"reason": " x "})
    assert (refused.status_code, problem("reason") in refused.text) == (400, True)
    answer = admin.post(path, data={"reason": "The card broke"})
    assert answer.headers["location"] == f"/kiosks/{door.id}#lost"
    assert door.ada == "not_seen"
    assert "The card broke" in admin.get(f"/kiosks/{door.id}").text
    (entry,) = audited(door, "kiosk.close_lost_events")
    assert entry.details == {"first": 1, "last": 3, "missing": 3}
    again = admin.post(path, data={"reason": "The card broke"})
    assert (again.status_code, problem("span_closed") in again.text) == (400, True)


@pytest.mark.parametrize("count", [1, 3])
def test_today_names_each_kiosk_with_lost_events_until_an_admin_decides(
    door: Door, admin: TestClient, count: int
) -> None:
    assert "until an administrator closes" not in admin.get("/").text
    door.loses(count)
    events = "1 event" if count == 1 else "3 events"
    line = f"R12 door in R12 lost {events}. Lessons stay undecided until an administrator closes"
    shown = admin.get("/").text
    assert line in shown
    assert f'href="/kiosks/{door.id}#lost"' in shown
    assert 'id="lost"' in admin.get(f"/kiosks/{door.id}").text
    admin.post(f"/kiosks/{door.id}/lost/{door.read()['spans'][0]['id']}", data={"reason": "Broken"})
    assert "until an administrator closes" not in admin.get("/").text


def test_today_adds_up_the_open_lost_events_of_a_kiosk(door: Door, admin: TestClient) -> None:
    door.loses(3)
    door.loses(2)
    assert admin.get("/").text.count("R12 door in R12 lost 5 events.") == 1


def test_today_says_nothing_of_lost_events_to_a_teacher(door: Door, sign_in: SignIn) -> None:
    door.loses()
    assert "until an administrator closes" not in sign_in(Role.TEACHER).get("/").text
    assert "until an administrator closes" in sign_in(Role.TECHNICIAN).get("/").text


def test_admin_closes_events_that_never_arrive(door: Door, admin: TestClient) -> None:
    door.misses()
    assert door.ada == "pending"
    shown = admin.get(f"/kiosks/{door.id}").text
    assert "2 events have not arrived since" in shown
    path = f"/kiosks/{door.id}/missing"
    page = admin.get(path).text
    assert 'name="first" value="1"' in page
    assert 'name="last" value="2"' in page
    answer = admin.post(path, data={"first": "1", "last": "2", "reason": "Device is lost"})
    assert answer.headers["location"] == f"/kiosks/{door.id}#lost"
    assert door.ada == "not_seen"
    assert door.read()["missing"] is None
    assert len(audited(door, "kiosk.close_missing_events")) == 1
    assert admin.get(path).status_code == 404


def test_api_says_the_same_and_closes(door: Door, admin: TestClient) -> None:
    door.loses()
    door.device.seq += 2
    door.send(door.device.event(now()))
    found = door.read()
    assert [one["missing"] for one in found["spans"]] == [3]
    assert (found["missing"]["first"], found["missing"]["count"]) == (5, 2)
    base, body = f"/api/v1/kiosks/{door.id}", {"reason": "The card broke"}
    path = f"{base}/lost-events/{found['spans'][0]['id']}/close"
    assert admin.post(path, json=body).json()["close_reason"] == "The card broke"
    assert admin.post(path, json=body).status_code == 409
    missing = body | {"first": 5, "last": 6}
    assert admin.post(f"{base}/missing-events/close", json=missing).json()["missing"] == 2
    assert admin.post(f"{base}/missing-events/close", json=missing).status_code == 409
    assert [one["closed_at"] is None for one in door.read()["spans"]] == [False, False]


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.DPO, Role.TEACHER])
def test_only_an_admin_decides(door: Door, sign_in: SignIn, role: Role) -> None:
    door.loses()
    span = door.read()["spans"][0]["id"]
    client = sign_in(role)
    paths = [f"/kiosks/{door.id}/lost/{span}", f"/kiosks/{door.id}/missing"]
    assert {client.post(path, data={"reason": "Any reason"}).status_code for path in paths} == {403}
    for path in (f"lost-events/{span}/close", "missing-events/close"):
        body = {"reason": "Any reason", "first": 1, "last": 2}
        answer = client.post(f"/api/v1/kiosks/{door.id}/{path}", json=body)
        assert answer.status_code == 403


def test_span_of_another_kiosk_is_not_found(door: Door, admin: TestClient) -> None:
    door.loses()
    other = door.desk.hang_kiosk("Back door")
    span = door.read()["spans"][0]["id"]
    assert admin.get(f"/kiosks/{other}/lost/{span}").status_code == 404


@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_say_it_in_every_language(door: Door, admin: TestClient, language: str) -> None:
    door.loses()
    door.device.seq += 2
    door.send(door.device.event(now()))
    with door.desk.database.transaction() as db:
        progress = db.get_one(KioskProgress, uuid.UUID(door.id))
        progress.forked_at = now()
        db.add(progress)
    admin.cookies.set("rollcall_language", language)
    span = door.read()["spans"][0]["id"]
    lesson = f"/lessons/{door.lesson}"
    kiosk = f"/kiosks/{door.id}"
    paths = ["/", "/kiosks", kiosk, f"{kiosk}/missing", f"{kiosk}/lost/{span}", lesson]
    texts = [admin.get(path).text for path in paths]
    named = {"en": "Two devices use", "ar": "يستخدم جهازان"}[language]
    assert [named in text for text in texts] == [True, False, True, False, False, True]
    assert {"en": "Two devices", "ar": "جهازان"}[language] in texts[1]
