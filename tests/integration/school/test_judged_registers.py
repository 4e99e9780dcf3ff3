"""Once a lesson is judged, nothing but what is named here alters its register."""

import uuid
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from protocol.v1.messages import AttendancePolicy
from server.attendance import past
from server.attendance import service as attendance
from server.attendance.erasure import erase_person
from server.attendance.past import Confirmation
from server.attendance.past_kinds import AnyChange, LessonChange, PolicyChange, RosterChange
from server.attendance.register import AttendanceStatus
from server.db.engine import Database
from server.db.types import now
from server.errors import ServerError
from server.kiosks import claiming, placements
from server.kiosks.service import rename_kiosk
from server.kiosks.tables import Kiosk, KioskState
from server.people.tables import Person
from server.policies.scopes import PolicyPlace, Scope
from server.policies.service import PolicyTimeline, current_policy, set_own, set_policy
from server.timetable import lessons as planning
from server.timetable import roster, teachers, terms
from server.timetable import service as timetable
from server.timetable.lessons import LessonPlan
from server.timetable.roster import RosterDates
from server.timetable.tables import RosterEntry
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.support.examples import examples
from tests.support.register_world import ZONE, World, attempted, build, rolled_back, vault_in

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database: Database, tmp_path: object) -> Iterator[World]:
    """The school of `tests.support.register_world`; its transaction is never committed."""
    with database.transaction() as db:
        yield build(db, vault_in(tmp_path))  # type: ignore[arg-type]
        db.rollback()


TODAY = now().date()
_minutes = st.integers(0, 120)
_numbers = st.integers(0, 50)
_days = st.none() | st.integers(-40, 40)


def _day(offset: int | None) -> date | None:
    return None if offset is None else TODAY + timedelta(days=offset)


def _pick(items: list[uuid.UUID], number: int) -> uuid.UUID:
    return items[number % len(items)]


def _change_policy(world: World, late: int, closes: int, opens: int, grace: int) -> None:
    attending = AttendancePolicy(
        late_after_min=late,
        closes_after_start_min=closes or None,
        opens_before_min=opens,
        absent_grace_min=grace,
    )
    policy = current_policy(world.db).model_copy(update={"attendance": attending})
    set_policy(world.db, policy, actor="system")


def _change_own(world: World, number: int, is_room: object, late: int, opens: int) -> None:
    """Give a room or a course its own settings. With none it follows the school."""
    places = [PolicyPlace(Scope.ROOM, one) for one in world.rooms]
    places = places if is_room else [PolicyPlace(Scope.COURSE, one) for one in world.courses]
    attending = {"late_after_min": late, "opens_before_min": opens}
    own = {"attendance": attending} if late else {}
    set_own(world.db, places[number % len(places)], own, actor="system")


def _join(world: World, person: int, course: int, first: int | None, last: int | None) -> None:
    if person % 3 == 0:
        world.person()
    roster.add_to_roster(
        world.db,
        _pick(world.courses, course),
        person_id=_pick(world.people, person),
        from_date=_day(first),
        until_date=_day(last),
        actor="system",
    )


def _entry(world: World, number: int) -> RosterEntry:
    entries = world.db.exec(select(RosterEntry).order_by(col(RosterEntry.id))).all()
    return entries[number % len(entries)]


def _change_roster(world: World, number: int, first: int | None, last: int | None) -> None:
    entry = _entry(world, number)
    dates = RosterDates(_day(first), _day(last))
    with world.db.begin_nested():
        roster.change_dates(world.db, entry.course_id, entry.id, dates, at=now(), actor="system")


def _leave(world: World, number: int) -> None:
    entry = _entry(world, number)
    roster.end_entry(world.db, entry.course_id, entry.id, today=TODAY, at=now(), actor="system")


def _move(world: World, kiosk: int, room: int) -> None:
    row = world.db.get_one(Kiosk, _pick(world.kiosks, kiosk))
    placements.move(world.db, row, room_id=_pick(world.rooms, room), actor="system", at=now())


