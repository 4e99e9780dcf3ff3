"""A kiosk is told that its configuration is still the same only where it is, on both databases."""

import contextlib
import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import NoResultFound
from sqlmodel import Session

from server.certificates.links import Links
from server.config import SchoolIdentity
from server.db.types import now
from server.errors import ConflictError, ServerError
from server.kiosks import configuration
from server.kiosks.known_configurations import KnownConfigurations
from server.kiosks.tables import Kiosk
from server.school.service import enter
from server.timetable import lessons as planning
from server.timetable import service as timetable
from tests.integration.school.conftest import School
from tests.support.three_rooms import CHANGES, ROOMS, ThreeRooms, build

pytestmark = pytest.mark.integration


class Asking:
    """Kiosks that ask for their configurations, each with the version it has."""

    def __init__(self, rooms: ThreeRooms) -> None:
        self.rooms = rooms
        fixed_by_nobody = {"school_name": None, "timezone": None}
        self.settings = rooms.school.settings.model_copy(update=fixed_by_nobody)
        self.settings.follow(rooms.school.settings.school)
        self.links = Links.of(self.settings)
        self.known = KnownConfigurations(self.links, rooms.school.vault)

    @contextlib.contextmanager
    def _kiosk(self, name: str) -> Iterator[tuple[Session, Kiosk]]:
        with self.rooms.school.database.reading() as db:
            yield db, db.get_one(Kiosk, uuid.UUID(self.rooms.devices[name].kiosk_id))

    def build(self, name: str, at: datetime | None = None) -> str:
        """What the kiosk of a room is given, and what is remembered of it."""
        with self._kiosk(name) as (db, kiosk):
            return self.known.build(db, kiosk, at or now()).version

    def unchanged(self, name: str, at: datetime | None = None) -> str | None:
        """What it is told without building; the truth is found out too, and must be the same."""
        at = at or now()
        with self._kiosk(name) as (db, kiosk):
            said = self.known.unchanged(db, kiosk, at)
            school = configuration.school_info(self.links)
            real = configuration.build(db, kiosk, school, at).version
        assert said in (None, real), "a change was hidden"
        return said


@pytest.fixture
def rooms(school: School) -> ThreeRooms:
    return build(school)


@pytest.fixture
def asking(rooms: ThreeRooms) -> Asking:
    return Asking(rooms)


def test_nothing_is_known_of_a_kiosk_that_was_given_nothing(asking: Asking) -> None:
    assert asking.unchanged("here") is None


def test_what_was_given_stays_known_while_nothing_changes(asking: Asking) -> None:
    given = {name: asking.build(name) for name in ROOMS}
    for _ in range(3):
        assert {name: asking.unchanged(name) for name in ROOMS} == given


@pytest.mark.parametrize("name", CHANGES)
def test_no_change_is_hidden_and_other_kiosks_build_nothing(
    rooms: ThreeRooms, asking: Asking, name: str
) -> None:
    given = {room: asking.build(room) for room in ROOMS}
    rooms.change(name)
    concerned = {room for room in ROOMS if asking.unchanged(room) is None}
    assert concerned == CHANGES[name][1]
    given |= {room: asking.build(room) for room in concerned}
    assert {room: asking.unchanged(room) for room in ROOMS} == given, "known again"


@pytest.mark.parametrize("seed", range(4))
def test_no_order_of_changes_hides_one(rooms: ThreeRooms, asking: Asking, seed: int) -> None:
    chance = random.Random(seed)
    for room in ROOMS:
        asking.build(room)
    for name in chance.sample(list(CHANGES), len(CHANGES)):
        with contextlib.suppress(ServerError, NoResultFound, IndexError):
            rooms.change(name)
        for room in chance.sample(ROOMS, 2):
            if asking.unchanged(room) is None and chance.random() < 0.7:
                asking.build(room)


