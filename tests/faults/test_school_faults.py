"""Faults of a whole school with real processes: no mark that a kiosk showed gets lost."""

import pytest

from tests.faults.conftest import Report
from tests.faults.school import proxy
from tests.faults.school.proxy import Misbehaviour
from tests.faults.school.world import World
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

_PORTALS = {
    "everything, wrong date": proxy.portal,
    "what is fetched": proxy.portal_on_get,
    "what is sent": proxy.portal_on_post,
    "unknown token": proxy.unknown_token,
}


def through_a_stranger(world: World, misbehave: Misbehaviour) -> None:
    """Let something else answer in the server's place for a while; the broker is away too."""
    kiosk, people = world.kiosk, world.people
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    world.school.broker.kill()
    world.proxy.misbehave = misbehave
    kiosk.sees(*people[1:4])
    answered = world.proxy.answered
    wait_until(lambda: world.proxy.answered > answered + 3, what="the stranger's answers")
    kiosk.cut_power()
    kiosk.start()
    kiosk.sees(people[4])
    world.proxy.misbehave = None
    world.school.start_broker()


@pytest.mark.slow_fault
@pytest.mark.parametrize("stranger", _PORTALS)
def test_stranger_that_answers_loses_nothing(running: World, stranger: str, report: Report) -> None:
    """Something else answers in the server's place, kiosk restarted."""
    through_a_stranger(running, _PORTALS[stranger])
    running.wait_stored(running.marks())
    outcome = running.settle()
    report(outcome)
    outcome.assert_kept()
    assert outcome.undecided == 0


@pytest.mark.slow_fault
def test_broker_and_kiosk_lose_power_together(running: World, report: Report) -> None:
    """Power loss of broker and kiosk."""
    kiosk, people = running.kiosk, running.people
    kiosk.sees(people[0])
    for person in people[1:4]:
        running.school.broker.kill()
        kiosk.sees(person)
        kiosk.cut_power()
        running.school.start_broker()
        kiosk.start()
    running.wait_stored(running.marks())
    outcome = running.settle()
    report(outcome)
    outcome.assert_kept()
    assert outcome.undecided == 0


@pytest.mark.slow_fault
def test_server_restored_from_an_older_backup_gets_everything_again(
    running: World, report: Report
) -> None:
    """Restore of an older server database."""
    kiosk, people = running.kiosk, running.people
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    running.back_up()
    kiosk.sees(*people[1:3])
    kiosk.wait_delivered()
    running.restore()
    kiosk.sees(people[3])
    running.wait_stored(running.marks())
    outcome = running.settle()
    report(outcome)
    outcome.assert_kept()
    assert outcome.undecided == 0


@pytest.mark.slow_fault
def test_both_halves_of_a_cloned_card_keep_their_marks(running: World, report: Report) -> None:
    """Cloned card, both kiosks go on."""
    kiosk, people = running.kiosk, running.people
    kiosk.sees(people[0])
    kiosk.wait_delivered()
    kiosk.stop()
    clone = kiosk.clone(running.folder / "clone", running.folder / "clone.jsonl")
    running.kiosks.append(clone)
    kiosk.start()
    kiosk.sees(people[1])
    kiosk.wait_delivered()
    kiosk.stop()
    clone.start()
    clone.sees(people[2])
    kiosk.start()
    kiosk.sees(people[3])
    clone.sees(people[4])
    running.wait_stored(running.marks())
    outcome = running.outcome()
    report(outcome)
    outcome.assert_kept()
