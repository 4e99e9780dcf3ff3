"""What registers are made of, read from the database for many lessons at once."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session

from protocol.v1.messages import AttendanceWindow, EventKind
from server.absences.reads import spans_between
from server.absences.rules import LessonTimes, ReportedAbsence, reported_in
from server.attendance.assignment import Assignment, JudgedLesson, Timed, judged_lessons
from server.attendance.confirmation_reads import ConfirmedRegister, confirmations_of
from server.attendance.event_reads import (
    events_of,
    named_or_unnamed,
    objections,
    replayed,
    rulings_of,
    uncertain,
)
from server.attendance.register import EventKey, KioskWatch, RegisterEvent, Ruling
from server.attendance.thinning import FEW, thinned
from server.attendance.watermarks import believed
from server.db.prepared import Prepared, several, table_of
from server.kiosks.lost_spans import open_spans
from server.kiosks.placements import closures_of, placements_between
from server.kiosks.tables import Kiosk, KioskPlacement, KioskProgress, LostSpan, WatermarkClosure
from server.timetable import service as timetable
from server.timetable.day import LessonRow
from server.timetable.roster import ListedPerson, Listing, listed_people
from server.timetable.tables import Lesson

#: No policy opens a check-in earlier than this before the start (protocol.v1.policy).
_EARLIEST_OPENING = timedelta(minutes=240)

_kiosks, _progress = table_of(Kiosk), table_of(KioskProgress)
_KIOSKS = Prepared(
    sqlalchemy.select(
        _kiosks.c.id, _kiosks.c.name, _progress.c.synced_through, _progress.c.forked_at
    )
    .join(_progress, _progress.c.kiosk_id == _kiosks.c.id)
    .where(_kiosks.c.id.in_(several("kiosks")))
)


#: A lesson with its window.
Watched = tuple[Timed, AttendanceWindow]


class KioskRow(NamedTuple):
    """A kiosk as registers know it; see `Kiosk` and `KioskProgress`."""

    id: uuid.UUID
    name: str
    synced_through: datetime | None
    forked_at: datetime | None


@dataclass(frozen=True)
class WatchingKiosk:
    """A kiosk that hung in a lesson's room, and how far it has reported.

    Attributes:
        lost: open spans of events that it lost and that may belong to the lesson.
        is_forked: two devices use its identity, so what it reports is not believed.
    """

    kiosk: KioskRow
    watch: KioskWatch
    lost: tuple[LostSpan, ...] = ()
    is_forked: bool = False

    @property
    def synced_through(self) -> datetime | None:
        """Everything until then is here."""
        return self.watch.reported_through

    @property
    def comes_to_nothing(self) -> bool:
        """Whether waiting alone does not help: a person has to decide."""
        return self.is_forked or bool(self.lost)

    @property
    def lost_events(self) -> int:
        """How many events it lost that may belong to the lesson."""
        return sum(one.missing for one in self.lost)

    @property
    def lost_since(self) -> datetime | None:
        """From when on they may have happened; None where it lost none."""
        return min((one.from_at for one in self.lost), default=None)


@dataclass(frozen=True)
class Sources:
    """What several registers are made of."""

    rosters: dict[uuid.UUID, list[tuple[Listing, ListedPerson]]]
    kiosks: dict[uuid.UUID, list[WatchingKiosk]]
    events: dict[uuid.UUID, list[RegisterEvent]]
    rulings: dict[uuid.UUID, list[Ruling]]
    absences: dict[uuid.UUID, list[ReportedAbsence]]
    confirmations: dict[uuid.UUID, ConfirmedRegister]


def read_sources(
    db: Session, lessons: Sequence[JudgedLesson], at: datetime, *, few: int | None = FEW
) -> Sources:
    """Read everything for these lessons, with as many queries for a day as for one lesson.

    Args:
        db: the caller's.
        lessons: at least one.
        at: the moment the registers are read. A kiosk that reported for a later time did so while
            a clock was wrong, and is not believed.
        few: of more events, those that change no register are left out; None: nothing is.
    """
    rows = with_neighbours(db, lessons)
    rosters = listed_people(db, {one.view.course.id for one in rows})
    first = min(one.window.opens_at for one in rows)
    last = max(one.window.ends_at for one in rows)
    placements = placements_between(db, {one.view.room.id for one in rows}, first, last)
    events = _events(db, lessons, Assignment(rows, rosters, placements), few)
    return Sources(
        rosters=rosters,
        kiosks=watching(db, [(one.lesson, one.window) for one in lessons], placements, at),
        events=_marked_replays(db, events),
        rulings=rulings_of(db, [one.lesson.id for one in lessons]),
        absences=_absences(db, [one.lesson for one in lessons]),
        confirmations=confirmations_of(db, [one.lesson.id for one in lessons]),
    )


def lessons_of_events(
    db: Session, keys: Collection[EventKey], views: Sequence[timetable.LessonView]
) -> dict[EventKey, set[uuid.UUID]]:
    """Return the lessons that each of these events is listed in, as registers are made of them.

    Args:
        db: the caller's.
        keys: the events.
        views: every lesson that one of them may count for, at least one.
    """
    lessons = judged_lessons(db, views)
    first = min(one.window.opens_at for one in lessons)
    last = max(one.window.ends_at for one in lessons)
    placements = placements_between(db, {one.view.room.id for one in lessons}, first, last)
    rosters = listed_people(db, {one.view.course.id for one in lessons})
    assignment = Assignment(lessons, rosters, placements)
    read = events_of(db, keys)
    windows = _windows(db, assignment, {lesson_id for lesson_id, _event in read})
    return {event.key: assignment.lessons_of(named, event, windows) for named, event in read}


def _absences(db: Session, lessons: Sequence[Lesson]) -> dict[uuid.UUID, list[ReportedAbsence]]:
    """Return what was reported for each lesson."""
    days = {one.day for one in lessons}
    spans = spans_between(db, min(days), max(days))
    if not spans:
        return {}
    by_day = {day: [one for one in spans if one.first_day <= day <= one.last_day] for day in days}
    return {one.id: reported_in(by_day[one.day], times_of(one)) for one in lessons}


def times_of(lesson: Lesson | LessonRow) -> LessonTimes:
    """Return when a lesson takes place, as reported absences are compared with."""
    local = lesson.starts_at.astimezone(ZoneInfo(lesson.time_zone))
    return LessonTimes(local.date(), local.time(), lesson.ends_at)


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


def watching(
    db: Session, lessons: Sequence[Watched], placements: Sequence[KioskPlacement], at: datetime
) -> dict[uuid.UUID, list[WatchingKiosk]]:
    """Return the kiosks that hung in the rooms of these lessons; lessons without one are left out.

    Args:
        db: the caller's.
        lessons: at least one, each with its window.
        placements: those in the rooms of the lessons at that time.
        at: the moment the registers are read.
    """
    ids = {placement.kiosk_id for placement in placements}
    kiosks = {row[0]: KioskRow(*row) for row in _KIOSKS.rows(db, kiosks=ids)}
    closures = closures_of(db, ids)
    opens_at = min(window.opens_at for _lesson, window in lessons)
    spans = open_spans(db, ids, opens_at, max(window.ends_at for _lesson, window in lessons))
    by_room: dict[uuid.UUID, list[KioskPlacement]] = {}
    for placement in placements:
        if placement.kiosk_id in kiosks:
            by_room.setdefault(placement.room_id, []).append(placement)
    found: dict[uuid.UUID, list[WatchingKiosk]] = {}
    for lesson, window in lessons:
        for placement in by_room.get(lesson.room_id, ()):
            if _overlaps(placement, lesson):
                kiosk = kiosks[placement.kiosk_id]
                through = (
                    placement.reported_through if placement.device_left else kiosk.synced_through
                )
                watch = _watch(placement, lesson, believed(through, at), closures)
                lost = tuple(span for span in spans if _may_touch(span, placement, window))
                is_forked = kiosk.forked_at is not None
                found.setdefault(lesson.id, []).append(
                    WatchingKiosk(kiosk, replace(watch, has_lost=bool(lost)), lost, is_forked)
                )
    return found


def _may_touch(span: LostSpan, placement: KioskPlacement, window: AttendanceWindow) -> bool:
    """Whether the kiosk may have lost a mark of the lesson, check-in before it included."""
    first = max(window.opens_at, placement.from_at)
    last = min(window.ends_at, placement.until_at or window.ends_at)
    return span.kiosk_id == placement.kiosk_id and span.from_at <= last and first <= span.through_at


def _overlaps(placement: KioskPlacement, lesson: Timed) -> bool:
    return placement.from_at < lesson.ends_at and (
        placement.until_at is None or placement.until_at > lesson.starts_at
    )


def _watch(
    placement: KioskPlacement,
    lesson: Timed,
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
    return KioskWatch(placement.kiosk_id, needed, reported, is_released)


def _events(
    db: Session, lessons: Sequence[JudgedLesson], assignment: Assignment, few: int | None
) -> dict[uuid.UUID, list[RegisterEvent]]:
    """Return events by the lesson they count for: the one they name, else the one they fit.

    An event names none where the kiosk's timetable was old, and one that is gone where the lesson
    was deleted meanwhile.
    """
    wanted = {one.lesson.id for one in lessons}
    span = (assignment.kiosk_ids, assignment.first, assignment.last)
    if few is None:
        read = named_or_unnamed(db, wanted, *span)
    else:
        read = thinned(db, wanted, assignment, few=few)
    read += uncertain(db, *span)
    windows = _windows(db, assignment, {lesson_id for lesson_id, _event in read})
    by_lesson: dict[uuid.UUID, list[RegisterEvent]] = {}
    belongs: dict[tuple[uuid.UUID, uuid.UUID], set[uuid.UUID]] = {}
    for lesson_id, event in {event.key: (lesson_id, event) for lesson_id, event in read}.values():
        if event.kind == EventKind.NOT_ME:
            continue
        for target in assignment.lessons_of(lesson_id, event, windows) & wanted:
            belongs.setdefault(event.key, set()).add(target)
            by_lesson.setdefault(target, []).append(event)
    # An objection counts where what it objects to counts.
    for objection in objections(db, belongs):
        for target in belongs.get(
            (objection.kiosk_id, objection.refers_to or objection.event_id), ()
        ):
            by_lesson[target].append(objection)
    return by_lesson


def _marked_replays(
    db: Session, events: dict[uuid.UUID, list[RegisterEvent]]
) -> dict[uuid.UUID, list[RegisterEvent]]:
    """Return the same events; those whose code another kiosk accepted before say so."""
    again = replayed(db, chain.from_iterable(events.values()))
    if not again:
        return events
    return {
        lesson: [replace(one, is_replay=one.key in again) for one in found]
        for lesson, found in events.items()
    }


def _windows(
    db: Session, assignment: Assignment, named: set[uuid.UUID | None]
) -> dict[uuid.UUID, AttendanceWindow]:
    """Return the windows of the named lessons that exist, whichever day and room they are of."""
    known = assignment.windows
    unknown = [one for one in named if one is not None and one not in known]
    if not unknown:
        return known
    views = timetable.lesson_views(db, ids=unknown)
    others = judged_lessons(db, views) if views else []
    return known | {one.lesson.id: one.window for one in others}
