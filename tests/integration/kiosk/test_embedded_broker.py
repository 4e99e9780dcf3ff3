"""The kiosk's way through the broker that comes in the box, where Mosquitto is not installed."""

from pathlib import Path

import pytest

from tests.integration.kiosk.bare_door import ACK_DEADLINE_S, Door
from tests.integration.kiosk.real_school import real_school

pytestmark = pytest.mark.integration


def test_events_go_through_the_embedded_broker_and_survive_its_death(tmp_path: Path) -> None:
    with real_school(tmp_path, students=2, broker="embedded") as school:
        door = Door(school, tmp_path / "kiosk")
        door.wait_ready()
        door.wait_link()
        door.sees(school.people[0])
        took_s = door.wait_delivered()
        school.broker.kill()
        door.sees(school.people[1])
        door.wait_delivered()
        school.start_broker()
        door.wait_link()
        present = school.present()
        door.device.stop()

    assert took_s < ACK_DEADLINE_S / 2
    assert present == set(school.people)
