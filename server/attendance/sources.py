"""What registers are made of, read from the database for many lessons at once."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from protocol.v1.messages import AttendanceWindow, EventKind, window_of
from server.attendance.register import KioskWatch, RegisterEvent, Ruling
from server.attendance.tables import Correction, Rejudgement, StoredEvent
from server.kiosks.placements import closures_of, placements_between
from server.kiosks.tables import Kiosk, KioskPlacement, KioskProgress, WatermarkClosure
from server.people.tables import Person
from server.policies.service import PolicyTimeline
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.service import LessonView
from server.timetable.tables import Lesson, RosterEntry

_CHUNK = 500
_NEVER = datetime.min.replace(tzinfo=UTC)
#: No policy opens a check-in earlier than this before the start (protocol.v1.policy).
_EARLIEST_OPENING = timedelta(minutes=240)


@dataclass(frozen=True)
class JudgedLesson:
    """A lesson with the policy that judges it and the window that follows from it."""

    view: LessonView
    policy_version: int
    window: AttendanceWindow

    @property
    def lesson(self) -> Lesson:
        """The lesson itself."""
        return self.view.lesson


@dataclass(frozen=True)
class WatchingKiosk:
    """A kiosk that hung in a lesson's room, and how far it has reported."""

    kiosk: Kiosk
    watch: KioskWatch

    @property
    def synced_through(self) -> datetime | None:
        """Everything until then is here."""
        return self.watch.reported_through


@dataclass(frozen=True)
class Sources:
    """What several registers are made of."""

    rosters: dict[uuid.UUID, list[tuple[RosterEntry, Person]]]
    kiosks: dict[uuid.UUID, list[WatchingKiosk]]
    events: dict[uuid.UUID, list[RegisterEvent]]
    rulings: dict[uuid.UUID, list[Ruling]]


def judged_lessons(db: Session, views: Sequence[LessonView]) -> list[JudgedLesson]:
    """Find for each lesson the policy that was in force when it started, or was chosen since."""
    timeline = PolicyTimeline(db)
    chosen = _rejudged(db, [view.lesson.id for view in views])
    found = []
    for view in views:
        lesson = view.lesson
        version = chosen.get(lesson.id, timeline.version_at(lesson.starts_at))
        policy = timeline.policy(version).attendance
        found.append(
            JudgedLesson(view, version, window_of(lesson.starts_at, lesson.ends_at, policy))
        )
    return found


def read_sources(db: Session, lessons: Sequence[JudgedLesson]) -> Sources:
    """Read everything for these lessons, with as many queries for a day as for one lesson."""
    rows = with_neighbours(db, lessons)
    rosters = roster.rosters_of(db, {one.view.course.id for one in rows})
    first = min(one.window.opens_at for one in rows)
    last = max(one.window.ends_at for one in rows)
    placements = placements_between(db, {one.view.room.id for one in rows}, first, last)
    return Sources(
        rosters=rosters,
        kiosks=_watching(db, lessons, placements),
        events=_events(db, lessons, _Assignment(rows, rosters, placements)),
        rulings=_rulings(db, [one.lesson.id for one in lessons]),
    )


def _rejudged(db: Session, lesson_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, int]:
    query = select(Rejudgement).where(col(Rejudgement.lesson_id).in_(lesson_ids))
    rows = db.exec(query.order_by(col(Rejudgement.made_at), col(Rejudgement.id)))
    return {row.lesson_id: row.policy_version for row in rows}


def with_neighbours(db: Session, lessons: Sequence[JudgedLesson]) -> list[JudgedLesson]:
    """Return these lessons and those of their rooms that may claim one of their sightings."""
    known = {one.lesson.id for one in lessons}
    near = timetable.lesson_views(
        db,
        after=min(one.window.opens_at for one in lessons),
        before=max(one.window.ends_at for one in lessons) + _EARLIEST_OPENING,
        room_ids={one.view.room.id for one in lessons},
    )
    others = [view for view in near if view.lesson.id not in known]
    return [*lessons, *(judged_lessons(db, others) if others else [])]


def _watching(
    db: Session, lessons: Sequence[JudgedLesson], placements: Sequence[KioskPlacement]
) -> dict[uuid.UUID, list[WatchingKiosk]]:
    ids = {placement.kiosk_id for placement in placements}
    query = (
        select(Kiosk, KioskProgress)
        .join(KioskProgress, col(KioskProgress.kiosk_id) == col(Kiosk.id))
        .where(col(Kiosk.id).in_(ids))
    )
    kiosks = {kiosk.id: (kiosk, progress.synced_through) for kiosk, progress in db.exec(query)}
    closures = closures_of(db, ids)
    found: dict[uuid.UUID, list[WatchingKiosk]] = {}
    for one in lessons:
        for placement in placements:
            if placement.kiosk_id in kiosks and _overlaps(placement, one):
                kiosk, reported = kiosks[placement.kiosk_id]
                watch = _watch(placement, one.lesson, reported, closures)
                found.setdefault(one.lesson.id, []).append(WatchingKiosk(kiosk, watch))
    return found


def _overlaps(placement: KioskPlacement, one: JudgedLesson) -> bool:
    lesson = one.lesson
    is_there = placement.from_at < lesson.ends_at and (
        placement.until_at is None or placement.until_at > lesson.starts_at
    )
    return placement.room_id == one.view.room.id and is_there


def _watch(
    placement: KioskPlacement,
    lesson: Lesson,
    reported: datetime | None,
    closures: Iterable[WatermarkClosure],
) -> KioskWatch:
    needed = min(lesson.ends_at, placement.until_at or lesson.ends_at)
    is_released = any(
        closure.kiosk_id == placement.kiosk_id
        and closure.from_at <= max(lesson.starts_at, placement.from_at)
        and needed <= closure.through_at
        for closure in closures
    )
    through = placement.reported_through if placement.device_left else reported
    return KioskWatch(placement.kiosk_id, needed, through, is_released)


