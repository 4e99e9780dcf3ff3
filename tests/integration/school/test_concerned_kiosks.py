"""Which kiosks are looked at after which change, and that none is left out, on both databases."""

import contextlib
import random
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import NoResultFound
from sqlmodel import Session, col, select

from protocol.v1.messages import ConfigDocument, GalleryPage
from server.db.types import now
from server.enrollment.tables import GalleryChange
from server.errors import ServerError
from server.kiosks import configuration, gallery, gallery_pages
from server.kiosks.concerns import Concern, concerned
from server.kiosks.gallery_pages import PageRequest
from server.kiosks.school_state import SchoolState, school_state
from server.kiosks.tables import GalleryEntry, Kiosk
from server.mqtt import hints
from server.mqtt.hints import KioskVersions
from tests.integration.school.conftest import School
from tests.support.three_rooms import CHANGES, ROOMS, ThreeRooms, build

pytestmark = pytest.mark.integration
Versions = dict[str, tuple[int, str]]


def _nothing(_name: str) -> None:
    """Do nothing after a look."""


class Look:
    """Says which kiosks were looked at, by room; `after` is called after each of these looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rooms: ThreeRooms) -> None:
        self._real, self._rooms = configuration.build, rooms
        self._seen: list[str] = []
        self.after = _nothing
        monkeypatch.setattr(configuration, "build", self._build)

    def _build(self, db: Session, kiosk: Kiosk, *rest: Any) -> ConfigDocument:
        document = self._real(db, kiosk, *rest)
        name = self._rooms.name_of(kiosk.wire_id)
        self._seen.append(name)
        self.after(name)
        return document

    def taken(self) -> list[str]:
        """The rooms since the last time."""
        seen, self._seen = self._seen, []
        return sorted(seen)


@pytest.fixture
def rooms(school: School) -> ThreeRooms:
    return build(school)


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, rooms: ThreeRooms) -> Look:
    return Look(monkeypatch, rooms)


def told(versions: KioskVersions) -> Versions:
    """What is said of each kiosk in one round."""
    return {kiosk: (number, config) for kiosk, number, config in versions.current()}


def state_of(school: School) -> SchoolState:
    with school.database.reading() as db:
        return school_state(db, school.vault, school.settings.zone, now())


@pytest.mark.parametrize("name", CHANGES)
def test_the_kiosks_that_a_change_concerns_are_looked_at_and_no_others(
    rooms: ThreeRooms, look: Look, name: str
) -> None:
    versions = rooms.versions()
    told(versions)
    look.taken()
    rooms.change(name)
    found = told(versions)
    assert look.taken() == sorted(CHANGES[name][1])
    assert found == told(rooms.versions()), "a look at every kiosk finds the same"
    told(versions)
    assert look.taken() == sorted(ROOMS), "that other one, and none again"


#: A second consent, and what comes to the same in the end.
_UNTOLD = {"consent given", "lesson cancelled and restored", "lesson judged again"}


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - _UNTOLD - {"new room and course"}))
def test_what_changes_is_told(rooms: ThreeRooms, name: str) -> None:
    """So that the table of changes is not one of things that no kiosk knows."""
    versions = rooms.versions()
    before = told(versions)
    rooms.change(name)
    assert told(versions) != before


@pytest.mark.parametrize("seed", range(6))
def test_no_order_of_changes_leaves_a_kiosk_behind(rooms: ThreeRooms, seed: int) -> None:
    chance = random.Random(seed)
    names = [name for name in CHANGES if "erased" not in name]
    versions = rooms.versions()
    told(versions)
    for name in chance.sample(names, len(names)):
        attempt(rooms, name)
        if chance.random() < 0.5:
            told(versions)
    assert told(versions) == told(rooms.versions())


def attempt(rooms: ThreeRooms, name: str) -> None:
    """Some changes rule out others: a lesson that is gone cannot be moved."""
    with contextlib.suppress(ServerError, NoResultFound, IndexError):
        rooms.change(name)


def test_person_enrolled_and_off_the_roster_before_anybody_looks(
    rooms: ThreeRooms, look: Look
) -> None:
    """The roster no longer says where the person was due, but the log does."""
    versions = rooms.versions()
    told(versions)
    look.taken()
    rooms.change("enrolment of a person due in two rooms")
    rooms.change("person leaves a course")
    rooms.change("lesson moved to another room")
    found = told(versions)
    assert look.taken() == sorted(ROOMS)
    assert found == told(rooms.versions())


def test_template_goes_from_a_kiosk_where_its_person_is_due_no_more(
    rooms: ThreeRooms, look: Look
) -> None:
    """A kiosk keeps people who were due until its next look. It is found by what it holds."""
    versions = rooms.versions()
    told(versions)
    with rooms.school.database.transaction() as db:
        far = uuid.UUID(rooms.devices["far"].kiosk_id)
        held = db.exec(
            select(GalleryEntry).where(GalleryEntry.person_id == rooms.people["Ben"])
        ).one()
        db.add(
            GalleryEntry(
                kiosk_id=far, template_id=held.template_id, person_id=held.person_id, change=9
            )
        )
        db.get_one(Kiosk, far).gallery_version = 9
    told(versions)
    look.taken()
    rooms.change("consent withdrawn")
    found = told(versions)
    assert look.taken() == ["far", "here"]
    assert found[rooms.devices["far"].kiosk_id][0] == 10


def test_change_that_is_committed_while_a_kiosk_is_looked_at_is_told(
    rooms: ThreeRooms, look: Look
) -> None:
    versions = rooms.versions()
    told(versions)
    look.taken()

    def change(_name: str) -> None:
        look.after = _nothing
        rooms.change("name")

    rooms.change("kiosk renamed")  # its gallery stays, so the look only reads
    look.after = change
    told(versions)
    assert look.taken() == ["far"]
    found = told(versions)
    assert look.taken() == ["here"]
    assert found == told(rooms.versions())


def test_kiosk_that_changes_after_it_was_looked_at_is_looked_at_again(
    rooms: ThreeRooms, look: Look
) -> None:
    versions = rooms.versions()
    told(versions)
    look.taken()

    def change(_name: str) -> None:
        look.after = _nothing
        rooms.change("dates on a roster")

    rooms.change("kiosk renamed")
    look.after = change
    told(versions)
    found = told(versions)
    assert look.taken() == ["far", "far"]
    assert found == told(rooms.versions())


def test_change_that_is_committed_while_changes_are_read_is_told(
    rooms: ThreeRooms, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is ahead of the state of the school then."""
    versions = rooms.versions()
    told(versions)
    look.taken()

    def late(*given: Any) -> Concern:
        monkeypatch.setattr(hints, "concerned", concerned)
        rooms.change("person leaves a course")
        return concerned(*given)

    monkeypatch.setattr(hints, "concerned", late)
    rooms.change("dates on a roster")
    told(versions)
    assert look.taken() == ["far"]
    found = told(versions)
    assert look.taken() == ["here", "there"]
    assert found == told(rooms.versions())


