"""Today counts lessons without building registers: both ways must give the same numbers."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time, timedelta
from operator import itemgetter

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from protocol.v1.messages import AttendancePolicy
from server.absences.tables import AbsenceReason, AbsenceReport
from server.accounts.service import create_account
from server.attendance import service
from server.attendance.person_lines import lines_of_person
from server.attendance.register import CORRECTABLE, AttendanceStatus
from server.attendance.tables import Correction, RegisterConfirmation
from server.attendance.tallies import tallies_of
from server.db.engine import Database
from server.db.types import now
from server.kiosks import placements
from server.kiosks.tables import Kiosk, KioskProgress, LostSpan
from server.policies.service import current_policy, set_policy
from server.policies.tables import PolicyVersion
from server.reports.lesson_states import find_in_state
from server.reports.lines import facts_of
from server.reports.tally import is_taken
from server.timetable import lessons as planning
from server.timetable import service as timetable
from server.timetable.day import lesson_rows
from server.timetable.tables import Lesson, RosterEntry
from server.web.principal import Role
from server.web.register_state import RegisterState
from tests.support.drawn_events import PLAIN_EVENT, build_two_rooms, drawn_events, store_events
from tests.support.examples import examples
from tests.support.register_world import World, rolled_back, vault_in

pytestmark = pytest.mark.integration


@dataclass
class Scene:
    """The school of `tests.support.register_world`, with a second room and an account."""

    world: World
    account: uuid.UUID


@pytest.fixture
def scene(database: Database, tmp_path: object) -> Iterator[Scene]:
    """Two rooms with a kiosk each, four lessons, two of them at the same time in both rooms."""
    with database.transaction() as db:
        world = build_two_rooms(db, vault_in(tmp_path))  # type: ignore[arg-type]
        account = create_account(
            db, username="t", display_name="T", role=Role.ADMIN, password="x" * 12, actor="system"
        )
        yield Scene(world, account.id)
        db.rollback()


_small = st.integers(0, 3)
_minutes = st.integers(-50, 100)


def _numbers(world: World, ids: list[uuid.UUID]) -> list[tuple[object, ...]]:
    rows = lesson_rows(world.db, ids=ids)
    return [
        (one.lesson.id, one.expected, one.attended, one.late, one.window)
        for one in tallies_of(world.db, rows, at=world.later)
    ]


def _expected(world: World, ids: list[uuid.UUID]) -> list[tuple[object, ...]]:
    views = timetable.lesson_views(world.db, ids=ids)
    return [
        (
            one.view.lesson.id,
            len(one.lines),
            one.attended,
            _late(one),
            one.window,
        )
        for one in service.registers_of(world.db, views, at=world.later)
    ]


def _late(register: service.Register) -> int:
    """Those who count as attended and were late."""
    marks = [] if register.view.is_cancelled else [one.mark for one in register.lines]
    return sum(one.is_attended and one.status == AttendanceStatus.LATE for one in marks)


#: What people entered; None: the word before was undone.
_words = st.none() | st.sampled_from(CORRECTABLE)


@given(
    events=st.lists(drawn_events(), max_size=12),
    rulings=st.lists(st.tuples(_small, _small, _words, st.booleans()), max_size=4),
    dates=st.lists(st.tuples(_small, st.sampled_from([None, -2, -1, 0, 1])), max_size=2),
    policy=st.none() | st.tuples(st.integers(0, 30), st.integers(0, 40), st.integers(0, 60)),
    cancelled=st.none() | _small,
    trouble=st.sampled_from([None, None, "fork", "lost"]),
    moves=st.lists(st.tuples(st.integers(0, 1), _minutes), max_size=2),
    unseen=st.lists(st.tuples(_small, st.sets(_small)), max_size=3),
    absences=st.lists(st.tuples(_small, st.booleans()), max_size=2),
)
@examples(25)
def test_tallies_are_the_numbers_of_the_registers(
    scene: Scene,
    events: list[dict[str, object]],
    rulings: list[tuple[int, int, AttendanceStatus | None, bool]],
    dates: list[tuple[int, int | None]],
    policy: tuple[int, int, int] | None,
    cancelled: int | None,
    trouble: str | None,
    moves: list[tuple[int, int]],
    unseen: list[tuple[int, set[int]]],
    absences: list[tuple[int, bool]],
) -> None:
    world = scene.world
    with rolled_back(world):
        _move(world, moves)
        store_events(world, events)
        _rule(scene, rulings)
        _confirm(scene, unseen)
        _report(world, absences)
        _date_rosters(world, dates)
        _judge_by(world, policy)
        if cancelled is not None:
            planning.cancel_lesson(
                world.db, world.lessons[cancelled], reason="r", actor="system", at=now()
            )
        _break(world, trouble)
        assert _numbers(world, world.lessons) == _expected(world, world.lessons)
        for one in world.lessons:
            assert _numbers(world, [one]) == _expected(world, [one])
        _assert_lines_of_each_person(world)
        _assert_states(world)


@given(
    events=st.lists(
        st.tuples(
            _small,
            st.integers(-20, 50),
            st.sampled_from([None, "in", "out", "invented"]),
            st.sampled_from(["seen", "seen", "seen", "not_me"]),
        ),
        max_size=8,
    ),
    policy=st.tuples(st.integers(0, 30), st.integers(0, 40), st.integers(0, 60)),
)
@examples(60)
def test_tallies_of_comings_and_leavings_are_the_numbers_of_the_registers(
    scene: Scene, events: list[tuple[int, int, str | None, str]], policy: tuple[int, int, int]
) -> None:
    world = scene.world
    told = [
        PLAIN_EVENT | {"person": person, "minute": minute, "direction": direction, "kind": kind}
        for person, minute, direction, kind in events
    ]
    with rolled_back(world):
        _judge_by(world, policy)
        store_events(world, told)
        assert _numbers(world, [world.lessons[2]]) == _expected(world, [world.lessons[2]])
        _assert_lines_of_each_person(world)


def _assert_lines_of_each_person(world: World) -> None:
    """What is read for one person is what the registers of everybody say about them."""
    views = timetable.lesson_views(world.db, ids=world.lessons)
    registers = service.registers_of(world.db, views, at=world.later)
    span = world.noon - timedelta(days=1), world.noon + timedelta(days=1)
    for person in world.people:
        found = lines_of_person(world.db, person, span, at=world.later)
        assert [
            (one.lesson.id, one.status, one.late_min, one.code_id, one.is_counted) for one in found
        ] == [
            (
                one.view.lesson.id,
                line.mark.status,
                one.window.late_min(line.mark.first_seen_at)
                if line.mark.first_seen_at and line.mark.status is AttendanceStatus.LATE
                else None,
                line.mark.code_id,
                line.mark.is_counted,
            )
            for one in registers
            for line in one.lines
            if line.person.id == person
        ]


def _assert_states(world: World) -> None:
    """Which registers are pending or not taken is what the registers themselves say."""
    views = timetable.lesson_views(world.db, ids=world.lessons)
    registers = [
        one
        for one in service.registers_of(world.db, views, at=world.later)
        if not one.view.is_cancelled and one.view.lesson.ends_at <= world.later
    ]
    wanted = {
        RegisterState.PENDING: [one for one in registers if one.counts[AttendanceStatus.PENDING]],
        RegisterState.NOT_TAKEN: [
            one for one in registers if not is_taken(facts_of(one), world.later)
        ],
    }
    for state, some in wanted.items():
        among = sqlalchemy.select(col(Lesson.id)).where(col(Lesson.id).in_(world.lessons))
        found = find_in_state(world.db, state, among, at=world.later)
        ids = set(world.db.exec(select(Lesson.id).where(found.condition)))
        assert ids == {one.view.lesson.id for one in some}


def _rule(scene: Scene, rulings: list[tuple[int, int, AttendanceStatus | None, bool]]) -> None:
    for lesson, person, status, is_attended in rulings:
        scene.world.db.add(
            Correction(
                lesson_id=scene.world.lessons[lesson],
                person_id=scene.world.people[person],
                status=status.value if status else None,
                is_attended=is_attended,
                reason="r",
                made_by=scene.account,
                made_at=scene.world.noon,
            )
        )
    scene.world.db.flush()


def _confirm(scene: Scene, unseen: list[tuple[int, set[int]]]) -> None:
    """Confirm registers one after the other; the newest word about a lesson counts."""
    world = scene.world
    for number, (lesson, people) in enumerate(unseen):
        world.db.add(
            RegisterConfirmation(
                lesson_id=world.lessons[lesson],
                unseen=sorted(str(world.people[one]) for one in people),
                states={},
                made_by=scene.account,
                made_at=world.noon + timedelta(hours=number),
            )
        )
    world.db.flush()


def _report(world: World, absences: list[tuple[int, bool]]) -> None:
    reason = world.db.exec(select(AbsenceReason.id)).first()
    assert reason is not None
    for person, is_excused in absences:
        world.db.add(
            AbsenceReport(
                person_id=world.people[person],
                first_day=world.noon.date(),
                last_day=world.noon.date(),
                from_time=time(12, 30) if is_excused else None,
                is_excused=is_excused,
                reason_id=reason,
                note="",
                reported_by="",
                entered_by="system",
                entered_at=world.noon,
            )
        )
    world.db.flush()


def _date_rosters(world: World, dates: list[tuple[int, int | None]]) -> None:
    entries = world.db.exec(select(RosterEntry)).all()
    for number, days in dates:
        entry = entries[number % len(entries)]
        entry.until_date = None if days is None else world.noon.date() + timedelta(days=days)
        entry.counts_after = world.noon + timedelta(minutes=45) if days == 0 else None
    world.db.flush()


def _judge_by(world: World, numbers: tuple[int, int, int] | None) -> None:
    """Judge by another policy, as if it had been in force when the lessons began."""
    if numbers is None:
        return
    late, closes, opens = numbers
    attending = AttendancePolicy(
        late_after_min=late, closes_after_start_min=closes or None, opens_before_min=opens
    )
    changed = current_policy(world.db).model_copy(update={"attendance": attending})
    made = set_policy(world.db, changed, actor="system")
    version = world.db.get_one(PolicyVersion, made.version)
    version.created_at = world.noon - timedelta(days=1)
    world.db.flush()


def _move(world: World, moves: list[tuple[int, int]]) -> None:
    """Hang kiosks beside the other door, one after the other."""
    for number, minute in sorted(moves, key=itemgetter(1)):
        kiosk = world.db.get_one(Kiosk, world.kiosks[number])
        other = next(room for room in world.rooms if room != kiosk.room_id)
        at = world.noon + timedelta(minutes=minute)
        placements.move(world.db, kiosk, room_id=other, actor="system", at=at)
    world.db.flush()


def _break(world: World, trouble: str | None) -> None:
    progress = world.db.get_one(KioskProgress, world.kiosks[0])
    if trouble == "fork":
        progress.forked_at = world.noon
    if trouble == "lost":
        world.db.add(
            LostSpan(
                kiosk_id=world.kiosks[0],
                first=1,
                last=2,
                missing=2,
                from_at=world.noon,
                through_at=world.noon,
                reason="test",
            )
        )
    world.db.flush()


@pytest.mark.parametrize("is_attended", [True, False])
@pytest.mark.parametrize("kind", ["seen", "roll_call"])
def test_a_late_code_that_does_not_count_is_not_counted_as_late(
    scene: Scene, kind: str, is_attended: bool
) -> None:
    """Today says how many of those who came were late; a roll call makes it read the register."""
    world = scene.world
    store_events(world, [PLAIN_EVENT | {"kind": kind}])
    _rule(scene, [(2, 0, AttendanceStatus.LATE, is_attended)])
    [tally] = tallies_of(world.db, lesson_rows(world.db, ids=[world.lessons[2]]), at=world.later)
    assert (tally.attended, tally.late) == ((1, 1) if is_attended else (0, 0))
    assert (tally.register is None) == (kind == "seen")


def test_a_lesson_with_plain_events_needs_no_register(scene: Scene) -> None:
    world = scene.world
    store_events(world, [PLAIN_EVENT])
    rows = lesson_rows(world.db, ids=[world.lessons[2]])
    [tally] = tallies_of(world.db, rows, at=world.later)
    assert (tally.attended, tally.register) == (1, None)


@pytest.mark.parametrize(("direction", "attended"), [("in", 0), ("out", 1), (None, 0)])
def test_one_who_leaves_after_check_in_closed_was_there_late(
    scene: Scene, direction: str | None, attended: int
) -> None:
    world = scene.world
    _judge_by(world, (5, 10, 15))
    store_events(world, [PLAIN_EVENT | {"minute": 30, "direction": direction}])
    assert _numbers(world, [world.lessons[2]]) == _expected(world, [world.lessons[2]])
    [tally] = tallies_of(world.db, lesson_rows(world.db, ids=[world.lessons[2]]), at=world.later)
    assert (tally.attended, tally.late, tally.register) == (attended, attended, None)