class _Assignment:
    """Decides which one lesson a sighting counts for that names none."""

    def __init__(
        self,
        lessons: Sequence[JudgedLesson],
        rosters: dict[uuid.UUID, list[tuple[RosterEntry, Person]]],
        placements: Sequence[KioskPlacement],
    ) -> None:
        self.kiosk_ids = {placement.kiosk_id for placement in placements}
        self.first = min(one.window.opens_at for one in lessons)
        self.last = max(one.window.ends_at for one in lessons)
        self._lessons = sorted(lessons, key=_claim_order)
        self._rosters = rosters
        self._placements = placements

    def lesson_of(self, event: RegisterEvent) -> uuid.UUID | None:
        """Return the lesson the sighting counts for; None where it counts for none.

        The lesson that runs comes before one whose check-in is open. A lesson that was entered
        after it had started takes nothing from those that were there before.
        """
        rooms = {
            placement.room_id
            for placement in self._placements
            if placement.kiosk_id == event.kiosk_id and _hung_at(placement, event.counted_at)
        }
        fitting = [
            one
            for one in self._lessons
            if one.view.room.id in rooms
            and one.window.arrival(event.counted_at) is not None
            and self._is_due(event.person_id, one)
        ]
        fitting.sort(key=lambda one: (_entered_late_at(one), not _runs(one, event.counted_at)))
        return fitting[0].lesson.id if fitting else None

    def _is_due(self, person_id: uuid.UUID | None, one: JudgedLesson) -> bool:
        return any(
            person.id == person_id and roster.applies(entry, one.lesson)
            for entry, person in self._rosters.get(one.view.course.id, [])
        )


def _claim_order(one: JudgedLesson) -> tuple[datetime, datetime, uuid.UUID]:
    return one.lesson.starts_at, one.lesson.created_at, one.lesson.id


def _entered_late_at(one: JudgedLesson) -> datetime:
    """Return when a lesson was entered that had started by then; the earliest moment otherwise."""
    created_at = one.lesson.created_at
    return created_at if created_at > one.lesson.starts_at else _NEVER


def _runs(one: JudgedLesson, at: datetime) -> bool:
    return one.window.is_running(at)


def _hung_at(placement: KioskPlacement, at: datetime) -> bool:
    return placement.from_at <= at and (placement.until_at is None or at < placement.until_at)


def _events(
    db: Session, lessons: Sequence[JudgedLesson], assignment: _Assignment
) -> dict[uuid.UUID, list[RegisterEvent]]:
    """Return events by the lesson they count for: the one they name, else the one they fit.

    An event names none where the kiosk's timetable was old, and one that is gone where the lesson
    was deleted meanwhile.
    """
    wanted = {one.lesson.id for one in lessons}
    named = col(StoredEvent.lesson_id).in_(wanted)
    names_none = or_(
        col(StoredEvent.lesson_id).is_(None),
        col(StoredEvent.lesson_id).not_in(select(Lesson.id)),
    )
    unnamed = and_(
        names_none,
        col(StoredEvent.kiosk_id).in_(assignment.kiosk_ids),
        col(StoredEvent.counted_at).between(assignment.first, assignment.last),
    )
    by_lesson: dict[uuid.UUID, list[RegisterEvent]] = {}
    belongs: dict[tuple[uuid.UUID, uuid.UUID], uuid.UUID] = {}
    for lesson_id, event in _read_events(db, or_(named, unnamed)):
        if event.kind == EventKind.NOT_ME:
            continue
        target = lesson_id if lesson_id in wanted else assignment.lesson_of(event)
        if target in wanted and target is not None:
            belongs[event.key] = target
            by_lesson.setdefault(target, []).append(event)
    # An objection counts where what it objects to counts.
    for objection in _objections(db, belongs):
        target = belongs.get((objection.kiosk_id, objection.refers_to or objection.event_id))
        if target is not None:
            by_lesson[target].append(objection)
    return by_lesson


def _objections(
    db: Session, keys: Collection[tuple[uuid.UUID, uuid.UUID]]
) -> Iterable[RegisterEvent]:
    kiosks, ids = {kiosk for kiosk, _event in keys}, [event for _kiosk, event in keys]
    for start in range(0, len(ids), _CHUNK):
        condition = and_(
            col(StoredEvent.kind) == EventKind.NOT_ME.value,
            col(StoredEvent.kiosk_id).in_(kiosks),
            col(StoredEvent.refers_to).in_(ids[start : start + _CHUNK]),
        )
        for _lesson_id, event in _read_events(db, condition):
            yield event


def _read_events(
    db: Session, condition: ColumnElement[bool]
) -> list[tuple[uuid.UUID | None, RegisterEvent]]:
    table = StoredEvent
    query = select(table.lesson_id, table.counted_at, table.id, table.kiosk_id).add_columns(
        col(table.person_id),
        col(table.kind),
        col(table.method),
        col(table.clock_source),
        col(table.refers_to),
        col(table.shown_status),
    )
    return [(row[0], RegisterEvent(*row[1:])) for row in db.execute(query.where(condition))]


def _rulings(db: Session, lesson_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Ruling]]:
    found: dict[uuid.UUID, list[Ruling]] = {}
    query = select(Correction).where(col(Correction.lesson_id).in_(lesson_ids))
    for row in db.exec(query):
        ruling = Ruling(row.made_at, row.id, row.person_id, row.status)
        found.setdefault(row.lesson_id, []).append(ruling)
    return found
