"""Kiosks get templates of the school's networks only, and hear when those change."""

import uuid

import pytest
from sqlmodel import select

from protocol.v1.messages import GalleryPage, KioskPolicy, NetworkChoice
from server.db.types import now
from server.enrollment.gallery import store_template
from server.enrollment.tables import Enrolment
from server.kiosks import configuration, gallery
from server.kiosks.networks import names_of_others, uses_another
from server.kiosks.school_state import school_state
from server.kiosks.tables import Kiosk, KioskState
from server.ml.encoder import FaceTemplate
from server.network_change import service
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import MODEL, School
from tests.support.networks import set_networks

pytestmark = pytest.mark.integration
NEXT = "sface-2021dec"


def page(school: School, device: SimulatedKiosk, since: int = 0) -> GalleryPage:
    at = now()
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        state = school_state(db, school.vault, school.settings.zone, at)
        gallery.refresh(db, kiosk, state, at=at)
        return gallery.page(db, school.vault, kiosk, since=since, limit=200)


def choice(school: School, device: SimulatedKiosk) -> NetworkChoice | None:
    with school.database.reading() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        info = configuration.SchoolInfo("School", school.settings.zone)
        return configuration.build(db, kiosk, info, now()).network


@pytest.fixture
def enrolled(school: School) -> School:
    """Somebody with templates of two networks."""
    school.enrol(school.person())
    with school.database.transaction() as db:
        enrolment = db.exec(select(Enrolment)).one()
        made = FaceTemplate(NEXT, (0.5,) * 8)
        store_template(db, school.vault, enrolment, made, now()).checked_at = now()
    return school


@pytest.mark.parametrize(
    ("current", "next_id", "expected"),
    [
        (MODEL, None, {MODEL}),
        (MODEL, NEXT, {MODEL, NEXT}),
        (NEXT, None, {NEXT}),
        ("another", None, set()),
    ],
)
def test_gallery_holds_the_schools_networks_only(
    enrolled: School, current: str, next_id: str | None, expected: set[str]
) -> None:
    set_networks(enrolled.database, current, next_id)
    assert {one.model_id for one in page(enrolled, enrolled.kiosk()).upserts} == expected


def test_switch_takes_the_old_networks_templates_from_kiosks_without_an_erasure(
    enrolled: School,
) -> None:
    device = enrolled.kiosk()
    set_networks(enrolled.database, MODEL, NEXT)
    first = page(enrolled, device)
    assert len(first.upserts) == 2
    set_networks(enrolled.database, NEXT)
    after = page(enrolled, device, first.next)
    assert [one.reason for one in after.tombstones] == ["scope"]


def test_every_change_of_the_networks_changes_the_state_of_the_school(school: School) -> None:
    sources = set()
    device = school.kiosk()
    steps = [(None, None, False), (MODEL, None, False), (MODEL, NEXT, False), (MODEL, NEXT, True)]
    for current, next_id, collects in steps:
        set_networks(school.database, current, next_id, collects_scans=collects)
        with school.database.reading() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
            state = school_state(db, school.vault, school.settings.zone, now())
            sources.add(state.source_for(kiosk))
            assert len(state.source_for(kiosk)) <= 120
    assert len(sources) == len(steps)


@pytest.mark.parametrize("level", ["passive", "when_unsure", "active"])
def test_configuration_names_the_networks(school: School, level: str) -> None:
    device = school.kiosk()
    assert choice(school, device) is None
    set_networks(school.database, MODEL, NEXT, collects_scans=True)
    assert choice(school, device) == NetworkChoice(current=MODEL, next=NEXT, collects_scans=False)
    with school.database.transaction() as db:
        policy = SchoolPolicy(kiosk=KioskPolicy(liveness=level))
        set_policy(db, policy, actor="system")
    assert choice(school, device) == NetworkChoice(current=MODEL, next=NEXT, collects_scans=True)


@pytest.mark.parametrize(
    ("status", "state", "current", "expected"),
    [
        ({"embedder": NEXT}, KioskState.CLAIMED, MODEL, True),
        ({"embedder": MODEL}, KioskState.CLAIMED, MODEL, False),
        ({"embedder": None}, KioskState.CLAIMED, MODEL, False),
        (None, KioskState.CLAIMED, MODEL, False),
        ({"embedder": NEXT}, KioskState.REVOKED, MODEL, False),
        ({"embedder": NEXT}, KioskState.CLAIMED, None, False),
    ],
)
def test_only_a_claimed_kiosk_that_says_so_uses_another_network(
    school: School,
    status: dict[str, str | None] | None,
    state: str,
    current: str | None,
    expected: bool,
) -> None:
    kiosk = Kiosk(name="Door", room_id=school.room_id, state=state, status=status)
    assert uses_another(kiosk, current) == expected
    assert names_of_others([kiosk], current) == (["Door"] if expected else [])


def test_cancelled_change_takes_the_next_networks_templates_from_kiosks(enrolled: School) -> None:
    device = enrolled.kiosk()
    set_networks(enrolled.database, MODEL, NEXT)
    first = page(enrolled, device)
    with enrolled.database.transaction() as db:
        service.cancel(db, NEXT, actor="system")
    after = page(enrolled, device, first.next)
    assert [one.reason for one in after.tombstones] == ["replaced"]
    assert after.upserts == ()
