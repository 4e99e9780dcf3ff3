"""A student comes and leaves early by the button: real server, broker, storage and attendant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.domain.screens import Welcome
from kiosk.domain.sightings import Recognition, Sighting
from protocol.v1.messages import Direction
from tests.integration.kiosk.bare_door import Door
from tests.integration.kiosk.real_school import RealSchool, real_school
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration


@pytest.fixture
def school(tmp_path: Path) -> Iterator[RealSchool]:
    """A school that asks who leaves, and a lesson that begins under this policy."""
    with real_school(tmp_path, students=1) as school:
        form = {"version": "0", "direction": "ask", "leaving_from_min": "10"}
        school.http.post(f"{school.url}/policy", data=form, timeout=30).raise_for_status()
        course = school.post("/courses", {"code": "CHE-9", "title": "Chemistry"})["id"]
        school.people = [school._admit(course, 7)]
        room = school.post("/rooms", {"name": "R13"})["id"]
        starts_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
        body = {
            "course_id": course,
            "room_id": room,
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(minutes=40)).isoformat(),
        }
        school.lesson_id = school.post("/lessons", body)["id"]
        kiosk = school.post("/kiosks", {"name": "Door of R13", "room_id": room})
        school.kiosk_id, school.claim_code = kiosk["id"], kiosk["claim_code"]
        yield school


def test_one_who_leaves_early_by_the_button_is_in_the_register_so(
    school: RealSchool, tmp_path: Path
) -> None:
    [person] = school.people
    door = Door(school, tmp_path / "kiosk")
    door.wait_ready()
    door.wait_link()
    lesson = door.device.roster.timetable.lesson(school.lesson_id)
    assert lesson is not None
    wait_until(lambda: datetime.now(UTC) > lesson.starts_at, what="the start of the lesson")
    attendant = door.device.attendant()
    found = Recognition(person, 0.3, 0.2, 0.5, 0.9, "dlib-resnet-v1")

    came = attendant.handle(Sighting.recognised(1, door.clock.monotonic_s(), found))
    # The next person at the door is another track, and a result stays while it is read.
    again = attendant.handle(Sighting.recognised(1, door.clock.monotonic_s(), found))
    wait_until(
        lambda: (
            isinstance(
                attendant.handle(Sighting.recognised(2, door.clock.monotonic_s(), found)), Welcome
            )
            and attendant.screen != came
        ),
        what="the second answer",
    )
    school.server.kill()
    offered = attendant.screen
    assert isinstance(offered, Welcome)
    goodbye = attendant.change_direction(offered.answer_id)
    waiting = door.device.outbox.waiting
    school.start_server()
    door.wait_delivered()
    door.device.stop()

    assert isinstance(came, Welcome)
    assert isinstance(goodbye, Welcome)
    assert came == again
    assert (came.direction, offered.offers) == (Direction.IN, Direction.OUT)
    assert (goodbye.direction, goodbye.offers) == (Direction.OUT, Direction.IN)
    assert waiting >= 1
    [row] = school.get(f"/lessons/{school.lesson_id}/register")["rows"]
    assert (row["status"], row["left_early_min"]) == ("present", 39)
    assert datetime.fromisoformat(row["left_at"]) > lesson.starts_at
    page = school.http.get(f"{school.url}/lessons/{school.lesson_id}", timeout=30).text
    assert "39 min early" in page
    line = school.http.get(f"{school.url}/lessons/{school.lesson_id}/people/{person}", timeout=30)
    assert "39 min early" in line.text
