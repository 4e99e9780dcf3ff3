"""What kiosks hear of people who look alike, and of templates that were set aside."""

import uuid
from datetime import timedelta

import pytest

from protocol.v1.messages import ConfigDocument, GalleryPage, KioskPolicy
from server.db.types import now
from server.enrollment.resemblance import set_aside
from server.enrollment.tables import Resemblance, Template
from server.kiosks import configuration, gallery
from server.kiosks.school_state import school_state
from server.kiosks.tables import Kiosk
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import MODEL, School

pytestmark = pytest.mark.integration


def _resemble(school: School, one: uuid.UUID, other: uuid.UUID) -> tuple[str, str]:
    first, second = sorted((one, other))
    with school.database.transaction() as db:
        pair = Resemblance(
            first_id=first, second_id=second, model_id=MODEL, kind="look_alike", distance=0.5
        )
        db.add(pair)
    return str(first), str(second)


def _document(school: School, device: SimulatedKiosk) -> ConfigDocument:
    info = configuration.SchoolInfo(school.settings.school.name, school.settings.zone)
    with school.database.reading() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        return configuration.build(db, kiosk, info, now())


def _source(school: School, device: SimulatedKiosk) -> str:
    """What decides whether a kiosk is told that there is something new."""
    with school.database.reading() as db:
        state = school_state(db, school.vault, school.settings.zone, now())
        return state.source_for(db.get_one(Kiosk, uuid.UUID(device.kiosk_id)))


def test_pair_of_the_kiosks_people_travels_and_changes_the_version(school: School) -> None:
    device, one, other = school.kiosk(), school.person(), school.person()
    before, told = _document(school, device), _source(school, device)
    assert before.look_alikes == ()
    pair = _resemble(school, one, other)
    after = _document(school, device)
    assert after.look_alikes == (pair,)
    assert after.version != before.version
    assert _source(school, device) != told


def test_pair_with_somebody_who_is_not_due_stays_here_unless_all_travel(school: School) -> None:
    device, one, other = school.kiosk(), school.person(), school.person(on_roster=False)
    pair = _resemble(school, one, other)
    assert _document(school, device).look_alikes == ()
    with school.database.transaction() as db:
        set_policy(db, SchoolPolicy(kiosk=KioskPolicy(gallery="school")), actor="system")
    assert _document(school, device).look_alikes == (pair,)


def test_template_set_aside_leaves_the_kiosk_and_the_others_stay(school: School) -> None:
    person, device = school.person(), school.kiosk()
    kept, unlike = school.enrol(person), school.enrol(person)
    zone = school.settings.zone

    def page(since: int) -> GalleryPage:
        at = now() + timedelta(seconds=1)
        with school.database.transaction() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
            state = school_state(db, school.vault, zone, at)
            gallery.refresh(db, kiosk, state, at=at)
            return gallery.page(db, school.vault, kiosk, since=since, limit=50)

    first = page(0)
    assert {upsert.template_id for upsert in first.upserts} == {str(kept), str(unlike)}
    with school.database.transaction() as db:
        set_aside(db, db.get_one(Template, unlike), now())
    second = page(first.next)
    assert [(gone.template_id, gone.reason) for gone in second.tombstones] == [
        (str(unlike), "replaced")
    ]