def _claim_again(world: World, kiosk: int, is_same_device: object) -> None:
    number = kiosk % len(world.kiosks)
    device = world.devices[number] if is_same_device else SimulatedKiosk()
    world.claim(world.kiosks[number], device, at=now())


def _revoke(world: World, kiosk: int) -> None:
    row = world.db.get_one(Kiosk, _pick(world.kiosks, kiosk))
    claiming.revoke(world.db, row, actor="system", at=now())


def _new_kiosk(world: World, room: int) -> None:
    world.kiosk(_pick(world.rooms, room), at=now())


def _rename(world: World, number: int) -> None:
    name = f"Renamed {next(world.numbers)}"
    timetable.rename_room(world.db, _pick(world.rooms, number), name, actor="system")
    timetable.change_course(
        world.db, _pick(world.courses, number), code=name, title=name, actor="system"
    )
    rename_kiosk(world.db, _pick(world.kiosks, number), name, actor="system")
    person = world.db.get_one(Person, _pick(world.people, number))
    person.family_name = person.display_name = name


def _plan(world: World, course: int, room: int, minute: int) -> None:
    """A further lesson, entered now: before, between, after or long after the judged ones."""
    starts_at = world.noon + timedelta(minutes=15 * minute - 180)
    world.lesson(_pick(world.courses, course), _pick(world.rooms, room), starts_at)


def _edit_lesson(world: World, number: int, room: int, minute: int) -> None:
    lesson = timetable.lesson_view(world.db, _pick(world.lessons, number)).lesson
    starts_at = world.noon + timedelta(minutes=15 * minute)
    plan = LessonPlan(
        lesson.course_id,
        _pick(world.rooms, room),
        starts_at,
        starts_at + timedelta(minutes=30),
        allow_double=True,
    )
    planning.change_lesson(world.db, lesson.id, plan, zone=ZONE, at=now(), actor="system")


def _delete_lesson(world: World, number: int) -> None:
    # A lesson for which nothing was recorded may be deleted; the waiting one is such a lesson.
    lesson_id = _pick([one for one in world.lessons if one != world.waiting], number)
    attendance.delete_lesson(world.db, lesson_id, actor="system")
    world.lessons.remove(lesson_id)


def _cancel_other(world: World, number: int) -> None:
    others = [one for one in world.lessons if one not in (world.settled, world.waiting)]
    if others:
        lesson_id = _pick(others, number)
        planning.cancel_lesson(world.db, lesson_id, reason="test", actor="system", at=now())


def _erase(world: World, number: int) -> None:
    """The name goes; the lines and their counts stay."""
    person_id = _pick(world.people, number)
    erase_person(world.db, person_id, reason="asked", actor="system", at=now(), today=TODAY)


def _calendar(world: World, course: int) -> None:
    terms.create_term(
        world.db,
        name=f"Term {next(world.numbers)}",
        first_day=TODAY - timedelta(days=300),
        last_day=TODAY + timedelta(days=300),
        actor="system",
    )
    assert teachers.teachers_of(world.db, _pick(world.courses, course)) is not None


_ORDINARY: dict[Callable[..., None], list[st.SearchStrategy[object]]] = {
    _change_policy: [_minutes, st.integers(0, 60), _minutes, _minutes],
    _change_own: [_numbers, st.booleans(), _minutes, _minutes],
    _join: [_numbers, _numbers, _days, _days],
    _change_roster: [_numbers, _days, _days],
    _leave: [_numbers],
    _move: [_numbers, _numbers],
    _claim_again: [_numbers, st.booleans()],
    _revoke: [_numbers],
    _new_kiosk: [_numbers],
    _rename: [_numbers],
    _plan: [_numbers, _numbers, st.integers(0, 60)],
    _edit_lesson: [_numbers, _numbers, st.integers(-60, 60)],
    _delete_lesson: [_numbers],
    _cancel_other: [_numbers],
    _calendar: [_numbers],
    _erase: [_numbers],
}
_steps = st.lists(
    st.one_of(*(st.tuples(st.just(do), *drawn) for do, drawn in _ORDINARY.items())),
    min_size=1,
    max_size=8,
)


