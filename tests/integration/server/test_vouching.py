"""What a register says of a second factor and of the teacher whose word it was."""

import uuid
from typing import Any

import pytest
from starlette.testclient import TestClient

from protocol.v1.messages import EventKind, EventMethod
from server.db.types import now
from tests.integration.server.test_school_api import Classroom, classroom, device

pytestmark = pytest.mark.integration
__all__ = ["classroom", "device"]


def line_after(room: Classroom, client: TestClient, **event: Any) -> dict[str, Any]:
    made = room.device.event(now(), person_id=room.person, lesson_id=room.lesson, **event)
    answer = client.post("/api/v1/sync/events", content=room.device.batch([made]))
    assert answer.status_code == 200
    register = room.admin.get(f"/api/v1/lessons/{room.lesson}/register").json()
    [line] = [one for one in register["rows"] if one["person_id"] == room.person]
    found: dict[str, Any] = line
    return found


def test_the_line_names_the_second_factor(classroom: Classroom, device: TestClient) -> None:
    line = line_after(classroom, device, second=EventMethod.PIN)
    assert (line["status"], line["second_factor"], line["teacher"]) == ("present", "pin", None)


def test_the_line_names_the_teacher(classroom: Classroom, device: TestClient) -> None:
    said = {"kind": EventKind.ROLL_CALL, "method": EventMethod.TEACHER, "shown": "late"}
    teacher = classroom.admin.get("/api/v1/accounts").json()[0]
    line = line_after(classroom, device, by=teacher["id"], **said)
    assert (line["status"], line["second_factor"]) == ("late", None)
    assert line["teacher"] == teacher["display_name"]


@pytest.mark.parametrize("by", [str(uuid.UUID(int=5)), "nobody"])
def test_an_account_that_is_not_known_has_no_name(
    classroom: Classroom, device: TestClient, by: str
) -> None:
    said = {"kind": EventKind.ROLL_CALL, "method": EventMethod.TEACHER, "shown": "present"}
    line = line_after(classroom, device, by=by, **said)
    assert line["teacher"] is None
