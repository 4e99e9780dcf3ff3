"""Who was on the roster of a lesson of a file, but has no row in it."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.imports.findings import Finding, ParsedRow, RowError, RowOutcome
from server.imports.values import read_date
from server.past_marks.survey import FoundRow, LessonKey
from server.people.folding import comparable_number
from server.timetable.roster import is_listed, listed_people
from server.timetable.service import lesson_views

_MOMENT = timedelta(microseconds=1)
#: How many numbers of students a line of the report names.
_MOST_NAMED = 20


def missing_lines(
    db: Session, found: Iterable[FoundRow], rows: Iterable[ParsedRow], zone: ZoneInfo
) -> Iterator[Finding]:
    """Yield a line for each lesson of the file in which students on the roster have no row."""
    lessons: dict[LessonKey, FoundRow] = {one.key: one for one in found}
    courses = {one.row.course.id for one in lessons.values()}
    ends = _ends(db, lessons, courses)
    named = _named_students(rows)
    rosters = listed_people(db, courses)
    for key in sorted(lessons, key=lambda one: (one[1], str(one[0]))):
        row = lessons[key].row
        if (ends_at := ends.get(key)) is None:
            continue
        numbers = sorted(
            person.student_number
            for entry, person in rosters.get(row.course.id, ())
            if is_listed(entry, ends_at=ends_at, day=row.day)
            and comparable_number(person.student_number) not in named[row.course.code, row.day]
        )
        if numbers:
            at = f"{row.day} {key[1].astimezone(zone):%H:%M}"
            yield Finding(0, RowOutcome.MISSING, f"{row.course.code} · {at} · {_listed(numbers)}")


def _ends(
    db: Session, lessons: dict[LessonKey, FoundRow], courses: set[uuid.UUID]
) -> dict[LessonKey, datetime]:
    """Return when each lesson ends that is there or is to be added."""
    found = {key: one.plan.ends_at for key, one in lessons.items() if one.plan}
    if not lessons:
        return found
    first = min(starts_at for _course, starts_at in lessons)
    last = max(starts_at for _course, starts_at in lessons)
    for view in lesson_views(db, courses=courses, after=first, before=last + _MOMENT):
        key = (view.lesson.course_id, view.lesson.starts_at)
        if key in lessons:
            found[key] = view.lesson.ends_at
    return found


def _named_students(rows: Iterable[ParsedRow]) -> dict[tuple[str, date], set[str]]:
    """Return who has a row by course and date, also wrong ones."""
    named: dict[tuple[str, date], set[str]] = defaultdict(set)
    for row in rows:
        with suppress(RowError):
            if day := read_date(row["date"], "date"):
                named[row["course"], day].add(comparable_number(row["student_number"]))
    return named


def _listed(numbers: list[str]) -> str:
    more = len(numbers) - _MOST_NAMED
    return ", ".join(numbers[:_MOST_NAMED]) + (f" (+{more})" if more > 0 else "")