@given(steps=_steps)
@examples(60)
def test_no_ordinary_change_alters_a_judged_register(
    world: World, steps: list[tuple[Callable[..., None], ...]]
) -> None:
    with rolled_back(world):
        before = world.past()
        for do, *drawn in steps:
            with attempted(world):
                do(world, *drawn)
        assert world.past() == before


def _statuses(world: World, lesson_id: uuid.UUID) -> dict[uuid.UUID, AttendanceStatus]:
    register = attendance.register_of(world.db, lesson_id, at=world.later)
    return {line.person.id: line.mark.status for line in register.lines}


def test_the_past_is_what_the_rules_say(world: World) -> None:
    ada, ben, chi, dan = world.people
    expected = {ada: "present", ben: "late", chi: "not_seen", dan: "present"}
    assert _statuses(world, world.settled) == expected
    assert _statuses(world, world.waiting) == {ada: "pending"}


def test_a_late_event_alters_it(world: World) -> None:
    chi, device = world.people[2], world.devices[0]
    late = device.event(world.noon + timedelta(minutes=2), person_id=chi, lesson_id=world.settled)
    world.send(device, late, at=now())
    assert _statuses(world, world.settled)[chi] == AttendanceStatus.PRESENT


def test_a_late_watermark_alters_it(world: World) -> None:
    world.send(world.devices[0], at=now(), through=world.noon + timedelta(minutes=90))
    assert list(_statuses(world, world.waiting).values()) == [AttendanceStatus.NOT_SEEN]


def test_closing_the_watermark_alters_it_and_late_events_still_count(world: World) -> None:
    device, ada = world.devices[0], world.people[0]
    kiosk = world.db.get_one(Kiosk, world.kiosks[0])
    placements.close_watermark(
        world.db,
        kiosk,
        from_at=world.noon,
        reason="burnt",
        actor="system",
        at=now(),
    )
    assert _statuses(world, world.waiting)[ada] == AttendanceStatus.NOT_SEEN
    late = device.event(world.noon + timedelta(minutes=46), person_id=ada, lesson_id=world.waiting)
    world.send(device, late, at=now())
    assert _statuses(world, world.waiting)[ada] == AttendanceStatus.PRESENT


@pytest.mark.parametrize(("from_min", "is_released"), [(0, True), (45, True), (46, False)])
def test_a_closure_releases_lessons_from_its_date_on(
    world: World, from_min: int, is_released: bool
) -> None:
    kiosk = world.db.get_one(Kiosk, world.kiosks[0])
    from_at = world.noon + timedelta(minutes=from_min)
    placements.close_watermark(
        world.db, kiosk, from_at=from_at, reason="burnt", actor="system", at=now()
    )
    register = attendance.register_of(world.db, world.waiting, at=world.later)
    assert (register.waiting_for == ()) is is_released


def test_a_closure_does_not_cover_later_lessons(world: World) -> None:
    kiosk, room = world.db.get_one(Kiosk, world.kiosks[0]), world.rooms[0]
    at = world.noon + timedelta(minutes=60)
    placements.close_watermark(
        world.db, kiosk, from_at=world.noon, reason="burnt", actor="system", at=at
    )
    world.on_roster(world.courses[1], world.people[1])
    later = world.lesson(world.courses[1], room, world.noon + timedelta(minutes=95))
    assert set(_statuses(world, later).values()) == {AttendanceStatus.PENDING}
    assert set(_statuses(world, world.waiting).values()) == {AttendanceStatus.PENDING}


def test_a_lesson_entered_late_takes_no_sighting_from_a_planned_one(world: World) -> None:
    dan = world.people[3]
    starts_at = world.noon - timedelta(minutes=45)
    late = world.lesson(world.courses[0], world.rooms[0], starts_at)
    assert _statuses(world, world.settled)[dan] == AttendanceStatus.PRESENT
    assert _statuses(world, late)[dan] == AttendanceStatus.NOT_SEEN


