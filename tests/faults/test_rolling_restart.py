"""Two servers behind nginx are restarted in turn while people and kiosks use them."""

from pathlib import Path

import pytest

from tests.faults.conftest import Report
from tests.faults.school.replicas import (
    Browser,
    Visitors,
    add_kiosk,
    replicas,
    signed_in,
    wait_for_more,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
BROWSERS, ROUNDS, ANSWERS_BETWEEN = 3, 3, 10


@pytest.mark.slow_fault
@pytest.mark.parametrize("kept_in", ["postgresql"], indirect=True)
def test_restart_of_two_servers_in_turn_fails_no_request_and_loses_no_mark(
    tmp_path: Path, migrated_postgres_url: str, monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    """Two servers behind nginx with TLS, each restarted three times under load."""
    with replicas(tmp_path, migrated_postgres_url) as found:
        world, url = found.world, found.world.school.url
        monkeypatch.setenv("ROLLCALL_KIOSK_SERVER_CA", str(found.authority))
        kiosks = [world.kiosk.start(), add_kiosk(found).start()]
        browsers = [Browser(url, found.authority) for _ in range(BROWSERS)]
        for browser in browsers:
            browser.start()
        visitors = [Visitors(kiosk, world.people) for kiosk in kiosks]
        for _ in range(ROUNDS):
            for server in found.servers:
                wait_for_more(browsers, ANSWERS_BETWEEN)
                server.restart()
        wait_for_more(browsers, ANSWERS_BETWEEN)
        for visitor in visitors:
            visitor.stop()
        for browser in browsers:
            browser.stop()

        assert [words for browser in browsers for words in browser.failed] == []
        rooms = _room_names(found.authority, url)
        assert all(rooms.count(name) == 1 for browser in browsers for name in browser.added)
        assert len(rooms) == 1 + sum(len(browser.added) for browser in browsers)
        for kiosk in kiosks:
            kiosk.wait_delivered()
        world.wait_stored(world.marks())
        outcome = world.settle()
        report(outcome)
        outcome.assert_kept()
        assert (outcome.undecided, outcome.in_register) == (0, outcome.recorded)


def _room_names(authority: Path, url: str) -> list[str]:
    """Return the names of all rooms."""
    answer = signed_in(url, authority).get(f"{url}/api/v1/rooms", timeout=60)
    answer.raise_for_status()
    return [one["name"] for one in answer.json()]
