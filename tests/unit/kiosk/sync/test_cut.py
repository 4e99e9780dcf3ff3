"""The cut of the offline drill: nothing reaches the server, and it always ends."""

from datetime import UTC, datetime

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.errors import RefusedError, UnreachableError
from kiosk.sync.clock import SystemClock
from kiosk.sync.cut import LinkCut
from kiosk.sync.http import ServerClient
from protocol.v1.commissioning import CommissionDrill, sign_commissioning, unsigned_signature
from tests.fakes.kiosk_server import SchoolServer, serving
from tests.fakes.school import CLAIM, KIOSK_ID, SIGNING_KEY


def test_a_cut_ends_with_its_time_whatever_happens_to_its_caller() -> None:
    now_s = 100.0
    cut = LinkCut(lambda: now_s)
    assert not cut.is_on
    cut.begin(65)
    now_s += 64
    assert cut.is_on
    now_s += 1
    assert not cut.is_on
    cut.begin(65)
    cut.end()
    assert not cut.is_on


def test_calls_during_a_cut_reach_nobody_and_an_older_server_says_so_afterwards() -> None:
    unsigned = CommissionDrill(
        report_id="019ab0c0-0000-7000-8000-000000000001",
        kiosk_id=KIOSK_ID,
        made_at=datetime.now(UTC),
        signature=unsigned_signature(),
    )
    drill = sign_commissioning(unsigned, SIGNING_KEY)
    school = SchoolServer()
    with serving(school) as url:
        client = ServerClient(url, SystemClock())
        client.use_claim(CLAIM)
        client.cut.begin(60)
        with pytest.raises(UnreachableError):
            client.send_drill(drill)
        with pytest.raises(UnreachableError):
            client.config("")
        assert (school.config_hits, client.health) == ([], LinkHealth.DOWN)
        client.cut.end()
        with pytest.raises(RefusedError) as older:
            client.send_drill(drill)
        assert (older.value.status, client.health) == (404, LinkHealth.UP)
