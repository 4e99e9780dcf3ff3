"""Whatever happens at the doors: no template comes from one day only, or without a live face."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from server.db.types import now
from server.ml.encoder import GalleryFindings
from tests.integration.school.conftest import School
from tests.support.scanning import SAME, ScanDesk

pytestmark = [
    pytest.mark.integration,
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]


@dataclass(frozen=True)
class Visit:
    """One person before the kiosk: when, how live, how clear, and whether they said "not me"."""

    days_ago: int
    verdict: str | None = "live"
    distance: float = 0.3
    is_taken_back: bool = False

    @property
    def counts(self) -> bool:
        return self.verdict == "live" and self.distance <= 0.39 and not self.is_taken_back


VISITS = st.builds(
    Visit,
    days_ago=st.integers(1, 4),
    verdict=st.sampled_from(["live", "live", "live", "undecided", "attack", None]),
    distance=st.sampled_from([0.3, 0.39, 0.4]),
    is_taken_back=st.sampled_from([False, False, False, True]),
)


@pytest.fixture
def desk(school: School) -> ScanDesk:
    """One for all examples: each example has its own person."""
    return ScanDesk.open(school)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(visits=st.lists(VISITS, max_size=6), agrees=st.booleans())
@example(visits=[Visit(2), Visit(2)], agrees=True)
@example(visits=[Visit(3), Visit(2, verdict="undecided")], agrees=True)
@example(visits=[Visit(3), Visit(2, is_taken_back=True)], agrees=True)
@example(visits=[Visit(3), Visit(2)], agrees=False)
@example(visits=[Visit(3), Visit(2)], agrees=True)
def test_templates_come_of_two_live_days_that_agree_and_of_nothing_else(
    desk: ScanDesk, visits: list[Visit], agrees: bool
) -> None:
    person_id = desk.enrolled()
    for visit in visits:
        at = now() - timedelta(days=visit.days_ago)
        event = desk.seen(person_id, at, verdict=visit.verdict)
        desk.hand_over(desk.scan(event, distance=visit.distance))
        if visit.is_taken_back:
            desk.not_me(event)
    desk.synced()
    desk.encoder.findings = SAME if agrees else GalleryFindings({})
    desk.work()
    made = [one for one in desk.made() if one.person_id == person_id]
    days = {visit.days_ago for visit in visits if visit.counts}
    assert len(made) == (2 if agrees and len(days) >= 2 else 0)
