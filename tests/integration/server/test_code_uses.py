"""One code of a phone at several kiosks: which use counts, and for how long that stays so."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select, update
from starlette.testclient import TestClient

from protocol.v1.messages import EventKind, EventMethod
from server.attendance.service import register_of
from server.credentials.tables import CodeUse
from server.credentials.tasks import CODES_KEPT, CredentialUpkeep
from server.db.engine import Database
from server.db.types import now
from server.web.state import services_of
from tests.integration.server.test_school_api import Classroom, classroom, device

pytestmark = pytest.mark.integration

__all__ = ["classroom", "device"]

CODE = "00112233445566778899"


class Doors:
    """Two kiosks that one student shows a phone to."""

    def __init__(self, room: Classroom, own: TestClient, app: FastAPI) -> None:
        self.room = room
        other = Classroom.__new__(Classroom)
        other.admin = room.admin
        other.kiosk = room.post("/kiosks", name="Other door", room_id=room.room)
        other.device = type(room.device)(kiosk_id=other.kiosk["id"])
        client = TestClient(app)
        client.headers["Authorization"] = f"Device {other.claim(client).device_token}"
        self._sides = [(other.device, client), (room.device, own)]

    def show(self, side: int, ago_s: float, **changed: Any) -> dict[str, Any]:
        """Show the phone; 0 is the other door, 1 that of the lesson."""
        wanted = {"method": EventMethod.QR, "code_id": CODE, "shown": "present"}
        return self.send(side, ago_s, **{"lesson_id": self.room.lesson} | wanted | changed)

    def send(self, side: int, ago_s: float, **wanted: Any) -> dict[str, Any]:
        device, client = self._sides[side]
        at = now() - timedelta(seconds=ago_s)
        event: dict[str, Any] = device.event(at, person_id=self.room.person, **wanted)
        answer = client.post("/api/v1/sync/events", content=device.batch([event]))
        assert answer.status_code == 200
        return event

    def line(self, database: Database) -> tuple[str, int]:
        """Status of the student, and how many uses are flagged as replays."""
        with database.reading() as db:
            [line] = register_of(db, uuid.UUID(self.room.lesson), at=now()).lines
        return line.mark.status.value, len(line.mark.replays)


@pytest.fixture
def doors(classroom: Classroom, device: TestClient, app: FastAPI) -> Doors:
    return Doors(classroom, device, app)


@pytest.mark.parametrize(
    "marks_nobody",
    [
        {"lesson_id": None, "shown": None},
        {"shown": None},  # check-in was closed
        {"lesson_id": str(uuid.UUID(int=7))},  # entered anew meanwhile
    ],
    ids=["wrong door", "closed", "lesson gone"],
)
def test_a_phone_that_marked_nobody_elsewhere_still_marks(
    doors: Doors, database: Database, marks_nobody: dict[str, Any]
) -> None:
    doors.show(0, 20, **marks_nobody)
    doors.show(1, 5)
    status, _flagged = doors.line(database)
    assert status == "present"


def test_a_use_that_was_taken_back_takes_no_other_mark(doors: Doors, database: Database) -> None:
    first = doors.show(0, 20)
    taken_back = {"kind": EventKind.NOT_ME, "refers_to": first["id"]}
    doors.send(0, 15, lesson_id=doors.room.lesson, method=EventMethod.QR, **taken_back)
    doors.show(1, 5)
    assert doors.line(database) == ("present", 0)


def test_a_flagged_replay_stays_flagged_when_old_codes_are_deleted(
    doors: Doors, database: Database, app: FastAPI
) -> None:
    doors.show(0, 20)
    doors.show(1, 5)
    doors.show(1, 3, code_id="99" * 10)
    before = doors.line(database)
    assert before == ("present", 1)
    with database.transaction() as db:
        old = now() - CODES_KEPT - timedelta(days=1)
        db.execute(update(CodeUse).values(received_at=old))
    CredentialUpkeep(database, services_of(app).vault).forget_codes()
    with database.reading() as db:
        assert {one.code_id for one in db.exec(select(CodeUse))} == {CODE}
    assert doors.line(database) == before


def test_today_says_that_a_code_was_used_twice(doors: Doors) -> None:
    today = doors.room.admin.get("/")
    assert "used at two kiosks" not in today.text
    doors.show(0, 20)
    doors.show(1, 5)
    today = doors.room.admin.get("/")
    assert "Codes of 1 student were used at two kiosks" in today.text
