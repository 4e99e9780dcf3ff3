"""Who is due in other rooms, as a kiosk is told: compared with a plain reference."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from protocol.v1.messages import ConfigDocument
from server.db.engine import Database
from server.kiosks.configuration import SchoolInfo, build
from server.kiosks.service import create_kiosk
from server.kiosks.tables import Kiosk
from server.people.schemas import PersonCreate
from server.people.service import create_person
from server.timetable import service as timetable
from server.timetable.tables import Lesson, LessonCancellation, Room, RosterEntry
from tests.support.examples import examples

pytestmark = pytest.mark.integration

# Near midnight UTC, so that the date depends on the zone of the lesson.
AT = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
SCHOOL = SchoolInfo("School", ZoneInfo("Europe/Berlin"))
NUMBER = 3
HALF_DAY_MIN, DAY_MIN, WEEK_MIN = 12 * 60, 24 * 60, 7 * 24 * 60


@dataclass(frozen=True)
class Planned:
    """A lesson by numbers; times in minutes, `ends_min` after `AT`.

    Attributes:
        cancelled: for each cancellation that it ever had, whether that is in force.
    """

    course: int
    room: int
    ends_min: int
    lasts_min: int
    zone: str
    cancelled: tuple[bool, ...]


@dataclass(frozen=True)
class Listed:
    """A roster entry by numbers; days and minutes count from `AT`."""

    course: int
    person: int
    from_day: int | None
    until_day: int | None
    counts_after_min: int | None


@dataclass(frozen=True)
class Entered:
    """What an example adds to the school."""

    lessons: list[Planned]
    entries: list[Listed]


@dataclass(frozen=True)
class World:
    """A school without lessons, in a transaction that is never committed."""

    db: Session
    kiosk: Kiosk
    rooms: list[uuid.UUID]
    courses: list[uuid.UUID]
    people: list[uuid.UUID]


_numbers = st.integers(0, NUMBER - 1)
_days = st.none() | st.integers(-2, 2)
_near = (0, HALF_DAY_MIN, DAY_MIN, WEEK_MIN)
_edges = st.sampled_from(
    [sign * edge + by for edge in _near for sign in (1, -1) for by in (-1, 0, 1)]
)
_lasts = st.sampled_from([1, 45, HALF_DAY_MIN])
_ends = _edges | st.integers(-DAY_MIN, 2 * DAY_MIN)
_starts_at_edge = st.tuples(_edges, _lasts).map(sum)
_lessons = st.builds(
    Planned,
    course=_numbers,
    room=_numbers,
    ends_min=_ends | _starts_at_edge,
    lasts_min=_lasts,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Los_Angeles"]),
    cancelled=st.sampled_from([(), (), (), (True,), (False,), (False, True), (False, False)]),
)
_entries = st.builds(
    Listed,
    course=_numbers,
    person=_numbers,
    from_day=_days,
    until_day=_days,
    counts_after_min=st.none() | _ends,
)
_schools = st.builds(
    Entered,
    lessons=st.lists(_lessons, min_size=2, max_size=9),
    entries=st.lists(_entries, min_size=2, max_size=9),
)


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    with database.transaction() as db:
        rooms = [
            timetable.create_room(db, f"R{number}", actor="system").id for number in range(NUMBER)
        ]
        courses = [
            timetable.create_course(db, code=f"C{number}", title="Course", actor="system").id
            for number in range(NUMBER)
        ]
        people = [
            create_person(
                db,
                PersonCreate(student_number=f"S{number}", given_name="A", family_name="B"),
                actor="system",
            ).id
            for number in range(NUMBER)
        ]
        kiosk = create_kiosk(db, name="Door", room_id=rooms[1], actor="system")
        yield World(db, kiosk, rooms, courses, people)
        db.rollback()


def _minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def _day(offset: int | None) -> date | None:
    return None if offset is None else AT.date() + timedelta(days=offset)


def _lesson(world: World, planned: Planned) -> Lesson:
    ends_at = AT + _minutes(planned.ends_min)
    return Lesson(
        id=uuid.uuid4(),  # in no order
        course_id=world.courses[planned.course],
        room_id=world.rooms[planned.room],
        starts_at=ends_at - _minutes(planned.lasts_min),
        ends_at=ends_at,
        time_zone=planned.zone,
    )


def _cancellation(lesson: Lesson, is_in_force: bool) -> LessonCancellation:
    return LessonCancellation(
        lesson_id=lesson.id,
        reason="test",
        cancelled_by="system",
        restored_at=None if is_in_force else AT,
    )


def _entry(world: World, listed: Listed) -> RosterEntry:
    counts_after = listed.counts_after_min
    return RosterEntry(
        course_id=world.courses[listed.course],
        person_id=world.people[listed.person],
        from_date=_day(listed.from_day),
        until_date=_day(listed.until_day),
        counts_after=None if counts_after is None else AT + _minutes(counts_after),
    )


def _enter(world: World, entered: Entered) -> None:
    lessons = [(_lesson(world, planned), planned.cancelled) for planned in entered.lessons]
    world.db.add_all(lesson for lesson, _cancelled in lessons)
    world.db.flush()
    world.db.add_all(
        _cancellation(lesson, is_in_force) for lesson, ever in lessons for is_in_force in ever
    )
    world.db.add_all(_entry(world, listed) for listed in entered.entries)
    world.db.flush()


@contextmanager
def _entered(world: World, entered: Entered) -> Iterator[None]:
    """Undo what an example entered when the block ends."""
    trial = world.db.begin_nested()
    try:
        _enter(world, entered)
        yield
    finally:
        trial.rollback()
        world.db.expire_all()


def _document(world: World, at: datetime = AT) -> ConfigDocument:
    return build(world.db, world.kiosk, SCHOOL, at)


Entry = tuple[str, str, datetime, datetime]


def _is_listed(entry: RosterEntry, lesson: Lesson) -> bool:
    day = lesson.starts_at.astimezone(ZoneInfo(lesson.time_zone)).date()
    return (
        entry.course_id == lesson.course_id
        and (entry.from_date or date.min) <= day <= (entry.until_date or date.max)
        and (entry.counts_after is None or lesson.ends_at > entry.counts_after)
    )


def _reference(world: World) -> list[Entry]:
    """Read every lesson and every roster entry, and apply the rules one by one."""
    db, here = world.db, world.kiosk.room_id
    cancelled = {
        row.lesson_id for row in db.exec(select(LessonCancellation)) if not row.restored_at
    }
    names = {room.id: room.name for room in db.exec(select(Room))}
    lessons = [lesson for lesson in db.exec(select(Lesson)) if lesson.id not in cancelled]
    listed = [
        (lesson, entry.person_id)
        for lesson in lessons
        for entry in db.exec(select(RosterEntry))
        if _is_listed(entry, lesson)
    ]
    due = {
        person_id
        for lesson, person_id in listed
        if lesson.room_id == here
        and lesson.ends_at > AT - timedelta(hours=12)
        and lesson.starts_at < AT + timedelta(days=7)
    }
    found = sorted(
        (lesson.starts_at, names[lesson.room_id], lesson.id, person_id, lesson.ends_at)
        for lesson, person_id in listed
        if lesson.room_id != here
        and person_id in due
        and lesson.ends_at > AT
        and lesson.starts_at < AT + timedelta(hours=24)
    )
    return [(str(person_id), room, start, end) for start, room, _id, person_id, end in found]


@given(entered=_schools)
@examples(100)
def test_entries_elsewhere_equal_those_of_the_plain_rules(world: World, entered: Entered) -> None:
    with _entered(world, entered):
        document, expected = _document(world), _reference(world)
    found = [
        (entry.person_id, entry.room_name, entry.starts_at, entry.ends_at)
        for entry in document.elsewhere
    ]
    assert found == expected


@given(entered=_schools, later_min=st.sampled_from([0, 1, 45, HALF_DAY_MIN]))
@examples(30)
def test_version_changes_exactly_when_the_document_does(
    world: World, entered: Entered, later_min: int
) -> None:
    with _entered(world, entered):
        one, other = _document(world), _document(world, AT + _minutes(later_min))
    is_same = one.model_copy(update={"version": other.version}) == other
    assert (one.version == other.version) is is_same


@pytest.mark.parametrize(
    ("ends_min", "lasts_min", "is_told"),
    [
        (0, 45, False),
        (1, 45, True),
        (1, HALF_DAY_MIN, True),
        (DAY_MIN + 44, 45, True),
        (DAY_MIN + 45, 45, False),
        (DAY_MIN + HALF_DAY_MIN - 1, HALF_DAY_MIN, True),
    ],
)
def test_lessons_elsewhere_are_those_of_the_next_24_hours(
    world: World, ends_min: int, lasts_min: int, is_told: bool
) -> None:
    here = Planned(0, room=1, ends_min=45, lasts_min=45, zone="UTC", cancelled=())
    there = Planned(1, room=0, ends_min=ends_min, lasts_min=lasts_min, zone="UTC", cancelled=())
    entries = [Listed(course, 0, None, None, None) for course in (0, 1)]
    with _entered(world, Entered([here, there], entries)):
        assert bool(_document(world).elsewhere) is is_told


@pytest.mark.parametrize(("zone", "is_told"), [("Europe/Berlin", True), ("UTC", False)])
def test_roster_dates_elsewhere_are_those_of_the_lesson_s_zone(
    world: World, zone: str, is_told: bool
) -> None:
    here = Planned(0, room=1, ends_min=45, lasts_min=45, zone="UTC", cancelled=())
    there = Planned(1, room=0, ends_min=45, lasts_min=45, zone=zone, cancelled=())
    entries = [Listed(0, 0, None, None, None), Listed(1, 0, 1, None, None)]
    with _entered(world, Entered([here, there], entries)):
        assert bool(_document(world).elsewhere) is is_told


def test_lessons_elsewhere_that_start_together_come_by_room_and_person(world: World) -> None:
    here = Planned(0, room=1, ends_min=45, lasts_min=45, zone="UTC", cancelled=())
    there = [
        Planned(1, room=room, ends_min=45, lasts_min=45, zone="UTC", cancelled=())
        for room in (2, 0, 2, 0, 2, 0)
    ]
    entries = [
        Listed(course, person, None, None, None) for course in (0, 1) for person in (2, 0, 1)
    ]
    with _entered(world, Entered([here, *there], entries)):
        document, expected = _document(world), _reference(world)
    assert [(one.person_id, one.room_name) for one in document.elsewhere] == [
        (person_id, room) for person_id, room, _start, _end in expected
    ]
    assert [one.room_name for one in document.elsewhere] == ["R0"] * 9 + ["R2"] * 9


def test_a_kiosk_gets_as_many_as_it_takes_and_the_next_ones(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("server.kiosks.configuration.MAX_PEOPLE", 4)
    monkeypatch.setattr("server.kiosks.configuration.MAX_ROSTER", 2)
    here, soon, later = (
        Planned(course, room, ends_min, 45, "UTC", ())
        for course, room, ends_min in ((0, 1, 60), (1, 0, 300), (2, 2, 120))
    )
    everybody = [
        Listed(course, person, None, None, None)
        for course in range(NUMBER)
        for person in range(NUMBER)
    ]
    with _entered(world, Entered([here, soon, later], everybody)):
        first, again = _document(world), _document(world)
    assert first == again
    assert [len(lesson.roster) for lesson in first.lessons] == [2]
    assert [entry.room_name for entry in first.elsewhere] == ["R2", "R2", "R0", "R0"]
    monkeypatch.setattr("server.kiosks.configuration.MAX_PEOPLE", 3)
    with _entered(world, Entered([here, soon, later], everybody)):
        cut, _ = _document(world), _document(world)
    assert [entry.room_name for entry in cut.elsewhere] == ["R2", "R2", "R0"]
    logged = [one for one in caplog.messages if one.startswith("configuration cut")]
    assert [one.split("part=")[1] for one in logged] == ["roster limit=2", "elsewhere limit=3"]
