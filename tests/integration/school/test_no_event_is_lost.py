"""Whatever clocks say and whenever events arrive: each one has an effect, and counts once."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from protocol.v1.messages import RawEvent
from server.attendance.assignment import judged_lessons
from server.attendance.ingest import store_kept
from server.attendance.register import CLOCK_TOLERANCE, Judgement
from server.attendance.service import register_of
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.db.engine import Database
from server.timetable.service import lesson_views
from tests.support.examples import examples
from tests.support.register_world import World, build, rolled_back, vault_in

pytestmark = pytest.mark.integration


@pytest.fixture
def world(database: Database, tmp_path: object) -> Iterator[World]:
    """The school of `tests.support.register_world`; its transaction is never committed."""
    with database.transaction() as db:
        yield build(db, vault_in(tmp_path))  # type: ignore[arg-type]
        db.rollback()


@dataclass(frozen=True)
class Scan:
    """One scan: when it was, what the kiosk's clock made of it, and what the kiosk named.

    Attributes:
        minute: of the true time, after noon.
        off_min: the kiosk's clock minus the true time.
        is_offset_stated: the kiosk knows how far it is off.
        boot: number of the boot; the uptime is true.
    """

    minute: int
    off_min: int
    source: str
    is_offset_stated: bool
    boot: int
    person: int
    lesson: int | None


_FAR = 60 * 24 * 365 * 50
_offsets = st.sampled_from([0, 0, 20, -20, 180, -180, -60 * 24, 60 * 24, -_FAR])
scans = st.builds(
    Scan,
    minute=st.integers(-60, 120),
    off_min=_offsets,
    source=st.sampled_from(["ntp", "rtc", "server", "unsynced", "unsynced"]),
    is_offset_stated=st.booleans(),
    boot=st.integers(0, 2),
    person=st.integers(0, 3),
    lesson=st.none() | st.integers(0, 1),
)
#: Minutes after the last scan, and how far the server's clock is off then.
deliveries = st.lists(
    st.tuples(st.integers(0, 600), st.sampled_from([0, 0, 0, -300, 300])), min_size=1, max_size=4
)


def _event(world: World, scan: Scan) -> RawEvent:
    true_at = world.noon + timedelta(minutes=scan.minute)
    is_right = scan.source in ("ntp", "server")  # that is what the words mean
    said = true_at if is_right else true_at + timedelta(minutes=scan.off_min)
    clock: dict[str, object] = {
        "source": scan.source,
        "boot_id": f"start-{scan.boot}",
        "uptime_s": float(60 * (scan.minute + 60)),
    }
    if scan.is_offset_stated and not is_right:
        clock["offset_ms"] = -scan.off_min * 60_000.0
    lessons = (world.settled, world.waiting)
    return world.devices[0].event(
        said,
        person_id=world.people[scan.person],
        lesson_id=None if scan.lesson is None else lessons[scan.lesson],
        clock=clock,
    )


def _marks(world: World) -> list[tuple[Judgement, uuid.UUID]]:
    found = []
    for lesson_id in (world.settled, world.waiting):
        register = register_of(world.db, lesson_id, at=world.later)
        found += [(line.mark, lesson_id) for line in register.lines]
    return found


def _has_effect(world: World, row: StoredEvent, marks: list[tuple[Judgement, uuid.UUID]]) -> bool:
    own = [mark for mark, _lesson in marks if mark.person_id == row.person_id]
    is_mark = any(
        mark.first_seen_at is not None
        and mark.last_seen_at is not None
        and mark.first_seen_at <= row.counted_at <= mark.last_seen_at
        for mark in own
    )
    return is_mark or any(one.event_id == row.id for mark in own for one in mark.doubtful)


def _is_outside(world: World, row: StoredEvent) -> bool:
    """Whether the lessons of the person and their times leave no place for an event.

    One whose stated time fits the lesson that it names counts there, as if its time were certain,
    also where the person is not due in that lesson (any more).
    """
    views = lesson_views(world.db, ids=[world.settled, world.waiting])
    windows = {one.lesson.id: one.window for one in judged_lessons(world.db, views)}
    due = {world.settled} | ({world.waiting} if row.person_id == world.people[0] else set())
    if row.not_before is None:
        named = windows.get(row.lesson_id) if row.lesson_id and not row.is_time_corrected else None
        mine = [named] if named is not None else [windows[one] for one in due]
        return row.lesson_id not in due | {None} or not any(
            window.arrival(row.counted_at, row.direction) for window in mine
        )
    named = windows.get(row.lesson_id) if row.lesson_id else None
    is_possible = (
        row.not_before - CLOCK_TOLERANCE <= row.counted_at <= row.received_at + CLOCK_TOLERANCE
    )
    if named is not None and is_possible and named.arrival(row.counted_at, row.direction):
        return row.lesson_id not in due
    return not any(
        windows[one].opens_at <= row.received_at and row.not_before <= windows[one].ends_at
        for one in due
    )


@examples(40)
@given(given_scans=st.lists(scans, min_size=1, max_size=6), arriving=deliveries)
def test_no_event_is_without_effect(
    world: World, given_scans: list[Scan], arriving: list[tuple[int, int]]
) -> None:
    in_order = sorted(given_scans, key=lambda scan: scan.minute)
    with rolled_back(world):
        device = world.devices[0]
        place = (device.seq, device.head)
        events = [_event(world, scan) for scan in in_order]
        last = world.noon + timedelta(minutes=in_order[-1].minute)
        for minutes, off_min in arriving:  # the whole outbox again each time
            world.send(device, *events, at=last + timedelta(minutes=minutes + off_min))
        device.seq, device.head = place
        store_kept(world.db, uuid.UUID(device.kiosk_id), world.later)
        _check(world, events)


def _check(world: World, events: list[RawEvent]) -> None:
    ids = [uuid.UUID(str(one["id"])) for one in events]
    query = select(StoredEvent).where(col(StoredEvent.id).in_(ids))
    stored = {row.id: row for row in world.db.exec(query)}
    kept = select(QuarantinedEvent).where(
        col(QuarantinedEvent.decision).is_(None), col(QuarantinedEvent.is_authentic)
    )
    waiting = {row.event_id: row.reason for row in world.db.exec(kept)}
    marks = _marks(world)
    for one in ids:
        assert (one in stored) + (str(one) in waiting) == 1
        assert waiting.get(str(one)) != "future", "judged again"
    for row in stored.values():
        assert _has_effect(world, row, marks) or _is_outside(world, row), row.body
        _check_not_absent(world, row, marks)


def _check_not_absent(
    world: World, row: StoredEvent, marks: list[tuple[Judgement, uuid.UUID]]
) -> None:
    """A lesson that an uncertain scan may belong to calls nobody absent."""
    for mark, lesson_id in marks:
        may_belong = any(one.event_id == row.id for one in mark.doubtful)
        if may_belong or (row.not_before is not None and row.lesson_id == lesson_id):
            assert mark.person_id != row.person_id or mark.status != "not_seen"