def test_error_while_changes_are_read_loses_none(
    rooms: ThreeRooms, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = rooms.versions()
    told(versions)
    look.taken()

    def fail(*_given: Any) -> Concern:
        monkeypatch.setattr(hints, "concerned", concerned)
        raise RuntimeError("the database went away")

    monkeypatch.setattr(hints, "concerned", fail)
    rooms.change("name")
    with pytest.raises(RuntimeError):
        told(versions)
    told(versions)
    assert look.taken() == ["here"]


def test_kiosks_that_a_round_has_no_time_for_keep_their_place(
    rooms: ThreeRooms, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = rooms.versions()
    told(versions)
    look.taken()
    monkeypatch.setattr(hints, "HINTS_S", -1.0)
    rooms.change("policy")
    looked = []
    for change in ("name", "consent given", "year of birth"):
        told(versions)
        looked += look.taken()
        rooms.change(change)
    assert sorted(looked) == sorted(ROOMS), "a kiosk in which things happen waits its turn"
    monkeypatch.setattr(hints, "HINTS_S", 60.0)
    found = told(versions)
    assert look.taken() == ["here"]
    assert found == told(rooms.versions())


def test_two_servers_look_at_the_same_kiosks_and_find_the_same(
    rooms: ThreeRooms, look: Look
) -> None:
    first, second = rooms.versions(), rooms.versions()
    told(first), told(second)
    look.taken()
    rooms.change("enrolment of a person due in two rooms")
    found = told(first)
    assert look.taken() == ["here", "there"]
    assert told(second) == found
    assert look.taken() == ["here", "there"], "its own knowledge, but of these two only"
    told(first), told(second)
    assert look.taken() == []


def test_time_alone_renews_one_kiosk_after_the_other(
    rooms: ThreeRooms, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = rooms.versions()
    told(versions)
    look.taken()
    monkeypatch.setattr(hints, "RENEW_S", 0.0)
    looked = []
    for _ in ROOMS:
        told(versions)
        looked.append(look.taken())
    assert sorted(looked) == [[name] for name in sorted(ROOMS)]


def test_midnight_concerns_every_kiosk(rooms: ThreeRooms) -> None:
    school = rooms.school
    with school.database.reading() as db:
        today = school_state(db, school.vault, school.settings.zone, now())
        later = now() + timedelta(days=1)
        tomorrow = school_state(db, school.vault, school.settings.zone, later)
        assert concerned(db, today.mark, today, now()) == Concern(set())
        assert concerned(db, today.mark, tomorrow, later) == Concern(None)


def test_change_that_nobody_noted_concerns_every_kiosk(rooms: ThreeRooms) -> None:
    """Only a safeguard: with a noted change in the same second it would be missed."""
    before = state_of(rooms.school)
    with rooms.school.database.transaction() as db:
        newest = db.exec(select(GalleryChange).order_by(col(GalleryChange.seq).desc())).first()
        assert newest is not None
        db.add(GalleryChange(**newest.model_dump() | {"seq": newest.seq + 1}))
    after = state_of(rooms.school)
    with rooms.school.database.reading() as db:
        assert concerned(db, before.mark, after, now()) == Concern(None)


def page_of(rooms: ThreeRooms, name: str, since: int = 0) -> GalleryPage:
    school = rooms.school
    asked = PageRequest(uuid.UUID(rooms.devices[name].kiosk_id), since, 100, now())
    return gallery_pages.current_page(school.database, school.vault, school.settings.zone, asked)


def test_kiosk_that_asks_without_being_concerned_writes_nothing(
    rooms: ThreeRooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {name: page_of(rooms, name) for name in ROOMS}
    refreshed: list[str] = []

    def refresh(db: Session, kiosk: Kiosk, *rest: Any, **named: Any) -> bool:
        refreshed.append(rooms.name_of(kiosk.wire_id))
        return real(db, kiosk, *rest, **named)

    real = gallery.refresh
    monkeypatch.setattr(gallery, "refresh", refresh)
    rooms.change("consent withdrawn")
    after = {name: page_of(rooms, name, pages[name].next) for name in ROOMS}
    assert refreshed == ["here"]
    assert {name: len(one.tombstones) for name, one in after.items()} == {
        "here": 1,
        "there": 0,
        "far": 0,
    }


def test_kiosk_that_asks_gets_what_concerns_it_though_no_server_looked(rooms: ThreeRooms) -> None:
    known = page_of(rooms, "there").next
    rooms.change("name")
    rooms.change("dates on a roster")
    rooms.change("person joins a course")
    page = page_of(rooms, "there", known)
    assert [one.person_id for one in page.upserts] == [str(rooms.people["Ben"])]


def test_gallery_of_before_the_log_is_brought_up_to_date(rooms: ThreeRooms) -> None:
    """An earlier version of the server wrote another text there."""
    known = page_of(rooms, "here").next
    kiosk_id = uuid.UUID(rooms.devices["here"].kiosk_id)
    with rooms.school.database.transaction() as db:
        kiosk = db.get_one(Kiosk, kiosk_id)
        parts = "4:7:1:2026-11-28", kiosk.room_id.hex, "1:0:0;0-0:abcdef01"
        kiosk.gallery_source = ":".join(parts)
    assert page_of(rooms, "here", known).next == known
    with rooms.school.database.reading() as db:
        source = db.get_one(Kiosk, kiosk_id).gallery_source
    assert source.startswith(f"{state_of(rooms.school).changes}:")
