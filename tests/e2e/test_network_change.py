"""A school that kept no photos changes its network: the door makes the templates it needs.

Nothing is simulated but the clocks: server, ML service, broker and kiosk are processes, dlib's
network and SFace are the installed files, and the kiosk sees people on film.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from models.pipeline import FacePipeline, PipelineSettings
from models.store import default_store
from protocol.v1.messages import EventKind
from server.attendance.tables import StoredEvent
from tests.support.clips import frames_of, jpeg, nearer, write_door
from tests.support.school_days import SchoolDays, school_days
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(420), pytest.mark.usefixtures("assets")]

wait_for = partial(wait_until, timeout_s=90)
OLD, NEW = "dlib-resnet-v1", "sface-2021dec"
ENROLLED = ("again", "school")
"""Of the people on film these two resemble each other least. Look-alikes give no templates."""
POLICY = {
    "attendance": {"duplicate_window_s": 0},
    "kiosk": {"liveness": "passive", "not_me_s": 0},
    "enrolment": {"keep_photos": False},
}


@pytest.fixture
def days(tmp_path: Path, sface_assets: Path, shared_faces: Path) -> Iterator[SchoolDays]:
    """A school with dlib's network, and two people with three photos each, not kept."""
    pipeline = FacePipeline.open(default_store(), PipelineSettings(embedder=OLD))
    with school_days(tmp_path, sface_assets, embedder=OLD, students=len(ENROLLED)) as running:
        running.set_policy(POLICY)
        running.plan(days=3)
        for person_id, clip in zip(running.school.people, ENROLLED, strict=True):
            film = frames_of(shared_faces / "clips" / f"{clip}.mkv")
            near = nearer(film, pipeline)
            running.enrol(person_id, [jpeg(frame) for frame in near[::6]], wanted=3)
        yield running


def test_live_scans_of_two_days_carry_a_school_over_to_the_next_network(
    days: SchoolDays, tmp_path: Path, shared_faces: Path
) -> None:
    def film(*clips: str) -> Path:
        paths = [shared_faces / "clips" / f"{clip}.mkv" for clip in clips]
        return write_door(tmp_path / f"{'-'.join(clips)}.avi", paths)

    comes_twice, comes_once = days.school.people
    days.submit("/models/change", next=NEW, collects_scans="true", wanted_percent="50")

    days.open_door(film("student", "walk", "hungry"))
    first = sorted([(comes_twice, 0), (comes_once, 0)])
    wait_for(lambda: days.waiting() == first, what="a scan of each, and of no stranger")

    days.next_day()
    days.open_door(film("yes"))
    both = sorted([*first, (comes_twice, 1)])
    wait_for(lambda: days.waiting() == both, what="a scan of the second day")
    assert days.templates(NEW) == []

    days.next_day()
    days.open_door(film("help"))
    wait_for(lambda: coverage(days) == (1, 2, True), what="coverage of one of two")
    assert "1 of 2 students can be recognised with the next network." in days.page("/models")
    assert days.templates(NEW) == [comes_twice, comes_twice]
    assert decided_by(days) == {OLD}

    days.submit("/models/change/switch", model_id=NEW)
    wait_for(lambda: NEW in decided_by(days), what="a mark by the next network")
    assert days.kiosk.log.count("The door is open") == days.day + 1
    assert {str(one.person_id) for one in days.events() if network_of(one) == NEW} == {comes_twice}
    assert "S1" in days.page("/people/coverage?cover=renew")
    assert days.page("/models/missing.csv").splitlines()[1:] == ["S1,Family1,Given1"]


def coverage(days: SchoolDays) -> tuple[int, int, bool]:
    """How many of all people the next network can recognise, and whether that is enough."""
    change = days.school.get("/networks")["change"]
    (course,) = change["classes"]
    assert (course["covered"], course["people"]) == (change["covered"], change["people"])
    return change["covered"], change["people"], change["may_switch"]


def decided_by(days: SchoolDays) -> set[str | None]:
    """The networks that made marks; each mark is of a face that was found live."""
    marks = [one for one in days.events() if one.kind == EventKind.SEEN]
    assert {json.loads(one.body)["liveness"]["verdict"] for one in marks} == {"live"}
    return {network_of(one) for one in marks}


def network_of(event: StoredEvent) -> str | None:
    """The network that an event says it was decided by."""
    found: str | None = json.loads(event.body).get("model_id")
    return found
