"""Which lesson each row of a file means, found out for all rows before the first is judged.

Only so does the order of rows not matter: rows that contradict each other anywhere in the file are
all refused, and a row without a start time looks at nothing that the file itself adds.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.imports.findings import ParsedRow, RowError
from server.past_marks.reading import MarkRow, same_identity
from server.timetable.local_time import day_bounds
from server.timetable.past_lessons import PastPlan, Teaching, WeeklySlots
from server.timetable.patterns.weekly import moments
from server.timetable.service import LessonView, lesson_views

#: A course has one lesson at a time, so both name a lesson.
LessonKey = tuple[uuid.UUID, datetime]
Row = TypeVar("Row", ParsedRow, MarkRow)
Made = TypeVar("Made")
#: How many numbers of rows a report names.
_MOST_NAMED = 10
#: How many lessons that need the same are compared with a further one.
_MOST_AT_ONCE = 10


@dataclass(frozen=True)
class FoundRow:
    """A row and the lesson that it means.

    Attributes:
        plan: what the lesson is to be where there is none yet; None: it is there.
    """

    row: MarkRow
    key: LessonKey
    plan: PastPlan | None


@dataclass(frozen=True)
class _Meant:
    """A row with the start of its lesson; `pattern_id`, `room_id` and `ends_at` are the pattern's.

    Attributes:
        is_there: whether there is a lesson with this start.
    """

    row: MarkRow
    key: LessonKey
    is_there: bool
    pattern_id: uuid.UUID | None = None
    room_id: uuid.UUID | None = None
    ends_at: datetime | None = None


class Survey:
    """What each row means, by its number: its lesson, or why it cannot be used."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self.found: dict[int, FoundRow] = {}
        self.wrong: dict[int, RowError] = {}

    def take(
        self, db: Session, rows: Iterable[ParsedRow], read: Callable[[ParsedRow], MarkRow]
    ) -> None:
        """Look at all rows of a file."""
        every = list(rows)
        readable = self._alone(every, list(self._each(every, read)))
        if not readable:
            return
        lessons = _KnownLessons(db, readable, self._zone)
        meant = list(self._each(readable, lessons.meant_by))
        by_lesson: dict[LessonKey, list[_Meant]] = defaultdict(list)
        for one in meant:
            by_lesson[one.key].append(one)
        for key, same in by_lesson.items():
            self._agree(lessons, key, same)
        self._refuse_twice()
        self._refuse_clashes(Teaching(db))

    def _alone(self, rows: Sequence[ParsedRow], readable: Sequence[MarkRow]) -> list[MarkRow]:
        """Return the rows that are not beside an unreadable row about the same line."""
        same: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            same[same_identity(row)].append(row.number)
        for numbers in same.values():
            if wrong := [number for number in numbers if number in self.wrong]:
                others = [number for number in numbers if number not in self.wrong]
                named = _named(sorted([*others[:1], *wrong]))
                self._refuse(others, RowError("contradicts", rows=named))
        return [one for one in readable if one.number not in self.wrong]

    def _each(self, rows: Iterable[Row], make: Callable[[Row], Made]) -> Iterator[Made]:
        """Yield what is made of rows, and note why others are wrong."""
        for row in rows:
            try:
                yield make(row)
            except RowError as error:
                self.wrong[row.number] = error.with_traceback(None)  # it would keep the file

    def _agree(self, lessons: "_KnownLessons", key: LessonKey, same: Sequence[_Meant]) -> None:
        """Find out what one lesson is to be; rows that say different things are all refused."""
        try:
            plan = None if same[0].is_there else lessons.plan(same)
        except RowError as error:
            self._refuse([one.row.number for one in same], error)
            return
        for one in same:
            self.found[one.row.number] = FoundRow(one.row, key, plan)

    def _refuse_twice(self) -> None:
        """Let one of equal rows about a student in a lesson count; of different ones none."""
        by_line: dict[tuple[LessonKey, str], list[FoundRow]] = defaultdict(list)
        for one in self.found.values():
            by_line[one.key, one.row.student].append(one)
        for same in by_line.values():
            numbers = sorted(one.row.number for one in same)
            if len({one.row.mark for one in same}) > 1:
                self._refuse(numbers, RowError("contradicts", rows=_named(numbers)))
            else:
                self._refuse(numbers[1:], RowError("repeated", row=str(numbers[0])))

    def _refuse_clashes(self, teaching: Teaching) -> None:
        """Refuse all rows of new lessons of the file that cannot be at the same time."""
        rows: dict[PastPlan, list[int]] = defaultdict(list)
        for number, one in self.found.items():
            if one.plan is not None:
                rows[one.plan].append(number)
        met: dict[PastPlan, set[int]] = defaultdict(set)
        for plan, other in _at_once(rows, lambda one: self._needs(teaching, one)):
            for mine, theirs in ((plan, other), (other, plan)):
                if len(met[mine]) < _MOST_NAMED:
                    met[mine].update(rows[theirs][:_MOST_NAMED])
        for plan, others in met.items():
            self._refuse(rows[plan], RowError("lessons_clash", rows=_named(sorted(others))))

    def _needs(self, teaching: Teaching, plan: PastPlan) -> set[uuid.UUID]:
        """Return what no other lesson has at the same time: room, course and teachers."""
        day = plan.starts_at.astimezone(self._zone).date()
        return {plan.room_id, plan.course_id, *teaching.on(plan.course_id, day)}

    def _refuse(self, numbers: Iterable[int], error: RowError) -> None:
        for number in numbers:
            self.found.pop(number, None)
            self.wrong[number] = error


