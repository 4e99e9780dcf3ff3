"""Faults of one kiosk with real processes: its card is damaged, its clock is wrong."""

import sqlite3
from contextlib import closing

import pytest

from tests.faults.conftest import Report
from tests.faults.school.world import World, damage

pytestmark = [pytest.mark.integration, pytest.mark.slow_fault, pytest.mark.timeout(900)]

_DAY_S = 86_400
#: A little more than the time since then, so that the clock says 1970.
_SINCE_1970_S = 1_795_000_000
_SHIFTS = {"one day behind": -_DAY_S, "three hours ahead": 3 * 3600, "1970": -_SINCE_1970_S}
_AFTER_A_GAP = 60_000


def test_marks_in_a_damaged_outbox_are_kept_or_undecided(running: World, report: Report) -> None:
    """Damaged outbox."""
    kiosk, people = running.kiosk, running.people
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    running.school.server.kill()
    running.school.broker.kill()
    kiosk.ask("many 200")
    kiosk.cut_power()
    outbox = kiosk.folder / "outbox.db"
    with closing(sqlite3.connect(outbox)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = outbox.stat().st_size
    damage(outbox, range(size // 3, 2 * size // 3, 4096))
    running.school.start_broker()
    running.school.start_server()
    kiosk.start()
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    outcome = running.settle()
    report(outcome)
    outcome.assert_kept()


@pytest.mark.parametrize("shift", _SHIFTS)
def test_marks_of_a_kiosk_with_a_wrong_clock_are_kept(
    shifted: World, shift: str, report: Report
) -> None:
    """Wrong clock, restarted without the server, then with it."""
    kiosk, people = shifted.kiosk, shifted.people
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    kiosk.cut_power()
    shifted.school.server.kill()
    shifted.school.broker.kill()
    kiosk.start(shift_s=_SHIFTS[shift])
    kiosk.sees(*people[1:3])
    kiosk.cut_power()
    shifted.school.start_broker()
    shifted.school.start_server()
    kiosk.start(shift_s=_SHIFTS[shift])
    kiosk.sees(people[3])
    kiosk.wait_delivered()
    outcome = shifted.settle()
    report(outcome)
    outcome.assert_kept()


@pytest.mark.timeout(5400)
def test_sixty_thousand_events_follow_a_gap(running: World, report: Report) -> None:
    """60,000 events after a gap."""
    kiosk, people = running.kiosk, running.people
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    running.school.server.kill()
    running.school.broker.kill()
    kiosk.sees(people[1], people[2])
    kiosk.cut_power()
    with closing(sqlite3.connect(kiosk.folder / "outbox.db")) as db:
        db.execute("DELETE FROM event WHERE seq = 2")
        db.commit()
    running.school.start_broker()
    # At the usual pace of one kiosk this takes 20 minutes, of which most is waiting.
    server = running.school.server
    server.env = {**server.env, "ROLLCALL_SERVER_INGEST_BURST": str(2 * _AFTER_A_GAP)}
    running.school.start_server()
    kiosk.start()
    kiosk.ask(f"many {_AFTER_A_GAP}")
    kiosk.wait_delivered(timeout_s=2400)
    outcome = running.settle()
    report(outcome)
    outcome.assert_kept()
