"""The kiosk's storage and sync against the real server and a real broker, through their deaths."""

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.app.device import Device, DeviceHooks, Identity
from kiosk.app.onboarding import Onboarding, server_client
from kiosk.config import Settings
from kiosk.domain.events import EventDraft, EventKind, Evidence
from kiosk.domain.health import LinkHealth
from kiosk.storage.identity import IdentityStore
from kiosk.sync.clock import SystemClock
from tests.integration.kiosk.real_school import RealSchool, real_school
from tests.support.processes import BIN
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

KIOSK = str(BIN / "rollcall-kiosk")


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSchool]:
    with real_school(tmp_path_factory.mktemp("school"), students=8) as school:
        yield school


class Door:
    """A kiosk without camera and screen: claimed, syncing, and told whom it sees."""

    def __init__(self, school: RealSchool, folder: Path) -> None:
        self.clock = SystemClock()
        self.settings = Settings(
            data_dir=folder,
            server_url=school.url,
            sync_interval_s=1,
            status_interval_s=1,
            ack_deadline_s=2,
            retry_max_s=1,
        )
        self.revoked = threading.Event()
        self.device = self._claimed(school.claim_code)
        self.device.start()

    def _claimed(self, code: str) -> Device:
        store = IdentityStore(self.settings.data_dir / "identity")
        client = server_client(self.settings, self.clock)
        onboarding = Onboarding(
            store,
            client,
            retry_max_s=1,
            stop=threading.Event(),
            on_stage=lambda _stage: None,
        )
        claim = onboarding.wait_for_claim(store.keys(), code)
        assert claim is not None
        hooks = DeviceHooks(lambda _timetable: None, self.revoked.set, lambda: None)
        return Device(self.settings, Identity(claim, store.keys()), client, self.clock, hooks)

    def sees(self, person_id: str) -> None:
        lesson = self.device.roster.timetable.lessons[0]
        evidence = Evidence(0.3, 0.2, 0.5, 0.9, "dlib-resnet-v1")
        reading = self.clock.reading()
        draft = EventDraft(EventKind.SEEN, reading, lesson.id, person_id, 0, evidence)
        self.device.watched.append(draft)

    def wait_ready(self) -> None:
        wait_until(lambda: self.device.has_configuration, what="the configuration")

    def wait_link(self) -> None:
        link = self.device.link
        assert link is not None
        wait_until(lambda: link.health is LinkHealth.UP, what="the broker")

    def wait_delivered(self) -> None:
        wait_until(lambda: self.device.outbox.waiting == 0, what="delivery", timeout_s=40)


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
    assert timetable.lessons[0].id == school.session_id
    assert timetable.lessons[0].roster == set(school.people)
    assert timetable.short_name(school.people[0]).startswith("Given0 F")


def test_clock_is_measured_against_the_server(door: Door) -> None:
    offset_ms = door.clock.reading().offset_ms

    assert offset_ms is not None
    assert abs(offset_ms) < 1500


def test_event_goes_through_the_broker_into_the_register(door: Door, school: RealSchool) -> None:
    door.sees(school.people[0])
    door.wait_delivered()

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
    door.device.stop()
    before = door.device.outbox
    again = Door(school, door.settings.data_dir)
    again.sees(school.people[6])
    again.wait_delivered()
    door.device = again.device
    door.revoked = again.revoked

    assert before is not again.device.outbox
    assert again.device.outbox.refused == 0
    assert school.people[6] in school.present()


def test_status_command_says_what_this_kiosk_is(door: Door) -> None:
    env = {"ROLLCALL_KIOSK_DATA_DIR": str(door.settings.data_dir)}
    said = subprocess.run([KIOSK, "status"], env=env, capture_output=True, text=True, check=True)

    assert "in room R12" in said.stdout
    assert "0 waiting, 0 refused" in said.stdout


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