def test_time_alone_hides_no_lesson_that_comes_or_goes(rooms: ThreeRooms, asking: Asking) -> None:
    """Lessons at odd times, for nine days; every moment is compared with a new document."""
    chance = random.Random(17)
    school, at = rooms.school, now()
    for _ in range(60):
        plan = rooms.plan(chance.choice(ROOMS), chance.choice(ROOMS), chance.uniform(0.1, 216))
        with contextlib.suppress(ConflictError), school.database.transaction() as db:
            planning.create_lesson(db, plan, zone=school.settings.zone, at=at, actor="system")
    moments = sorted(at + timedelta(hours=chance.uniform(0, 30)) for _ in range(200))
    told = 0
    for moment in moments:
        for room in ROOMS:
            if asking.unchanged(room, moment) is None:
                asking.build(room, moment)
            else:
                told += 1
    assert told > 150, "of 600 answers"


@pytest.mark.parametrize("edge", ["own comes", "own goes", "elsewhere comes", "elsewhere goes"])
def test_a_document_is_built_at_the_very_moment_at_which_time_changes_it(
    rooms: ThreeRooms, asking: Asking, edge: str
) -> None:
    """Zoe takes biology here and arts there."""
    school, at = rooms.school, now()
    course = "here" if "own" in edge else "there"
    begins_h = {"own comes": 169.0, "own goes": -12.0, "elsewhere comes": 25.0}.get(edge, 0.5)
    plan = rooms.plan(course, course, begins_h)
    with school.database.transaction() as db:
        made = planning.create_lesson(db, plan, zone=school.settings.zone, at=at, actor="system")
    moment = {
        "own comes": made.starts_at - timedelta(days=7),
        "own goes": made.ends_at + timedelta(hours=12),
        "elsewhere comes": made.starts_at - timedelta(hours=24),
        "elsewhere goes": made.ends_at,
    }[edge]
    tick = timedelta(milliseconds=1)
    before = asking.build("here", moment - 2 * tick)
    assert asking.unchanged("here", moment - tick) == before
    for later in (moment, moment + tick):
        asking.unchanged("here", later)
    assert asking.build("here", moment + tick) != before


def test_midnight_builds_every_document(asking: Asking) -> None:
    at = now()
    asking.build("far", at)
    zone = asking.rooms.school.settings.zone
    midnight = (at.astimezone(zone) + timedelta(days=1)).replace(hour=0, minute=0, second=0)
    assert asking.unchanged("far", midnight) is None


def test_a_clock_that_goes_back_is_not_believed(asking: Asking) -> None:
    at = now()
    asking.build("here", at)
    assert asking.unchanged("here", at - timedelta(seconds=1)) is None


@pytest.mark.parametrize(
    "changed", [{"name": "Another School"}, {"timezone": "Asia/Tokyo"}], ids=["name", "time zone"]
)
def test_what_the_settings_say_is_compared(asking: Asking, changed: dict[str, str]) -> None:
    asking.build("here")
    asking.settings.follow(replace(asking.settings.school, **changed))
    assert asking.unchanged("here") is None


def test_another_authority_is_told(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.build("here")
    monkeypatch.setattr(Links, "offered_authorities", lambda _self: "another certificate")
    assert asking.unchanged("here") is None


def test_change_that_is_committed_while_a_document_is_built_is_not_hidden(
    rooms: ThreeRooms, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = configuration.build

    def late(*given: Any) -> Any:
        monkeypatch.setattr(configuration, "build", real)
        document = real(*given)
        rooms.change("name")
        return document

    monkeypatch.setattr(configuration, "build", late)
    asking.build("here")
    assert asking.unchanged("here") is None


def test_change_that_nobody_noted_builds_the_document(rooms: ThreeRooms, asking: Asking) -> None:
    """The timetable has another version, and the log has no line."""
    asking.build("here")
    with rooms.school.database.transaction() as db:
        timetable.bump_version(db)
        db.info.pop("school_changes", None)
    assert asking.unchanged("here") is None


def test_school_that_an_admin_renames_is_told(rooms: ThreeRooms, asking: Asking) -> None:
    asking.build("far")
    with rooms.school.database.transaction() as db:
        enter(db, asking.settings, SchoolIdentity("Renamed", "UTC", "en"), actor="system")
    assert asking.unchanged("far") is None