def test_a_new_device_does_not_speak_for_the_one_before(world: World) -> None:
    device = SimulatedKiosk()
    world.claim(world.kiosks[0], device, at=now())
    world.send(device, at=now() + timedelta(hours=1), through=now() + timedelta(minutes=30))
    assert list(_statuses(world, world.waiting).values()) == [AttendanceStatus.PENDING]


def test_the_same_device_speaks_for_itself_after_a_new_claim(world: World) -> None:
    kiosk, device = world.db.get_one(Kiosk, world.kiosks[0]), world.devices[0]
    claiming.revoke(world.db, kiosk, actor="system", at=now())
    world.db.flush()
    assert kiosk.state == KioskState.REVOKED
    world.claim(kiosk.id, device, at=now())
    world.send(device, at=now(), through=world.noon + timedelta(minutes=90))
    assert list(_statuses(world, world.waiting).values()) == [AttendanceStatus.NOT_SEEN]


def test_a_kiosk_that_was_moved_reports_for_where_it_hung(world: World) -> None:
    kiosk, device = world.db.get_one(Kiosk, world.kiosks[0]), world.devices[0]
    placements.move(world.db, kiosk, room_id=world.rooms[1], actor="system", at=now())
    assert list(_statuses(world, world.waiting).values()) == [AttendanceStatus.PENDING]
    world.send(device, at=now(), through=world.noon + timedelta(minutes=90))
    assert list(_statuses(world, world.waiting).values()) == [AttendanceStatus.NOT_SEEN]


def test_cancelling_takes_it_out_of_the_count_and_keeps_its_lines(world: World) -> None:
    lines = _statuses(world, world.settled)
    planning.cancel_lesson(world.db, world.settled, reason="fire drill", actor="system", at=now())
    register = attendance.register_of(world.db, world.settled, at=world.later)
    assert (sum(register.counts.values()), register.attended) == (0, 0)
    assert _statuses(world, world.settled) == lines
    planning.restore_lesson(
        world.db, world.settled, reason="it took place", actor="system", at=now()
    )
    assert attendance.register_of(world.db, world.settled, at=world.later).attended == 3


def _made(world: World, change: AnyChange) -> past.Preview:
    found = past.preview(world.db, change, zone=ZONE, at=now())
    confirmation = Confirmation("system", "the school decided so", found.fingerprint)
    past.make(world.db, change, confirmation, zone=ZONE, at=now())
    world.db.flush()
    return found


def _lines(preview: past.Preview) -> list[tuple[uuid.UUID, uuid.UUID, str | None, str | None]]:
    return [(one.view.lesson.id, one.person.id, one.before, one.after) for one in preview.lines]


def test_another_policy_alters_it_as_previewed(world: World) -> None:
    ben = world.people[1]
    _change_policy(world, 10, 0, 15, 10)
    assert _statuses(world, world.settled)[ben] == AttendanceStatus.LATE
    change = PolicyChange(lesson_ids=(world.settled,), policy_version=1)
    preview = past.preview(world.db, change, zone=ZONE, at=now())
    assert _lines(preview) == [(world.settled, ben, "late", "present")]
    assert _statuses(world, world.settled)[ben] == AttendanceStatus.LATE
    assert _made(world, change) == preview
    assert _statuses(world, world.settled)[ben] == AttendanceStatus.PRESENT
    assert attendance.register_of(world.db, world.settled, at=now()).policy_version == 1


def test_a_roster_of_the_past_alters_it_as_previewed(world: World) -> None:
    course, joined = world.courses[0], world.person()
    change = RosterChange(course_id=course, person_id=joined, from_date=date(2026, 1, 1))
    assert _lines(_made(world, change)) == [(world.settled, joined, None, "not_seen")]
    assert _statuses(world, world.settled)[joined] == AttendanceStatus.NOT_SEEN
    entry = world.db.exec(select(RosterEntry).where(RosterEntry.person_id == joined)).one()
    left = RosterChange(
        course_id=course,
        person_id=joined,
        entry_id=entry.id,
        from_date=date(2026, 1, 1),
        until_date=date(2026, 1, 31),
    )
    assert _lines(_made(world, left)) == [(world.settled, joined, "not_seen", None)]


