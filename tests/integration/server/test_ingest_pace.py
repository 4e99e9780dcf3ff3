"""A kiosk that floods the server over HTTP is asked to wait, and loses nothing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlmodel import col, select
from starlette.testclient import TestClient

from protocol.v1.fields import parse_message
from protocol.v1.messages import Ack, RawEvent, TooManyEvents
from server.attendance.pace import IngestPace
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.db.types import now
from server.web.principal import Role
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import JSON, Classroom
from tests.support.services import replace_services
from tests.support.signed_answers import WITH_NONCE, is_signed
from tests.unit.server.mqtt.test_pacing import Clock

if TYPE_CHECKING:
    import httpx2

    from server.db.engine import Database

EVENTS, EARLIER = "/api/v1/sync/events", "/api/v1/sync/earlier-events"


class Flood:
    """A claimed kiosk at a server that takes in two events a second after the first hundred."""

    def __init__(self, app: FastAPI, room: Classroom) -> None:
        self.app = app
        self.room = room
        self.clock = Clock()
        self.pace = IngestPace(2, 100, self.clock)
        replace_services(app, pace=self.pace)
        claimed = room.claim(TestClient(app))
        self.client = self.with_token(claimed.device_token)

    def with_token(self, token: str) -> TestClient:
        return TestClient(self.app, headers={"Authorization": f"Device {token}"} | WITH_NONCE)

    def recorded(self, count: int) -> list[RawEvent]:
        return [self.room.device.event(now(), person_id=self.room.person) for _ in range(count)]

    def send(self, events: Sequence[RawEvent], path: str = EVENTS) -> "httpx2.Response":
        return self.client.post(path, content=self.room.device.batch(list(events)))


@pytest.fixture
def flood(app: FastAPI, sign_in: SignIn) -> Flood:
    return Flood(app, Classroom(sign_in(Role.ADMIN)))


def stored(database: "Database") -> list[int | None]:
    with database.reading() as db:
        return [row.seq for row in db.exec(select(StoredEvent).order_by(col(StoredEvent.seq)))]


def refused_answers() -> float:
    return REGISTRY.get_sample_value("rollcall_ingest_paced_answers_total") or 0.0


@pytest.mark.parametrize("path", [EVENTS, EARLIER])
def test_kiosk_over_its_rate_is_asked_to_wait_and_nothing_is_taken_in(
    flood: Flood, database: "Database", path: str
) -> None:
    before = refused_answers()
    first, second = flood.recorded(100), flood.recorded(3)
    assert flood.send(first).status_code == 200
    flood.pace.spend(flood.room.device.kiosk_id, 9)  # as over MQTT
    answer = flood.send(second, path)
    said = answer.json()
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert answer.headers["content-type"] == "application/problem+json"
    assert said["error"]["code"] == "too_many_events"
    assert TooManyEvents.model_validate(said["error"]["details"]).retry_after_s == 5
    assert is_signed(answer, flood.room.server_key, path)
    assert stored(database) == list(range(1, 101))
    assert refused_answers() - before == 1
    with database.reading() as db:
        assert db.exec(select(QuarantinedEvent)).all() == []


def test_everything_arrives_once_the_kiosk_has_waited(flood: Flood, database: "Database") -> None:
    batches = [flood.recorded(60) for _ in range(8)]
    waited_s = 0.0
    answers: list[Any] = []
    while batches:
        answer = flood.send(batches[0])
        answers.append(answer.status_code)
        if answer.status_code == 200:
            ack = parse_message(Ack, answer.content)
            batches.pop(0)
        else:
            pause_s = int(answer.headers["Retry-After"])
            flood.clock.at_s += pause_s
            waited_s += pause_s
    assert ack.stored_through == 480
    assert stored(database) == list(range(1, 481))
    assert answers == [200, 200, *[429, 200] * 6]
    assert waited_s >= (480 - 100 - 60) / 2


def test_other_kiosks_are_not_held_up(flood: Flood) -> None:
    kiosk = flood.room.post("/kiosks", name="R13 door", room_id=flood.room.room)
    other = SimulatedKiosk(kiosk_id=kiosk["id"])
    request = other.claim_request(kiosk["claim_code"]).to_json()
    claimed = TestClient(flood.app).post("/api/v1/devices/claim", content=request, headers=JSON)
    calm = flood.with_token(claimed.json()["device_token"])
    flood.pace.spend(flood.room.device.kiosk_id, 1000)
    assert flood.send(flood.recorded(1)).status_code == 429
    assert calm.post(EVENTS, content=other.batch([other.event(now())])).status_code == 200


def test_a_kiosk_over_its_rate_may_do_everything_else(flood: Flood) -> None:
    flood.pace.spend(flood.room.device.kiosk_id, 1000)
    assert flood.client.get("/api/v1/sync/config").status_code == 200
    assert flood.client.get("/api/v1/sync/gallery?since=0").status_code == 200
    assert flood.client.get("/api/v1/sync/credentials").status_code == 200
