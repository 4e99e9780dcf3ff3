"""Single lessons that a calendar cancels or moves. Nothing that has started is touched."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.db.types import now
from server.imports.calendars.entries import EntryRow, Slot, SlotChange
from server.imports.calendars.known import KnownLessons
from server.imports.calendars.lessons import SeriesEntries, about_slot, wrong_finding
from server.imports.calendars.places import CalendarPlaces, NamedPlace
from server.imports.calendars.planning import planned, span_of
from server.imports.findings import (
    Finding,
    Judged,
    ParsedRow,
    RowOutcome,
    ValueChange,
    judged_each,
    written_each,
)
from server.people.bulk import ImportOrigin
from server.timetable.lessons import LessonPlan, cancel_lesson, change_lesson, create_lesson
from server.timetable.patterns.clashes import Clash, find_clashes
from server.timetable.patterns.started import opens_before
from server.timetable.patterns.weekly import PlannedLesson
from server.timetable.service import LessonView

_REASON = "Cancelled in the calendar file that was imported."


@dataclass(frozen=True)
class ChangePlan:
    """What is written.

    Attributes:
        lesson_id: of the lesson that is changed; None: a new one.
        lesson: what it is then; None: cancelled.
    """

    lesson_id: uuid.UUID | None
    lesson: LessonPlan | None


@dataclass(frozen=True)
class _Place:
    """A slot with the course and the room that it names."""

    slot: Slot
    course: NamedPlace
    room: NamedPlace

    @property
    def key(self) -> tuple[object, ...]:
        return self.course.id, self.room.id, self.slot.starts_at

    def plan(self) -> LessonPlan:
        return LessonPlan(self.course.id, self.room.id, self.slot.starts_at, self.slot.ends_at)


class _Move(NamedTuple):
    """A lesson that is to be elsewhere."""

    before: _Place
    after: _Place

    def planned(self, zone: ZoneInfo) -> PlannedLesson:
        """Return it as clashes are found with."""
        day = self.after.slot.local(zone)[0].date()
        return planned(self.after.course.id, self.after.room.id, self.after.slot, day)


class ChangeEntries:
    """Judges and writes the changes of one file.

    Args:
        zone: the school's.
        series: of the same file, as a dry run writes none of their lessons.
    """

    def __init__(self, zone: ZoneInfo, series: SeriesEntries) -> None:
        self._zone, self._series = zone, series
        #: Of a dry run: where earlier parts of the file move lessons, and from where.
        self._moved: list[list[PlannedLesson]] = []
        self._left: set[tuple[object, ...]] = set()

    def identify(self, row: ParsedRow) -> str:
        """Return what a report calls a change."""
        return self.about(row)

    def about(self, row: ParsedRow) -> str:
        """Return the lesson as it would be without the change."""
        return about_slot(change_of(row).before, self._zone)

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Find the lessons that are changed, and what they clash with."""
        places = CalendarPlaces(db)
        read = judged_each(self, rows, lambda row: self._read(row, places))
        pairs: list[tuple[_Place, _Place | None]] = [one.payload for one in read if one.payload]
        every = [one for pair in pairs for one in pair if one is not None]
        if not every:
            return read
        courses, slots = {one.course.id for one in every}, [one.slot for one in every]
        known = KnownLessons(db, courses, *span_of(slots))
        judge = _ChangeJudge(db, places, known, zone=self._zone, coming=self._series.coming)
        judged = [one if one.payload is None else judge.judge(one) for one in read]
        moves: dict[int, _Move] = {}
        left: set[tuple[object, ...]] = set()
        for at, one in enumerate(judged):
            if isinstance(one.payload, ChangePlan) and one.payload.lesson is not None:
                moves[at] = _Move(*read[at].payload)
            elif isinstance(one.payload, ChangePlan):
                left.add(read[at].payload[0].key)
        for at, clash in self._clashes(db, moves, left, lock=lock).items():
            code = places.code_of(clash.course_id)
            wrong = wrong_finding(judged[at].finding, f"clash_{clash.kind}", course=code)
            judged[at] = Judged(wrong)
        return judged

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Cancel, move and add lessons, each as a person would; cancelled ones make room first."""
        at, actor = now(), origin.actor
        in_order = sorted(judged, key=_takes_a_place)

        def write(one: Judged) -> None:
            plan: ChangePlan = one.payload
            if plan.lesson is None and plan.lesson_id is not None:
                cancel_lesson(db, plan.lesson_id, reason=_REASON, actor=actor, at=at)
            elif plan.lesson is not None and plan.lesson_id is not None:
                change_lesson(db, plan.lesson_id, plan.lesson, zone=self._zone, at=at, actor=actor)
            elif plan.lesson is not None:
                create_lesson(db, plan.lesson, zone=self._zone, at=at, actor=actor)

        return written_each(db, in_order, write)

    def _clashes(
        self,
        db: Session,
        moves: dict[int, "_Move"],
        left: set[tuple[object, ...]],
        *,
        lock: bool,
    ) -> dict[int, Clash]:
        """Return which moves meet another lesson at their new time that needs the same.

        Args:
            db: the caller's.
            moves: by their place in the part.
            left: lessons that the part cancels.
            lock: whether the database has what earlier parts of the file write.
        """
        if not lock:
            self._left |= left
        if not moves:
            return {}
        earlier = [] if lock else [*self._series.earlier, *self._moved]
        lessons = [[move.planned(self._zone)] for move in moves.values()]
        gone = left if lock else left | self._left
        places, found = list(moves), dict[int, Clash]()
        for clash in find_clashes(db, [*earlier, *lessons]):
            if clash.row < len(earlier):
                continue
            at = places[clash.row - len(earlier)]
            other = (clash.course_id, clash.room_id, clash.starts_at)
            makes_room = other in gone or other == moves[at].before.key
            if not (makes_room and clash.lessons == 1):
                found.setdefault(at, clash)
        if not lock:
            fine = [number for number, at in enumerate(places) if at not in found]
            self._moved += [lessons[number] for number in fine]
            self._left |= {moves[places[number]].before.key for number in fine}
        return found

    def _read(self, row: ParsedRow, places: CalendarPlaces) -> Judged:
        change = change_of(row)
        before = _Place(
            change.before, places.course(change.before.course), places.room(change.before.room)
        )
        slot = change.after
        after = slot and _Place(slot, places.course(slot.course), places.room(slot.room))
        finding = Finding(row.number, RowOutcome.UNCHANGED, self.about(row))
        return Judged(finding, (before, after))


class _ChangeJudge:
    """Finds out what has to be done so that lessons are as changes say."""

    def __init__(
        self,
        db: Session,
        places: CalendarPlaces,
        known: KnownLessons,
        *,
        zone: ZoneInfo,
        coming: set[tuple[object, ...]],
    ) -> None:
        self._places, self._known = places, known
        self._zone, self._coming = zone, coming
        self._soon = now() + opens_before(db)

    def judge(self, read: Judged) -> Judged:
        """Return what becomes of a change."""
        finding = read.finding
        before: _Place = read.payload[0]
        after: _Place | None = read.payload[1]
        view = self._known.lesson(before.course, before.room, before.slot.starts_at)
        if view is not None and view.is_cancelled:  # a person's decision stays
            return Judged(finding)
        is_coming = view is not None or before.key in self._coming
        lesson_id = view.lesson.id if view else None
        if after is not None and not self._is_done(before, after, view):
            return self._moved(finding, before, after, ChangePlan(lesson_id, after.plan()))
        if after is None and is_coming and before.slot.starts_at > self._soon:
            return Judged(_changed(finding), ChangePlan(lesson_id, None))
        return Judged(finding)

    def _moved(self, finding: Finding, before: _Place, after: _Place, plan: ChangePlan) -> Judged:
        if min(before.slot.starts_at, after.slot.starts_at) <= self._soon:
            return Judged(wrong_finding(finding, "calendar_over"))
        if plan.lesson_id is None and before.key not in self._coming:
            return Judged(replace(finding, outcome=RowOutcome.NEW), plan)
        changes = _changes(before.slot, after.slot, self._zone)
        return Judged(_changed(finding, changes), plan)

    def _is_done(self, before: _Place, after: _Place, view: LessonView | None) -> bool:
        """Whether the lesson is there already, or a person moved it elsewhere meanwhile."""
        other = self._known.lesson(after.course, after.room, after.slot.starts_at)
        if other is not None:
            return view is None or other.lesson.id != view.lesson.id or _is_as(other, after)
        if view is not None or before.key in self._coming:
            return False
        starts, ends = before.slot.local(self._zone)
        day, times = starts.date(), (starts.time(), ends.time())
        is_planned = self._known.plans(before.course, before.room, day, times)
        return is_planned and day not in self._places.closed


def change_of(row: ParsedRow) -> SlotChange:
    """Return the change of a row."""
    assert isinstance(row, EntryRow)
    assert isinstance(row.entry, SlotChange)
    return row.entry


def _takes_a_place(one: Judged) -> bool:
    return isinstance(one.payload, ChangePlan) and one.payload.lesson is not None


def _changed(finding: Finding, changes: tuple[ValueChange, ...] = ()) -> Finding:
    return replace(finding, outcome=RowOutcome.CHANGED, changes=changes)


def _is_as(view: LessonView, place: _Place) -> bool:
    lesson = view.lesson
    found = (view.course.id, view.room.id, lesson.starts_at, lesson.ends_at)
    return found == (place.course.id, place.room.id, place.slot.starts_at, place.slot.ends_at)


def _changes(before: Slot, after: Slot, zone: ZoneInfo) -> tuple[ValueChange, ...]:
    """Return what is different, as the school's clock shows it."""
    first, second = before.local(zone), after.local(zone)
    pairs = (
        ("course", before.course, after.course),
        ("room", before.room, after.room),
        ("starts", f"{first[0]:%Y-%m-%d %H:%M}", f"{second[0]:%Y-%m-%d %H:%M}"),
        ("ends", f"{first[1]:%Y-%m-%d %H:%M}", f"{second[1]:%Y-%m-%d %H:%M}"),
    )
    return tuple(ValueChange(*pair) for pair in pairs if pair[1] != pair[2])