def test_another_time_alters_it_as_previewed(world: World) -> None:
    ben = world.people[1]
    change = LessonChange(
        lesson_id=world.settled,
        room_id=world.rooms[0],
        starts_at=world.noon + timedelta(minutes=5),
        ends_at=world.noon + timedelta(minutes=45),
    )
    assert _lines(_made(world, change)) == [(world.settled, ben, "late", "present")]


def test_a_confirmation_of_an_old_preview_is_refused(world: World) -> None:
    _change_policy(world, 10, 0, 15, 10)
    change = PolicyChange(lesson_ids=(world.settled,), policy_version=1)
    old = past.preview(world.db, change, zone=ZONE, at=now()).fingerprint
    device, chi = world.devices[0], world.people[2]
    late = device.event(world.noon + timedelta(minutes=8), person_id=chi, lesson_id=world.settled)
    world.send(device, late, at=now())
    with pytest.raises(ServerError, match="have changed since"):
        past.make(world.db, change, Confirmation("system", "a reason", old), zone=ZONE, at=now())


def test_a_lesson_that_was_judged_again_is_not_deleted(world: World) -> None:
    _change_policy(world, 10, 0, 15, 10)
    _made(world, PolicyChange(lesson_ids=(world.waiting,), policy_version=1))
    with pytest.raises(ServerError, match="cancel it instead"):
        attendance.delete_lesson(world.db, world.waiting, actor="system")


def test_a_lesson_for_which_nothing_was_recorded_is_deleted(world: World) -> None:
    attendance.delete_lesson(world.db, world.waiting, actor="system")
    with pytest.raises(ServerError, match="no such lesson"):
        timetable.lesson_view(world.db, world.waiting)


def test_an_erased_person_is_not_put_on_a_past_roster(world: World) -> None:
    erased = world.person()
    erase_person(world.db, erased, reason="asked", actor="system", at=now(), today=TODAY)
    change = RosterChange(
        course_id=world.courses[0], person_id=erased, from_date=TODAY - timedelta(days=9)
    )
    with pytest.raises(ServerError, match="was erased"):
        past.preview(world.db, change, zone=ZONE, at=now())


def test_an_ordinary_edit_of_a_started_lesson_is_refused_by_name(world: World) -> None:
    with pytest.raises(ServerError, match="Change past registers"):
        _edit_lesson(world, 0, 1, 2)


@given(
    minutes=st.lists(st.integers(-60, 150), min_size=1, max_size=6),
    extra=st.lists(st.integers(-8, 12), max_size=4, unique=True),
)
@examples(40)
def test_a_sighting_without_a_lesson_counts_for_one_lesson(
    world: World, minutes: list[int], extra: list[int]
) -> None:
    with rolled_back(world):
        ada, device, room = world.people[0], world.devices[0], world.rooms[0]
        for number in extra:
            with attempted(world):
                world.lesson(
                    world.courses[number % 2], room, world.noon + timedelta(minutes=15 * number)
                )
        events = [device.event(world.noon + timedelta(minutes=at), person_id=ada) for at in minutes]
        world.send(device, *events, at=now())
        views = timetable.lesson_views(world.db)
        registers = attendance.registers_of(world.db, views, at=world.later)
        alone = [attendance.register_of(world.db, one.lesson.id, at=world.later) for one in views]
        assert [one.lines for one in registers] == [one.lines for one in alone]
        counted = [
            line.mark.event_id
            for one in registers
            for line in one.lines
            if line.mark.event_id is not None
        ]
        assert len(counted) == len(set(counted))


def test_session_that_sets_a_policy_judges_by_it_at_once(database: Database) -> None:
    with database.transaction() as db:
        before = PolicyTimeline.of(db)
        assert PolicyTimeline.of(db) is before
        version = set_policy(db, current_policy(db), actor="system").version
        after = PolicyTimeline.of(db)
        assert after.version_at(now() + timedelta(seconds=1)) == version
        assert after.policy(version).version == version
