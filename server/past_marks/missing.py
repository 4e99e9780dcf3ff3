"""Who was on the roster of a lesson of a file, but has no row in it."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.db.types import now
from server.imports.findings import Finding, ParsedRow, RowError, RowOutcome
from server.imports.values import read_date, read_time
from server.past_marks.survey import FoundRow, LessonKey, Survey
from server.people.folding import comparable_number
from server.timetable.roster import is_listed, listed_people
from server.timetable.service import lesson_views

_MOMENT = timedelta(microseconds=1)
#: How many numbers of students a line of the report names.
_MOST_NAMED = 20
#: Course and date.
_Day = tuple[str, date]


def missing_lines(
    db: Session,
    survey: Survey,
    rows: Iterable[ParsedRow],
    *,
    adding: Collection[LessonKey],
    zone: ZoneInfo,
) -> Iterator[Finding]:
    """Yield a line for each lesson of the file in which students on the roster have no row.

    Args:
        db: the caller's.
        survey: of the file.
        rows: all of them, also wrong ones.
        adding: the lessons that the file adds; others of its lessons that are not there never are.
        zone: the school's.
    """
    lessons: dict[LessonKey, FoundRow] = {one.key: one for one in survey.found.values()}
    courses = {one.row.course.id for one in lessons.values()}
    ends = _ends(db, lessons, adding, courses)
    named = _Named(survey, rows, zone)
    rosters = listed_people(db, courses)
    for key in sorted(lessons, key=lambda one: (one[1], str(one[0]))):
        row = lessons[key].row
        if (ends_at := ends.get(key)) is None:
            continue
        numbers = sorted(
            person.student_number
            for entry, person in rosters.get(row.course.id, ())
            if is_listed(entry, ends_at=ends_at, day=row.day)
            and not named.has(lessons[key], comparable_number(person.student_number))
        )
        if numbers:
            at = f"{row.day} {key[1].astimezone(zone):%H:%M}"
            yield Finding(0, RowOutcome.MISSING, f"{row.course.code} · {at} · {_listed(numbers)}")


def _ends(
    db: Session,
    lessons: dict[LessonKey, FoundRow],
    adding: Collection[LessonKey],
    courses: set[uuid.UUID],
) -> dict[LessonKey, datetime]:
    """Return when each lesson ends that is there and over, or is to be added."""
    found = {key: one.plan.ends_at for key, one in lessons.items() if one.plan and key in adding}
    if not lessons:
        return found
    first = min(starts_at for _course, starts_at in lessons)
    last = max(starts_at for _course, starts_at in lessons)
    at = now()
    for view in lesson_views(db, courses=courses, after=first, before=last + _MOMENT):
        key = (view.lesson.course_id, view.lesson.starts_at)
        if key in lessons and not view.is_cancelled and view.lesson.ends_at <= at:
            found[key] = view.lesson.ends_at
    return found


class _Named:
    """Who has a row in which lesson, also a wrong one."""

    def __init__(self, survey: Survey, rows: Iterable[ParsedRow], zone: ZoneInfo) -> None:
        self._zone = zone
        self._in_lesson: set[tuple[LessonKey, str]] = set()
        #: Of rows whose lesson is unknown: by course, date and start; on that date where they have
        #: no start.
        self._at: dict[tuple[_Day, time | None], set[str]] = defaultdict(set)
        for row in rows:
            student = comparable_number(row["student_number"])
            if (found := survey.found.get(row.number)) is not None:
                self._in_lesson.add((found.key, student))
            else:
                self._add_unknown(row, student)

    def has(self, found: FoundRow, student: str) -> bool:
        """Whether a student has a row that may be about the lesson of another row."""
        day = (found.row.course.code, found.row.day)
        starts = found.key[1].astimezone(self._zone).time()
        return (found.key, student) in self._in_lesson or any(
            student in self._at.get((day, at), ()) for at in (starts, None)
        )

    def _add_unknown(self, row: ParsedRow, student: str) -> None:
        with suppress(RowError):
            if (day := read_date(row["date"], "date")) is None:
                return
            starts: time | None = None
            with suppress(RowError):
                starts = read_time(row["starts"], "starts")
            self._at[(row["course"], day), starts].add(student)


def _listed(numbers: list[str]) -> str:
    more = len(numbers) - _MOST_NAMED
    return ", ".join(numbers[:_MOST_NAMED]) + (f" (+{more})" if more > 0 else "")
