"""The kiosk's storage and sync against the real server and a real broker, through their deaths."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.domain.screens import Welcome
from protocol.v1.messages import LivenessLevel
from tests.integration.kiosk.bare_door import ACK_DEADLINE_S, Door
from tests.integration.kiosk.real_school import RealSchool, real_school
from tests.support.processes import BIN
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

KIOSK = str(BIN / "rollcall-kiosk")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSchool]:
    with real_school(tmp_path_factory.mktemp("school"), students=8) as school:
        yield school


@pytest.fixture(scope="module")
def door(school: RealSchool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    door = Door(school, tmp_path_factory.mktemp("kiosk"))
    door.wait_ready()
    door.wait_link()
    yield door
    door.device.stop()


def test_configuration_names_room_lesson_and_people(door: Door, school: RealSchool) -> None:
    timetable = door.device.roster.timetable

    assert timetable.room_name == "R12"
    assert timetable.lessons[0].id == school.lesson_id
    assert timetable.lessons[0].roster == set(school.people)
    assert timetable.short_name(school.people[0]).startswith("Given0 F")


def test_a_policy_saved_on_its_page_reaches_the_kiosk_while_it_runs(
    door: Door, school: RealSchool
) -> None:
    form = {"version": "0", "roster_fpir": "0.001", "limit_ceiling": "0.41", "liveness": "active"}
    saved = school.http.post(f"{school.url}/policy", data=form, timeout=30)
    timetable = door.device.roster

    wait_until(lambda: timetable.timetable.match_rules.ceiling == 0.41, what="the new policy")

    assert saved.ok
    rules = timetable.timetable.match_rules
    assert (rules.roster_fpir, rules.liveness) == (0.001, LivenessLevel.ACTIVE)


def test_clock_is_measured_against_the_server(door: Door) -> None:
    offset_ms = door.clock.reading().offset_ms

    assert offset_ms is not None
    assert abs(offset_ms) < 1500


def test_event_goes_through_the_broker_into_the_register(door: Door, school: RealSchool) -> None:
    door.sees(school.people[0])
    took_s = door.wait_delivered()

    assert took_s < ACK_DEADLINE_S / 2
    assert school.people[0] in school.present()
    assert door.device.outbox.refused == 0


def test_events_go_over_http_while_the_broker_is_dead(door: Door, school: RealSchool) -> None:
    school.broker.kill()
    door.sees(school.people[1])
    door.wait_delivered()
    present = school.present()
    school.start_broker()
    door.wait_link()

    assert school.people[1] in present


def test_every_event_arrives_once_after_the_server_was_killed(
    door: Door, school: RealSchool
) -> None:
    school.server.kill()
    for person in school.people[2:5]:
        door.sees(person)
    waiting = door.device.outbox.waiting
    school.start_server()
    door.wait_delivered()

    assert waiting == 3
    assert set(school.people[2:5]) <= school.present()
    assert door.device.outbox.refused == 0


def test_events_recorded_while_everything_is_dead_arrive_when_it_is_back(
    door: Door, school: RealSchool
) -> None:
    school.server.kill()
    school.broker.kill()
    door.sees(school.people[5])
    school.start_broker()
    school.start_server()
    door.wait_delivered()

    assert school.people[5] in school.present()


def test_restarted_kiosk_goes_on_with_its_chain_and_needs_no_code(
    door: Door, school: RealSchool
) -> None:
    first = door.greets(school.people[7])
    door.device.stop()
    before = door.device.outbox
    again = Door(school, door.settings.data_dir)
    repeat = again.greets(school.people[7])
    again.sees(school.people[6])
    again.wait_delivered()
    door.device = again.device
    door.revoked = again.revoked

    assert isinstance(first, Welcome)
    assert isinstance(repeat, Welcome)
    assert (first.already_marked, repeat.already_marked) == (False, True)
    assert (repeat.status, repeat.late_min) == (first.status, first.late_min)
    assert before is not again.device.outbox
    assert again.device.outbox.refused == 0
    assert {school.people[6], school.people[7]} <= school.present()


def test_status_command_says_what_this_kiosk_is(door: Door) -> None:
    env = {"ROLLCALL_KIOSK_DATA_DIR": str(door.settings.data_dir)}
    said = subprocess.run([KIOSK, "status"], env=env, capture_output=True, text=True, check=True)

    assert "in room R12" in said.stdout
    assert " 0 waiting," in said.stdout
    assert " 0 refused by the server" in said.stdout


def test_used_claim_code_is_refused_in_one_sentence(school: RealSchool, tmp_path: Path) -> None:
    env = {
        "ROLLCALL_KIOSK_DATA_DIR": str(tmp_path),
        "ROLLCALL_KIOSK_SERVER_URL": school.url,
    }
    code = school.claim_code
    said = subprocess.run(
        [KIOSK, "claim", "--code", code], env=env, capture_output=True, text=True, check=False
    )

    assert said.returncode == 1
    assert "refused the code" in said.stdout


def test_revoked_kiosk_hears_of_it(door: Door, school: RealSchool) -> None:
    school.post(f"/kiosks/{school.kiosk_id}/revoke", {})

    assert door.revoked.wait(20)
