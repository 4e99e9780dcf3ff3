"""Two servers on one Mosquitto and one PostgreSQL are killed by turns while kiosks record."""

from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.faults.school.replicas import Visitors, add_kiosk, replicas
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
ROUNDS, MARKS_BETWEEN = 2, 8


@pytest.mark.slow_fault
@pytest.mark.parametrize("kept_in", ["postgresql"], indirect=True)
def test_servers_killed_by_turns_store_each_mark_once(
    tmp_path: Path, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    """Two servers on one Mosquitto, each killed twice while kiosks record."""
    with replicas(tmp_path, migrated_postgres_url) as found:
        world = found.world
        monkeypatch.setenv("ROLLCALL_KIOSK_SERVER_CA", str(found.authority))
        kiosks = [world.kiosk.start(), add_kiosk(found).start()]
        visitors = [Visitors(kiosk, world.people) for kiosk in kiosks]

        def wait_for_marks() -> None:
            """Wait until both kiosks recorded some more, with both servers at work."""
            wanted = [(kiosk, len(kiosk.marks()) + MARKS_BETWEEN) for kiosk in kiosks]
            wait_until(
                lambda: all(len(kiosk.marks()) >= least for kiosk, least in wanted),
                what="more marks",
                timeout_s=120,
            )

        for _ in range(ROUNDS):
            for server in found.servers:
                wait_for_marks()
                server.process.kill()
                wait_for_marks()
                server.start()
        wait_for_marks()
        for visitor in visitors:
            visitor.stop()
        for kiosk in kiosks:
            kiosk.wait_delivered()
        world.wait_stored(world.marks())
        outcome = world.settle()
        report(outcome)
        outcome.assert_kept()
        assert (outcome.undecided, outcome.in_register) == (0, outcome.recorded)
