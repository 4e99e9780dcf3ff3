"""Events of an earlier identity, delivered by a device that is claimed now."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from sqlmodel import col, select
from starlette.testclient import TestClient

from protocol.v1.fields import parse_message
from protocol.v1.messages import Ack, RawEvent
from protocol.v1.signing import public_key
from protocol.v1.statements import verify_ack
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.audit.tables import AuditEntry
from server.db.types import now
from server.kiosks.tables import KioskProgress
from server.web.principal import Role
from server.web.state import services_of
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import JSON, Classroom
from tests.support.signed_answers import WITH_NONCE, is_signed

if TYPE_CHECKING:
    from server.db.engine import Database

PATH = "/api/v1/sync/earlier-events"
MINUTE = timedelta(minutes=1)


class Move:
    """A device that was one kiosk, recorded events, and is claimed as another kiosk now."""

    def __init__(self, app: FastAPI, classroom: Classroom) -> None:
        self.app = app
        self.room = classroom
        self.database: Database = services_of(app).database
        self.former = classroom.device
        classroom.claim(TestClient(app))
        kiosk = classroom.post("/kiosks", name="R13 door", room_id=classroom.room)
        self.present = SimulatedKiosk(kiosk_id=kiosk["id"])
        claimed = self._claim(kiosk["claim_code"])
        self.server_key = public_key(claimed["server_key"])
        headers = {"Authorization": f"Device {claimed['device_token']}"} | WITH_NONCE
        self.client = TestClient(app, headers=headers)

    def _claim(self, code: str) -> dict[str, Any]:
        request = self.present.claim_request(code).to_json()
        answer = TestClient(self.app).post("/api/v1/devices/claim", content=request, headers=JSON)
        found: dict[str, Any] = answer.json()
        return found

    def revoke(self) -> None:
        self.room.post(f"/kiosks/{self.former.kiosk_id}/revoke")

    def seen(self, at: Any = None) -> RawEvent:
        return self.former.event(
            at or now(), person_id=self.room.person, lesson_id=self.room.lesson
        )

    def deliver(self, *events: RawEvent) -> Ack:
        answer = self.client.post(PATH, content=self.former.batch(list(events)))
        assert answer.status_code == 200, answer.text
        assert is_signed(answer, self.server_key, PATH)
        ack = parse_message(Ack, answer.content)
        verify_ack(ack, self.server_key)
        assert ack.kiosk_id == self.former.kiosk_id
        return ack

    def covered(self, ack: Ack) -> list[int]:
        return [seq for seq in range(1, self.former.seq + 2) if ack.covers(seq)]

    def stored(self) -> list[StoredEvent]:
        with self.database.reading() as db:
            query = select(StoredEvent).order_by(col(StoredEvent.seq))
            return list(db.exec(query))

    def quarantined(self) -> list[QuarantinedEvent]:
        with self.database.reading() as db:
            return list(db.exec(select(QuarantinedEvent)))

    def audited(self) -> list[AuditEntry]:
        with self.database.reading() as db:
            query = select(AuditEntry).where(AuditEntry.action == "attendance.earlier_events")
            return list(db.exec(query))


@pytest.fixture
def move(app: FastAPI, sign_in: SignIn) -> Move:
    return Move(app, Classroom(sign_in(Role.ADMIN)))


def test_event_of_a_revoked_identity_becomes_a_line_of_the_register(move: Move) -> None:
    event = move.seen()
    move.revoke()
    ack = move.deliver(event)
    assert (move.covered(ack), ack.refused) == ([1], ())
    (row,) = move.room.register()["rows"]
    assert (row["status"], row["kiosk_id"]) == ("present", move.former.kiosk_id)


def test_event_counts_once_however_often_it_is_delivered(move: Move) -> None:
    events = [move.seen(), move.seen()]
    move.revoke()
    assert [move.covered(move.deliver(*events)) for _ in range(3)] == [[1, 2]] * 3
    assert len(move.stored()) == 2
    assert len(move.audited()) == 1


def test_event_after_the_revocation_is_kept_for_a_decision(move: Move) -> None:
    before = move.seen()
    move.revoke()
    after = move.seen(now() + MINUTE)
    ack = move.deliver(before, after)
    assert [(one.seq, one.reason) for one in ack.refused] == [(2, "after_claim")]
    assert move.covered(ack) == [1, 2]
    assert [row.seq for row in move.stored()] == [1]
    assert [(row.seq, row.is_authentic) for row in move.quarantined()] == [(2, True)]


def test_repeat_of_what_is_in_quarantine_is_noted_once(move: Move) -> None:
    events = [move.seen(now() - MINUTE), move.seen(now() - MINUTE) | {"signature": "A" * 86 + "=="}]
    move.revoke()
    for _ in range(3):
        assert [one.reason for one in move.deliver(*events).refused] == ["bad_signature"]
    assert [entry.details["refused"] for entry in move.audited()] == [1]
    with move.database.reading() as db:
        progress = db.get_one(KioskProgress, uuid.UUID(move.former.kiosk_id))
    assert progress.refused == 1


def test_revoked_kiosk_itself_delivers_nothing_on_the_ordinary_way(move: Move) -> None:
    event = move.seen()
    move.revoke()
    answer = move.client.post("/api/v1/sync/events", content=move.former.batch([event]))
    assert parse_message(Ack, answer.content).refused[0].reason == "wrong_kiosk"
    assert move.stored() == []


def test_forged_event_is_refused_and_not_covered(move: Move) -> None:
    forged = SimulatedKiosk(kiosk_id=move.former.kiosk_id).event(now() - MINUTE)
    move.former.seq = 1
    ack = move.deliver(forged)
    assert [one.reason for one in ack.refused] == ["bad_signature"]
    assert move.covered(ack) == []
    assert not ack.covers(1)


def test_event_whose_number_another_device_took_since_is_stored_without_one(move: Move) -> None:
    first, unsent = move.seen(), move.seen()
    move.deliver(first)
    replaced = SimulatedKiosk(kiosk_id=move.former.kiosk_id)
    path = f"/kiosks/{move.former.kiosk_id}/claim-codes"
    code = move.room.post(path)["claim_code"]
    answer = TestClient(move.app).post(
        "/api/v1/devices/claim", content=replaced.claim_request(code).to_json(), headers=JSON
    )
    headers = {"Authorization": f"Device {answer.json()['device_token']}"}
    replaced.seq, replaced.head = 1, answer.json()["chain_head"]
    batch = replaced.batch([replaced.event(now())])
    TestClient(move.app, headers=headers).post("/api/v1/sync/events", content=batch)
    ack = move.deliver(unsent)
    assert (move.covered(ack), ack.refused, move.quarantined()) == ([1, 2], (), [])
    assert sorted(row.seq or 0 for row in move.stored()) == [0, 1, 2]


def test_late_events_of_a_former_device_are_no_sign_of_two_devices(move: Move) -> None:
    unsent = [move.seen(now() - MINUTE) for _ in range(6)]
    replaced = SimulatedKiosk(kiosk_id=move.former.kiosk_id)
    code = move.room.post(f"/kiosks/{replaced.kiosk_id}/claim-codes")["claim_code"]
    request = replaced.claim_request(code).to_json()
    answer = TestClient(move.app).post("/api/v1/devices/claim", content=request, headers=JSON)
    headers = {"Authorization": f"Device {answer.json()['device_token']}"}
    door = TestClient(move.app, headers=headers)
    for number in range(3):
        door.post("/api/v1/sync/events", content=replaced.batch([replaced.event(now())]))
        move.deliver(*unsent[number * 2 : number * 2 + 2])
    with move.database.reading() as db:
        progress = db.get_one(KioskProgress, uuid.UUID(replaced.kiosk_id))
    assert progress.forked_at is None


def test_identity_that_this_server_does_not_know_is_refused_as_such(move: Move) -> None:
    move.former.kiosk_id = str(uuid.uuid4())
    event = move.seen()
    ack = move.deliver(event)
    assert ([one.reason for one in ack.refused], move.covered(ack)) == (["unknown_kiosk"], [])


def test_who_delivered_is_kept(move: Move) -> None:
    events = [move.seen(now() - MINUTE) for _ in range(3)]
    move.revoke()
    move.deliver(*events)
    (entry,) = move.audited()
    assert entry.actor == f"kiosk:{move.present.kiosk_id}"
    assert entry.subject == f"kiosk:{move.former.kiosk_id}"
    assert {name: entry.details[name] for name in ("count", "stored", "from", "to")} == {
        "count": 3,
        "stored": 3,
        "from": 1,
        "to": 3,
    }


def test_events_with_impossible_numbers_are_refused_and_not_covered(move: Move) -> None:
    numbers: list[Any] = [2**80, -1, 0, "1", None, True, 1.5]
    ack = move.deliver(*(move.seen() | {"seq": seq} for seq in numbers))
    assert len(ack.refused) == len(numbers)
    assert move.covered(ack) == []


def test_body_that_is_no_batch_is_malformed_and_signed(move: Move) -> None:
    answers = [move.client.post(PATH, content=body) for body in (b"", b"{}", b"[" * 1000, b"\xff")]
    assert {answer.status_code for answer in answers} == {422}
    assert all(is_signed(answer, move.server_key, PATH) for answer in answers)


def test_only_a_claimed_kiosk_may_deliver(move: Move) -> None:
    batch = move.former.batch([move.seen()])
    assert TestClient(move.app).post(PATH, content=batch).status_code == 401
    move.room.post(f"/kiosks/{move.present.kiosk_id}/revoke")
    answer = move.client.post(PATH, content=batch)
    assert answer.json()["error"]["code"] == "revoked"
    assert move.stored() == []