class _KnownLessons:
    """The lessons of the courses of a file, and when the weekly timetable has others."""

    def __init__(self, db: Session, rows: Collection[MarkRow], zone: ZoneInfo) -> None:
        self._zone = zone
        courses = {row.course.id for row in rows}
        first, last = min(row.day for row in rows), max(row.day for row in rows)
        self._slots = WeeklySlots(db, courses, (first, last), zone)
        planned = self._slots.planned()
        after, before = day_bounds(first, zone)[0], day_bounds(last, zone)[1]
        self._starts: set[LessonKey] = set()
        self._entered: dict[tuple[uuid.UUID, date], set[datetime]] = defaultdict(set)
        self._cancelled: set[tuple[uuid.UUID, date]] = set()
        for view in lesson_views(db, courses=courses, after=after, before=before):
            lesson = view.lesson
            self._starts.add((lesson.course_id, lesson.starts_at))
            if view.is_cancelled:
                self._cancelled.add((lesson.course_id, lesson.day))
            elif lesson.id in planned or not was_entered_late(view):
                self._entered[lesson.course_id, lesson.day].add(lesson.starts_at)

    def meant_by(self, row: MarkRow) -> _Meant:
        """Return which lesson a row means.

        Raises:
            RowError: it says no start time, and there is not exactly one lesson on that day; or
                the lesson was moved.
        """
        slots = {one.starts_at: one for one in self._slots.on(row.course.id, row.day)}
        starts_at = self._start_of(row, slots)
        key, slot = (row.course.id, starts_at), slots.get(starts_at)
        if slot is None:
            return _Meant(row, key, key in self._starts)
        return _Meant(row, key, key in self._starts, slot.pattern_id, slot.room_id, slot.ends_at)

    def _start_of(self, row: MarkRow, slots: Collection[datetime]) -> datetime:
        moved = self._slots.moved(row.course.id, row.day)
        if row.starts is not None:
            starts_at: datetime = moments(row.day, row.starts, row.starts, self._zone)[0]
            if starts_at in moved and (row.course.id, starts_at) not in self._starts:
                raise self._moved(moved[starts_at])
            return starts_at
        on_that_day = (row.course.id, row.day)
        starts: set[datetime] = {*slots, *self._entered.get(on_that_day, ())}
        if len(starts) > 1:
            raise RowError("which_lesson", "starts")
        if starts:
            return starts.pop()
        if on_that_day in self._cancelled:
            raise RowError("lesson_cancelled", "date")
        if moved:
            raise self._moved(min(moved.values()))
        raise RowError("no_lesson", "starts")

    def _moved(self, to: datetime) -> RowError:
        return RowError("lesson_moved", "date", at=f"{to.astimezone(self._zone):%Y-%m-%d %H:%M}")

    def plan(self, same: Sequence[_Meant]) -> PastPlan:
        """Return what a lesson is to be that some rows mean.

        Raises:
            RowError: they contradict each other, or do not say enough.
        """
        first = same[0]
        course_id, starts_at = first.key
        rooms = {one.row.room.id for one in same if one.row.room}
        ends = {end for one in same if (end := self._end(one.row, starts_at))}
        if len(rooms) > 1 or len(ends) > 1:
            numbers = sorted(one.row.number for one in same)
            raise RowError("lesson_contradicts", rows=_named(numbers))
        usual = self._slots.usual_length(course_id)
        end = next(iter(ends), first.ends_at or (starts_at + usual if usual else None))
        room = next(iter(rooms), first.room_id or self._slots.usual_room(course_id))
        if end is None:
            raise RowError("no_end", "ends")
        if room is None:
            raise RowError("no_lesson_room", "room")
        return PastPlan(course_id, room, starts_at, end, first.pattern_id)

    def _end(self, row: MarkRow, starts_at: datetime) -> datetime | None:
        if row.ends is not None:
            local = starts_at.astimezone(self._zone).time()
            ends_at = moments(row.day, row.ends, row.ends, self._zone)[0]
            return ends_at if row.ends > local else starts_at
        return starts_at + row.length if row.length is not None else None


def was_entered_late(view: LessonView) -> bool:
    """Whether a lesson was entered when it was over."""
    return view.lesson.created_at >= view.lesson.ends_at


def _at_once(
    plans: Iterable[PastPlan], needs: Callable[[PastPlan], Iterable[uuid.UUID]]
) -> Iterator[tuple[PastPlan, PastPlan]]:
    """Yield pairs of lessons at the same time that need the same, some for each such lesson.

    Of many lessons at one time only those are kept that end last: a later lesson that meets any
    of the others meets them too. All pairs would take time by the square of the rows.
    """
    running: dict[uuid.UUID, list[PastPlan]] = {}
    for plan in sorted(plans, key=lambda one: (one.starts_at, str(one.course_id))):
        for need in needs(plan):
            together = [one for one in running.get(need, ()) if one.ends_at > plan.starts_at]
            yield from (
                (one, plan) for one in together if one.overlaps(plan.starts_at, plan.ends_at)
            )
            together.append(plan)
            together.sort(key=lambda one: one.ends_at, reverse=True)
            running[need] = together[:_MOST_AT_ONCE]


def _named(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:_MOST_NAMED]))
