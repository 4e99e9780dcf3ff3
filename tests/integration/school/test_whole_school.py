"""Galleries of the whole school: many kiosks follow a change of people at once, as one by one."""

import random
import uuid

import pytest
from sqlalchemy import event
from sqlmodel import col, select

from protocol.v1.messages import GalleryScope
from server.db.types import now
from server.kiosks import gallery, whole_school
from server.kiosks.school_state import school_state
from server.kiosks.tables import GalleryEntry, Kiosk
from server.mqtt import hints
from server.mqtt.hints import KioskVersions
from server.policies.service import current_policy, set_policy
from tests.integration.school.conftest import School
from tests.integration.school.test_concerned_kiosks import Look, attempt, told
from tests.support.three_rooms import CHANGES, ROOMS, ThreeRooms, build

pytestmark = pytest.mark.integration


@pytest.fixture
def rooms(school: School) -> ThreeRooms:
    made = build(school)
    made.change("gallery of the whole school")
    return made


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, rooms: ThreeRooms) -> Look:
    return Look(monkeypatch, rooms)


def entries(rooms: ThreeRooms) -> dict[str, list[tuple[str, str | None]]]:
    """What each gallery holds, and which templates left it for which reason."""
    found: dict[str, list[tuple[str, str | None]]] = {name: [] for name in ROOMS}
    with rooms.school.database.reading() as db:
        for entry in db.exec(select(GalleryEntry).order_by(col(GalleryEntry.template_id))):
            name = rooms.name_of(str(entry.kiosk_id))
            found[name].append((str(entry.template_id), entry.gone))
    return found


def check(rooms: ThreeRooms, versions: KioskVersions) -> None:
    """What is told equals what a look at everything finds, and no gallery changes by that."""
    found = told(versions)
    kept = entries(rooms)
    school = rooms.school
    with school.database.transaction() as db:
        state = school_state(db, school.vault, school.settings.zone, now())
        for kiosk in db.exec(select(Kiosk)):
            kiosk.gallery_source = ""
            changed = gallery.refresh(db, kiosk, state, at=now())
            assert not changed, rooms.name_of(kiosk.wire_id)
    assert entries(rooms) == kept
    assert told(rooms.versions()) == found


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_reaches_every_gallery(rooms: ThreeRooms, name: str) -> None:
    versions = rooms.versions()
    told(versions)
    rooms.change(name)
    check(rooms, versions)


@pytest.mark.parametrize("seed", range(6))
def test_no_order_of_changes_leaves_a_gallery_behind(rooms: ThreeRooms, seed: int) -> None:
    chance = random.Random(seed)
    names = ["enrolment", "consent withdrawn", "consent given", "name", "dates on a roster"]
    versions = rooms.versions()
    told(versions)
    for name in chance.choices(names, k=12):
        attempt(rooms, name)
        if chance.random() < 0.5:
            told(versions)
    check(rooms, versions)


def test_an_enrolment_is_news_for_all_and_only_the_persons_room_is_looked_at(
    rooms: ThreeRooms, look: Look
) -> None:
    versions = rooms.versions()
    before = told(versions)
    look.taken()
    rooms.change("enrolment")
    after = told(versions)
    assert look.taken() == ["here"]
    assert all(after[one][0] == before[one][0] + 1 for one in before)
    assert {one: after[one][1] for one in after} == {one: before[one][1] for one in before}
    told(versions)
    assert look.taken() == []
    check(rooms, versions)


def test_second_server_finds_the_galleries_done_and_looks_at_no_other_kiosk(
    rooms: ThreeRooms, look: Look
) -> None:
    first, second = rooms.versions(), rooms.versions()
    told(first)
    told(second)
    look.taken()
    rooms.change("enrolment")
    assert told(first) == told(second)
    assert look.taken() == ["here", "here"]


def test_look_alikes_are_in_every_configuration_so_every_kiosk_is_looked_at(
    rooms: ThreeRooms, look: Look
) -> None:
    versions = rooms.versions()
    told(versions)
    look.taken()
    rooms.change("look-alikes")
    told(versions)
    assert look.taken() == sorted(ROOMS)


def test_more_than_goes_at_once_is_looked_at_kiosk_by_kiosk(
    rooms: ThreeRooms, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hints, "_MOST_AT_ONCE", 1)
    versions = rooms.versions()
    told(versions)
    look.taken()
    rooms.change("enrolment")
    told(versions)
    assert look.taken() == sorted(ROOMS)
    check(rooms, versions)


def test_template_that_could_not_be_read_is_offered_again_with_a_change_of_its_person(
    rooms: ThreeRooms,
) -> None:
    versions = rooms.versions()
    before = told(versions)
    with rooms.school.database.transaction() as db:
        ben = rooms.people["Ben"]
        for entry in db.exec(select(GalleryEntry).where(GalleryEntry.person_id == ben)):
            entry.is_held_back = True
    rooms.change("name")
    after = told(versions)
    assert all(after[one][0] == before[one][0] + 1 for one in before)
    check(rooms, versions)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_kiosk_that_another_transaction_holds_is_left_out_and_looked_at_later(
    rooms: ThreeRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = rooms.versions()
    told(versions)
    far = uuid.UUID(rooms.devices["far"].kiosk_id)
    rooms.change("enrolment")
    school = rooms.school
    with school.database.transaction() as holding, school.database.transaction() as db:
        holding.get_one(Kiosk, far, with_for_update=True)
        state = school_state(db, school.vault, school.settings.zone, now())
        ids = [uuid.UUID(one.kiosk_id) for one in rooms.devices.values()]
        done = whole_school.follow_people(db, ids, state, most=10)
        assert done.keys() == set(ids) - {far}
    check(rooms, versions)


def test_nothing_goes_to_kiosks_where_galleries_just_became_those_of_their_rooms(
    rooms: ThreeRooms,
) -> None:
    told(rooms.versions())
    rooms.change("enrolment")
    school, before = rooms.school, entries(rooms)
    with school.database.transaction() as db:
        state = school_state(db, school.vault, school.settings.zone, now())
        policy = current_policy(db)
        kiosk = policy.kiosk.model_copy(update={"gallery": GalleryScope.ROOM})
        set_policy(db, policy.model_copy(update={"kiosk": kiosk}), actor="system")
        ids = [uuid.UUID(one.kiosk_id) for one in rooms.devices.values()]
        assert whole_school.follow_people(db, ids, state, most=10) == {}
    assert entries(rooms) == before


def test_statements_do_not_grow_with_the_kiosks(rooms: ThreeRooms) -> None:
    versions = rooms.versions()
    ids = [uuid.UUID(one.kiosk_id) for one in rooms.devices.values()]
    counts = []
    for part in (ids[:1], ids[1:]):
        told(versions)
        rooms.change("enrolment")
        counts.append(_statements(rooms.school, part))
    assert counts[0] == counts[1]


def _statements(school: School, kiosks: list[uuid.UUID]) -> int:
    """How many statements it takes to bring these kiosks up to date."""
    statements: list[str] = []
    with school.database.transaction() as db:
        state = school_state(db, school.vault, school.settings.zone, now())
        note = "before_cursor_execute"
        event.listen(db.connection(), note, lambda *given: statements.append(given[2]))
        assert len(whole_school.follow_people(db, kiosks, state, most=10)) == len(kiosks)
    return len(statements)
