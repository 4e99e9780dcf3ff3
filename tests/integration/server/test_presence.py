"""Who is online: the same answer on the kiosks page, in the API, on Today and in the metrics."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from protocol.v1.messages import Status
from server.db.types import now
from server.kiosks.presence import SILENT_AFTER
from server.kiosks.service import take_status
from server.kiosks.tables import Kiosk
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import METRICS_TOKEN, SignIn
from tests.integration.server.test_school_api import Classroom

if TYPE_CHECKING:
    from server.db.engine import Database


class Door:
    """A claimed kiosk, and what everybody says about it."""

    def __init__(self, app: FastAPI, classroom: Classroom) -> None:
        self.room = classroom
        self.database: Database = services_of(app).database
        token = classroom.claim(TestClient(app)).device_token
        self.client = TestClient(app, headers={"Authorization": f"Device {token}"})

    def row(self, db: object) -> Kiosk:
        return db.get_one(Kiosk, uuid.UUID(self.room.kiosk["id"]))  # type: ignore[attr-defined, no-any-return]

    def silent_since(self, at: datetime) -> None:
        with self.database.transaction() as db:
            self.row(db).last_seen_at = at

    def hear(self, status: Status, *, is_news: bool) -> None:
        with self.database.transaction() as db:
            take_status(db, self.row(db), status, now(), is_news=is_news)

    def answers(self) -> dict[str, bool]:
        """Say for each place whether it calls the kiosk online."""
        admin = self.room.admin
        admin.get("/metrics")
        return {
            "api": admin.get("/api/v1/kiosks").json()[0]["is_online"],
            "page": "tone-bad" not in admin.get("/kiosks").text,
            "today": "is not connected" not in admin.get("/").text,
            "metrics": REGISTRY.get_sample_value("rollcall_kiosks", {"state": "online"}) == 1,
        }


ONLINE = {"api": True, "page": True, "today": True, "metrics": True}
OFFLINE = dict.fromkeys(ONLINE, False)


@pytest.fixture
def database_kind() -> str:
    """Run these on SQLite alone: what they test does not differ between databases."""
    return "sqlite"


@pytest.fixture
def door(app: FastAPI, sign_in: SignIn) -> Door:
    return Door(app, Classroom(sign_in(Role.ADMIN)))


def test_claimed_kiosk_is_online_until_it_is_silent_for_too_long(door: Door) -> None:
    assert door.answers() == ONLINE
    door.silent_since(now() - SILENT_AFTER)
    assert door.answers() == OFFLINE


def test_kiosk_that_lost_power_together_with_the_broker_goes_offline(door: Door) -> None:
    door.hear(Status(online=True), is_news=True)
    door.silent_since(now() - SILENT_AFTER)  # no last will ever comes
    assert door.answers() == OFFLINE


def test_status_that_the_broker_kept_proves_nothing(door: Door) -> None:
    door.hear(Status(online=False), is_news=False)
    assert door.answers() == ONLINE
    door.silent_since(now() - timedelta(days=1))
    door.hear(Status(online=True), is_news=False)
    assert door.answers() == OFFLINE


def _request(door: Door) -> None:
    assert door.client.get("/api/v1/sync/config").status_code == 200


def _status(door: Door) -> None:
    door.hear(Status(online=True), is_news=True)


@pytest.mark.parametrize("heartbeat", [_request, _status])
def test_heartbeat_over_http_or_mqtt_brings_it_back(
    door: Door, heartbeat: Callable[[Door], None]
) -> None:
    door.silent_since(now() - timedelta(days=1))
    door.hear(Status(online=False), is_news=True)
    assert door.answers() == OFFLINE
    heartbeat(door)
    assert door.answers() == ONLINE


def test_kiosk_without_a_broker_stays_online_by_its_requests(door: Door) -> None:
    door.hear(Status(online=False), is_news=True)  # the last will: the broker is away
    _request(door)
    assert door.answers() == ONLINE


def test_metrics_answer_while_the_database_is_down(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reading() -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    door.answers()
    monkeypatch.setattr(door.database, "reading", reading)
    token = {"Authorization": f"Bearer {METRICS_TOKEN}"}
    assert door.client.get("/metrics", headers=token).status_code == 200
    assert REGISTRY.get_sample_value("rollcall_kiosks", {"state": "online"}) is None
