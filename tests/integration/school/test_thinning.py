"""Of thousands of sightings only some are read: every register must be as if all were."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import AttendancePolicy, EventKind
from server.attendance.assignment import JudgedLesson, judged_lessons
from server.attendance.register import Judgement, RegisterEvent, derive_register
from server.attendance.sources import Sources, read_sources
from server.attendance.tables import StoredEvent
from server.db.engine import Database
from server.db.types import new_id
from server.kiosks import placements
from server.kiosks.tables import Kiosk
from server.policies.service import current_policy, set_policy
from server.policies.tables import PolicyVersion
from server.timetable import service as timetable
from tests.support.drawn_events import PLAIN_EVENT, build_two_rooms, drawn_events, store_events
from tests.support.examples import examples
from tests.support.register_world import World, rolled_back, vault_in

pytestmark = pytest.mark.integration

#: Around the bounds of the lessons at minutes 0, 45 and 90, and of their check-in.
_near = st.tuples(
    st.sampled_from([-15, -10, 0, 5, 10, 15, 35, 45, 50, 55, 90]), st.sampled_from([-1, 0, 0, 1])
).map(sum)


@st.composite
def _crowds(draw: st.DrawFn) -> list[dict[str, object]]:
    """Sightings of two people, most of them alike."""
    alike = {
        "minute": _near,
        "micro": st.sampled_from([-1, 0, 0, 1, 999, 1000, 1001]),
        "person": st.sampled_from([0, 0, 0, 1]),
        "kiosk": st.sampled_from([0, 1, 1, 1]),
        "lesson": st.sampled_from([2, 2, 3, None, None, "gone"]),
        "kind": st.sampled_from(["seen"] * 6 + ["not_me", "roll_call"]),
        "direction": st.sampled_from([None, None, "in", "out"]),
        "refers": st.integers(0, 30),
        "shown": st.sampled_from([None, "present", "late"]),
    }
    events = st.fixed_dictionaries(alike).map(lambda one: PLAIN_EVENT | one)
    return draw(st.lists(events, max_size=30))


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Iterator[World]:
    """Two rooms with a kiosk each."""
    with database.transaction() as db:
        yield build_two_rooms(db, vault_in(tmp_path))
        db.rollback()


def _lessons(world: World) -> list[JudgedLesson]:
    return judged_lessons(world.db, timetable.lesson_views(world.db, ids=world.lessons))


def _registers(world: World, few: int | None, lessons: list[JudgedLesson]) -> object:
    sources = read_sources(world.db, lessons, world.later, few=few)
    return [(_lines(world, sources, one), bool(_of(sources, one))) for one in lessons]


def _lines(world: World, sources: Sources, one: JudgedLesson) -> list[Judgement]:
    watches = [kiosk.watch for kiosk in sources.kiosks.get(one.lesson.id, [])]
    return derive_register(
        world.people, _of(sources, one), one.window, watches=watches, at=world.later
    )


def _of(sources: Sources, one: JudgedLesson) -> list[RegisterEvent]:
    return sources.events.get(one.lesson.id, [])


def _assert_same(world: World) -> None:
    lessons = _lessons(world)
    assert _registers(world, 0, lessons) == _registers(world, None, lessons)
    for one in lessons:
        assert _registers(world, 0, [one]) == _registers(world, None, [one])


def _judge_by(world: World, late: int, closes: int, opens: int) -> None:
    """Judge by another policy, as if it had been in force when the lessons began."""
    attending = AttendancePolicy(
        late_after_min=late, closes_after_start_min=closes or None, opens_before_min=opens
    )
    changed = current_policy(world.db).model_copy(update={"attendance": attending})
    made = set_policy(world.db, changed, actor="system")
    version = world.db.get_one(PolicyVersion, made.version)
    version.created_at = world.noon - timedelta(days=1)
    world.db.flush()


@given(
    events=_crowds(),
    policy=st.tuples(
        st.sampled_from([0, 5, 10]), st.sampled_from([0, 10, 15]), st.sampled_from([0, 10, 15])
    ),
    moves=st.lists(_near, max_size=2),
)
@examples(60)
def test_registers_of_a_crowd_are_as_if_all_sightings_were_read(
    world: World,
    events: list[dict[str, object]],
    policy: tuple[int, int, int],
    moves: list[int],
) -> None:
    with rolled_back(world):
        _judge_by(world, *policy)
        kiosk = world.db.get_one(Kiosk, world.kiosks[1])
        for minute in sorted(moves):
            other = next(room for room in world.rooms if room != kiosk.room_id)
            at = world.noon + timedelta(minutes=minute)
            placements.move(world.db, kiosk, room_id=other, actor="system", at=at)
        store_events(world, events)
        _assert_same(world)


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([{}, {}, {}, {"kind": "not_me", "refers": 0}], id="the first is taken back"),
        pytest.param([{}, {}, {}, {"kind": "not_me", "refers": 2}], id="the last is taken back"),
        pytest.param([{}, {"direction": "out"}, {}], id="left, and was seen again"),
        pytest.param([{"direction": "in"}, {"direction": "out"}, {}, {}], id="came and left"),
        pytest.param([{}, {"lesson": 1}, {"lesson": None}, {}], id="of several lessons"),
        pytest.param([{}, {"person": 1}, {}], id="of two people"),
        pytest.param([{}, {"kind": "roll_call", "shown": "late"}, {}], id="a teacher's word"),
        pytest.param([{}, {"kind": "other"}, {}], id="of a kind not known yet"),
        pytest.param([{"kind": "other"}, {}, {"kind": "other"}], id="between two not known"),
        pytest.param(
            [{"kiosk": 0, "code": "a", "shown": "late"}, {}, {"code": "a", "shown": "late"}, {}],
            id="a code used twice",
        ),
        pytest.param(
            [{"kiosk": 0}, {"kiosk": 0, "uncertain_from": -60, "received": 30}, {"kiosk": 0}],
            id="an uncertain time",
        ),
        pytest.param(
            [{"lesson": 1}, {"lesson": 1, "is_corrected": True}, {"lesson": 1}],
            id="a corrected time",
        ),
    ],
)
def test_what_differs_between_sightings_that_are_alike_is_read(
    world: World, events: list[dict[str, object]]
) -> None:
    told = [PLAIN_EVENT | {"minute": number} | one for number, one in enumerate(events, 1)]
    store_events(world, told)
    _assert_same(world)


@given(events=st.lists(drawn_events(), max_size=12))
@examples(25)
def test_registers_are_the_same_whatever_the_events_are(
    world: World, events: list[dict[str, object]]
) -> None:
    with rolled_back(world):
        store_events(world, events)
        _assert_same(world)


def _flood(world: World, lesson: uuid.UUID | None, person: uuid.UUID) -> None:
    """Store 3,000 sightings of one person, a tenth of a second apart."""
    at = world.noon + timedelta(minutes=1)
    world.db.add_all(
        StoredEvent(
            kiosk_id=world.kiosks[1],
            id=new_id(),
            seq=number,
            occurred_at=at + timedelta(milliseconds=100 * number),
            counted_at=at + timedelta(milliseconds=100 * number),
            received_at=at,
            lesson_id=lesson,
            person_id=person,
            kind=EventKind.SEEN.value,
            method="face",
            clock_source="ntp",
            hash=uuid.uuid4().hex * 2,
            body="{}",
        )
        for number in range(3000)
    )
    world.db.flush()


@pytest.mark.parametrize("is_named", [True, False])
def test_of_thousands_of_sightings_few_are_read(world: World, is_named: bool) -> None:
    lesson = world.lessons[2]
    _flood(world, lesson if is_named else None, world.people[0])
    found = read_sources(world.db, _lessons(world), world.later).events

    assert 2 <= len(found[lesson]) <= 10
    assert _registers(world, 1000, _lessons(world)) == _registers(world, None, _lessons(world))


def test_sightings_of_a_stranger_that_name_no_lesson_are_not_read(world: World) -> None:
    stranger = world.person()
    _flood(world, new_id(), stranger)
    found = read_sources(world.db, _lessons(world), world.later).events

    assert not [one for events in found.values() for one in events if one.person_id == stranger]
