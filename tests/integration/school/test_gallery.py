"""What a kiosk may hold, and the pages that bring it there at the price of what changed."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from protocol.v1 import sealing
from protocol.v1.messages import GalleryPage, KioskPolicy
from server.db.types import now
from server.db.vault import Vault
from server.enrollment.resemblance import pairs_among
from server.enrollment.tables import Resemblance, Template
from server.kiosks import claiming, configuration, gallery
from server.kiosks.gallery import etag_of
from server.kiosks.school_state import school_state
from server.kiosks.tables import Kiosk
from server.people.tables import Consent, Person
from server.policies.schemas import SchoolPolicy
from server.policies.service import set_policy
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.local_time import local_date
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.integration.school.conftest import MODEL, School
from tests.support.planning import plan_lesson

pytestmark = pytest.mark.integration


def _page(school: School, device: SimulatedKiosk, since: int = 0, limit: int = 200) -> GalleryPage:
    at, zone = now(), school.settings.zone
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        state = school_state(db, school.vault, zone, at)
        gallery.refresh(db, kiosk, state, at=at)
        return gallery.page(db, school.vault, kiosk, since=since, limit=limit)


def _held(page: GalleryPage) -> set[str]:
    return {upsert.template_id for upsert in page.upserts}


def _gone(page: GalleryPage) -> dict[str, str]:
    return {tombstone.template_id: tombstone.reason for tombstone in page.tombstones}


def test_kiosk_gets_the_templates_of_who_is_due_in_its_room(school: School) -> None:
    due = school.enrol(school.person())
    school.enrol(school.person(on_roster=False))
    page = _page(school, school.kiosk())
    assert _held(page) == {str(due)}
    assert (page.complete, page.reset) == (True, True)


def test_nothing_follows_the_newest_change(school: School) -> None:
    device = school.kiosk()
    nobody = _page(school, device)
    assert (nobody.since, nobody.next, nobody.complete, nobody.reset) == (0, 0, True, True)
    assert etag_of(nobody, uuid.uuid4()) != etag_of(nobody, uuid.uuid4())
    school.enrol(school.person())
    first = _page(school, device)
    last = _page(school, device, since=first.next)
    assert (last.since, last.next, last.complete, last.reset) == (1, 1, True, False)
    assert (last.upserts, last.key_id) == ((), first.key_id)
    assert etag_of(first, uuid.UUID(int=1)) is None
    assert etag_of(last, uuid.UUID(int=1)) != etag_of(nobody, uuid.UUID(int=1))


def test_template_arrives_as_float16_under_the_kiosks_own_key(school: School) -> None:
    values = tuple(index / 256 for index in range(128))
    template = school.enrol(school.person(), values)
    device = school.kiosk()
    (upsert,) = _page(school, device).upserts
    with school.database.reading() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
    key = claiming.data_key(school.vault, kiosk)
    packed = sealing.open_template(
        upsert.sealed, key, template_id=str(template), dimension=upsert.dimension
    )
    assert sealing.unpack_values(packed) == list(values)
    assert (upsert.model_id, upsert.dimension) == (MODEL, 128)


def test_later_pages_hold_only_what_changed(school: School) -> None:
    device = school.kiosk()
    school.enrol(school.person())
    first = _page(school, device)
    assert _page(school, device, first.next).upserts == ()
    added = school.enrol(school.person())
    second = _page(school, device, first.next)
    assert _held(second) == {str(added)}
    assert not second.reset


def test_interrupted_download_resumes_at_its_last_page(school: School) -> None:
    device = school.kiosk()
    expected = {str(school.enrol(school.person())) for _ in range(7)}
    held: set[str] = set()
    since, pages = 0, 0
    complete = False
    while not complete:
        page = _page(school, device, since, limit=3)
        assert _page(school, device, since, limit=3).next == page.next
        held |= _held(page)
        since, complete, pages = page.next, page.complete, pages + 1
    assert (held, pages) == (expected, 3)


def test_erased_template_becomes_a_tombstone_that_says_so(school: School) -> None:
    device, person = school.kiosk(), school.person()
    template = school.enrol(person)
    first = _page(school, device)
    school.erase(template)
    assert _gone(_page(school, device, first.next)) == {str(template): "erased"}


def test_consent_that_ran_out_takes_a_template_off_kiosks_before_it_is_swept(
    school: School,
) -> None:
    person_id = school.person()
    template, device = school.enrol(person_id), school.kiosk()
    assert _held(_page(school, device)) == {str(template)}
    with school.database.transaction() as db:
        consent = db.exec(select(Consent).where(Consent.person_id == person_id)).one()
        consent.expires_on = now().date() - timedelta(days=2)
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        kiosk.gallery_source = "as of yesterday"
    page = _page(school, device, since=1)
    assert _gone(page) == {str(template): "erased"}
    assert _held(_page(school, school.kiosk())) == set()


def test_replaced_template_asks_for_no_erasure(school: School) -> None:
    device, person = school.kiosk(), school.person()
    old = school.enrol(person)
    first = _page(school, device)
    new = school.enrol(person)
    school.erase(old)
    page = _page(school, device, first.next)
    assert (_held(page), _gone(page)) == ({str(new)}, {str(old): "replaced"})


def test_who_leaves_the_course_leaves_the_gallery_and_comes_back(school: School) -> None:
    device, person = school.kiosk(), school.person()
    template = school.enrol(person)
    first = _page(school, device)
    at = now()
    with school.database.transaction() as db:
        ((entry, _person),) = roster.roster_people(db, school.course_id)
        today = local_date(at, school.settings.zone)
        roster.end_entry(db, school.course_id, entry.id, today=today, at=at, actor="system")
        entry.until_date = today - timedelta(days=1)  # as it looks tomorrow
        timetable.bump_version(db)
    left = _page(school, device, first.next)
    assert _gone(left) == {str(template): "scope"}
    with school.database.transaction() as db:
        roster.add_to_roster(db, school.course_id, person_id=person, actor="system")
    assert _held(_page(school, device, left.next)) == {str(template)}


def test_lesson_beyond_the_horizon_brings_nobody_yet(school: School) -> None:
    person = school.person(on_roster=False)
    school.enrol(person)
    at = now() + gallery.HORIZON + timedelta(days=1)
    with school.database.transaction() as db:
        course = timetable.create_course(db, code="LATER", title="Later", actor="system")
        roster.add_to_roster(db, course.id, person_id=person, actor="system")
        plan_lesson(
            db,
            course_id=course.id,
            room_id=school.room_id,
            starts_at=at,
            ends_at=at + timedelta(hours=1),
        )
    assert _page(school, school.kiosk()).upserts == ()


def test_policy_can_widen_the_gallery_to_the_school(school: School) -> None:
    device = school.kiosk()
    template = school.enrol(school.person(on_roster=False))
    assert _page(school, device).upserts == ()
    with school.database.transaction() as db:
        set_policy(db, SchoolPolicy(kiosk=KioskPolicy(gallery="school")), actor="system")
    assert _held(_page(school, device)) == {str(template)}


def test_kiosk_ahead_of_a_restored_server_starts_over(school: School) -> None:
    device = school.kiosk()
    template = school.enrol(school.person())
    page = _page(school, device, since=10_000)
    assert (page.reset, page.since, _held(page)) == (True, 0, {str(template)})


def test_claiming_again_changes_the_key_and_sends_everything_anew(school: School) -> None:
    device = school.kiosk()
    template = school.enrol(school.person())
    before = _page(school, device)
    school.claim(device, school.code_for(uuid.UUID(device.kiosk_id)))
    after = _page(school, device, before.next)
    assert _held(after) == {str(template)}
    assert after.key_id != before.key_id


def test_configuration_changes_its_version_exactly_when_it_changes(school: School) -> None:
    device, person = school.kiosk(), school.person()
    info = configuration.SchoolInfo(school.settings.school.name, school.settings.zone)

    def build(offset_s: int) -> tuple[str, int]:
        with school.database.reading() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
            document = configuration.build(db, kiosk, info, now() + timedelta(seconds=offset_s))
        return document.version, len(document.people)

    first = build(0)
    assert build(5) == first
    with school.database.transaction() as db:
        row = db.get_one(Person, person)
        row.given_name = "Changed"
        db.add(row)
    assert build(0)[0] != first[0]


def test_configuration_names_people_by_first_name_and_initial() -> None:
    assert configuration.greeting_name("Zoë", "Kern") == "Zoë K."


def test_configuration_says_who_is_due_elsewhere(school: School) -> None:
    device, person = school.kiosk(), school.person()
    at = now()
    with school.database.transaction() as db:
        other_room = timetable.create_room(db, "R14", actor="system")
        course = timetable.create_course(db, code="ART", title="Art", actor="system")
        roster.add_to_roster(db, course.id, person_id=person, actor="system")
        plan_lesson(
            db,
            course_id=course.id,
            room_id=other_room.id,
            starts_at=at,
            ends_at=at + timedelta(hours=1),
        )
    info = configuration.SchoolInfo("School", school.settings.zone)
    with school.database.reading() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        document = configuration.build(db, kiosk, info, at)
    assert [(entry.person_id, entry.room_name) for entry in document.elsewhere] == [
        (str(person), "R14")
    ]


def test_configuration_names_each_pair_of_look_alikes_in_its_gallery_once(school: School) -> None:
    device = school.kiosk()
    ada, ben, chi = (school.person() for _ in range(3))
    away = [school.person(on_roster=False) for _ in range(2)]
    pairs = [(ben, chi), (ada, ben), (ada, away[0]), (away[0], away[1])]
    rows = [
        Resemblance(
            first_id=min(pair), second_id=max(pair), model_id=model, kind="look_alike", distance=0.4
        )
        for pair in pairs
        for model in ("one", "other")
    ]
    with school.database.transaction() as db:
        db.add_all(rows)
    info = configuration.SchoolInfo("School", school.settings.zone)
    with school.database.reading() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        document = configuration.build(db, kiosk, info, now())
        everybody = pairs_among(db, None)
    due = sorted(tuple(sorted(pair)) for pair in pairs[:2])
    assert document.look_alikes == tuple((str(first), str(second)) for first, second in due)
    assert everybody == sorted(tuple(sorted(pair)) for pair in pairs)


def test_unreadable_template_is_left_out_and_comes_when_its_key_is_back(school: School) -> None:
    good, bad = school.enrol(school.person()), school.enrol(school.person())
    device = school.kiosk()
    key_id = _seal_under(school, bad, "k2")
    first = _page(school, device)
    assert _held(first) == {str(good)}
    assert first.complete
    assert _page(school, device, first.next).upserts == ()
    _seal_under(school, bad, key_id)
    again = _page(replace(school, vault=_with_another_key(school.vault)), device, first.next)
    assert _held(again) == {str(bad)}


def test_unreadable_template_does_not_hold_back_erasures(school: School) -> None:
    gone, bad = school.enrol(school.person()), school.enrol(school.person())
    device = school.kiosk()
    first = _page(school, device)
    _seal_under(school, bad, "k2")
    school.erase(gone)
    assert set(_gone(_page(school, device, first.next))) == {str(gone)}


def test_unreadable_data_key_of_a_kiosk_does_not_hold_back_erasures(school: School) -> None:
    gone, stays = school.enrol(school.person()), school.enrol(school.person())
    device = school.kiosk()
    first = _page(school, device)
    added = school.enrol(school.person())
    school.erase(gone)
    with school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
        key_id, kiosk.data_key_key_id = kiosk.data_key_key_id, "k2"
    second = _page(school, device, first.next)
    assert set(_gone(second)) == {str(gone)}
    assert _held(second) == set()
    with school.database.transaction() as db:
        db.get_one(Kiosk, uuid.UUID(device.kiosk_id)).data_key_key_id = key_id
    restarted = replace(school, vault=_with_another_key(school.vault))
    assert _held(_page(restarted, device, second.next)) == {str(added)}
    assert str(stays) in _held(first)


def test_template_is_not_sent_before_its_check(school: School) -> None:
    template_id = school.enrol(school.person())
    with school.database.transaction() as db:
        db.get_one(Template, template_id).checked_at = None
    device = school.kiosk()
    assert _page(school, device).upserts == ()


def _seal_under(school: School, template_id: uuid.UUID, key_id: str) -> str:
    with school.database.transaction() as db:
        template = db.get_one(Template, template_id)
        before, template.key_id = template.key_id, key_id
        return before


def _with_another_key(vault: Vault) -> Vault:
    """Return the vault as a server has it after a restart with one more key file."""
    return Vault({**vault._keys, "k9": bytes(32)}, vault.active_key_id)
