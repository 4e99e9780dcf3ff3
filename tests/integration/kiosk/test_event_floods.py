"""A real kiosk with more events than a real server takes in at once: all of them arrive."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.errors import PacedError
from kiosk.sync import http
from protocol.v1.messages import EventBatch
from tests.integration.kiosk.bare_door import Door
from tests.integration.kiosk.real_school import RealSchool, real_school
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

OpenSchool = Callable[[float], RealSchool]
EVENTS = 450
_FEW = 10


@pytest.fixture(params=["sqlite", "postgresql"])
def open_school(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenSchool]:
    """Start a school that takes in a hundred events of a kiosk, and then so many a second."""
    env = {"ROLLCALL_SERVER_INGEST_BURST": "100"}
    if request.param == "postgresql":
        env["ROLLCALL_SERVER_DATABASE_URL"] = request.getfixturevalue("postgres_url")
    folder = tmp_path / "school"
    folder.mkdir()
    with ExitStack() as running:

        def start(rate: float) -> RealSchool:
            extra = env | {"ROLLCALL_SERVER_INGEST_RATE": str(rate)}
            return running.enter_context(real_school(folder, students=1, extra_env=extra))

        yield start


@pytest.fixture(params=["this version", "an older version"])
def kiosk_version(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the kiosk reads a 429. Older ones know the status alone: try again later."""
    version: str = request.param
    if version == "an older version":
        monkeypatch.setattr(http, "_paced", lambda _answer: None)
    return version


@pytest.mark.timeout(300)
def test_a_flood_over_http_loses_nothing(
    open_school: OpenSchool, kiosk_version: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    school = open_school(50.0)
    school.broker.kill()
    with caplog.at_level(logging.DEBUG, "kiosk.sync"):
        door = Door(school, tmp_path / "kiosk")
        try:
            door.wait_ready()
            for _ in range(EVENTS):
                door.sees(school.people[0])
            door.wait_delivered()
            health, outbox = door.device.client.health, door.device.outbox
        finally:
            door.device.stop()

    told = {"this version": "asks to send again in", "an older version": "status 429"}
    assert told[kiosk_version] in caplog.text, "it was over its rate"
    assert "server cannot be reached" not in caplog.text
    assert health is LinkHealth.UP
    assert (outbox.waiting, outbox.refused) == (0, 0)
    assert school.get(f"/kiosks/{school.kiosk_id}")["stored_through"] == EVENTS
    assert school.get("/quarantine")["events"] == []


@pytest.mark.timeout(300)
def test_what_came_over_mqtt_counts_over_http(open_school: OpenSchool, tmp_path: Path) -> None:
    school = open_school(1.0)
    door = Door(school, tmp_path / "kiosk")
    try:
        door.wait_ready()
        door.wait_link()
        for _ in range(EVENTS):
            door.sees(school.people[0])
        wait_until(lambda: door.device.outbox.waiting <= EVENTS - 101, what="more than its burst")
        asked = [_asked_to_wait_s(door, school) for _ in range(_FEW)]
    finally:
        door.device.stop()

    assert max(asked) >= 1, "a few empty batches alone are far from its burst"


def _asked_to_wait_s(door: Door, school: RealSchool) -> int:
    """Send an empty batch over HTTP; return how long the server asks to wait, 0: it took it."""
    try:
        door.device.client.send_events(EventBatch(kiosk_id=school.kiosk_id, events=()))
    except PacedError as exc:
        return exc.retry_after_s
    return 0
