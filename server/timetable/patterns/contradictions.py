"""What rows of a file share with each other at the same time, whatever the timetable has."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlmodel import Session, select

from server.db.types import new_id
from server.errors import ServerError
from server.timetable.patterns.clashes import Clash, find_clashes
from server.timetable.patterns.generation import weekly_of
from server.timetable.patterns.service import PatternPlan, Planning, PlanOptions, key_of_pattern
from server.timetable.patterns.weekly import WEEK, PlannedLesson, Weekly, monday
from server.timetable.tables import LessonPattern, Term

#: Lessons that are compared at once. A file of 100,000 rows plans two million.
MOST_LESSONS = 100_000
_ROWS_IN_A_STEP = 500


@dataclass(frozen=True)
class _WeeklyRow:
    number: int
    plan: PatternPlan
    weekly: Weekly
    source: uuid.UUID


#: The lessons of each row, by its number.
_Piece = dict[int, list[PlannedLesson]]


def contradictions(
    db: Session,
    rows: Sequence[PatternPlan],
    options: PlanOptions,
    step: Callable[[], object] = lambda: None,
) -> Iterator[Clash]:
    """Yield the clashes of planned rows with each other; one may come in several pieces.

    Rows that are planned already, that are there twice or that cannot be planned do not count.

    Args:
        db: the caller's.
        rows: what is to be planned.
        options: see `PlanOptions`.
        step: called between pieces, so that long work can be stopped.
    """
    planning = Planning(db, options)
    by_day: dict[int, list[_WeeklyRow]] = {}
    for one in _wanted(db, rows, planning, step):
        by_day.setdefault(one.weekly.weekday, []).append(one)
    for piece in _pieces(by_day, planning):
        step()
        numbers = list(piece)
        for clash in find_clashes(db, list(piece.values()), is_alone=True):
            other = None if clash.other_row is None else numbers[clash.other_row]
            yield replace(clash, row=numbers[clash.row], other_row=other)


def _wanted(
    db: Session, rows: Sequence[PatternPlan], planning: Planning, step: Callable[[], object]
) -> Iterator[_WeeklyRow]:
    known = {key_of_pattern(one) for one in db.exec(select(LessonPattern))}
    terms = {term.id: term for term in db.exec(select(Term))}
    for number, plan in enumerate(rows):
        if number % _ROWS_IN_A_STEP == 0:
            step()
        pattern = plan.as_row(new_id())
        if (key := key_of_pattern(pattern)) in known:
            continue
        with suppress(ServerError):
            planning.lessons(pattern)
            known.add(key)
            yield _WeeklyRow(number, plan, weekly_of(pattern, terms[plan.term_id]), pattern.id)


def _pieces(by_day: dict[int, list[_WeeklyRow]], planning: Planning) -> Iterator[_Piece]:
    """Yield lessons that may be at the same time together: those of a weekday in a week."""
    piece: _Piece = {}
    count = 0
    for day, rows in by_day.items():
        first = monday(min(one.weekly.first_day for one in rows))
        last = max(one.weekly.last_day for one in rows)
        first, last = max(first, planning.span[0]), min(last, planning.span[1])
        for week in range((last - first) // WEEK + 1):
            for one, lesson in _of_day(rows, first + week * WEEK + timedelta(days=day), planning):
                piece.setdefault(one.number, []).append(lesson)
                count += 1
            if count >= MOST_LESSONS:
                yield piece
                piece, count = {}, 0
    if piece:
        yield piece


def _of_day(
    rows: Sequence[_WeeklyRow], day: date, planning: Planning
) -> Iterator[tuple[_WeeklyRow, PlannedLesson]]:
    if day in planning.closed:
        return
    for one in rows:
        if one.weekly.takes_place_on(day):
            lesson = planning.lesson(one.plan, one.source, day)
            if lesson is not None:
                yield one, lesson
