"""A person's lines added up as reports add them up. Pure rules, no database."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

from server.attendance.person_lines import PersonLine
from server.reports.standing import LineCounts, Standing, standing_of
from server.reports.tally import ReportTally, Sums

#: How many lines there are of each standing; None: of cancelled lessons.
_Kinds = dict[Standing | None, int]


@dataclass(frozen=True)
class Lateness:
    """How late the person was, in the lessons where a kiosk saw it or a file said it.

    Attributes:
        minutes: of each lesson, after its start.
    """

    minutes: Sequence[int] = ()

    @property
    def total(self) -> int:
        """All minutes together."""
        return sum(self.minutes)

    @property
    def median(self) -> int | None:
        """The median, in whole minutes; None where none are known."""
        return round(median(self.minutes)) if self.minutes else None


@dataclass(frozen=True)
class CourseSums:
    """What a person's lessons of one course come to."""

    course_id: uuid.UUID
    code: str
    title: str
    sums: Sums
    lateness: Lateness


def tally_of(lines: Iterable[PersonLine], at: datetime) -> ReportTally:
    """Return the tally of the report about the person: of the lessons that have started."""
    kinds: dict[object, Standing | None] = {}
    courses: dict[uuid.UUID, _Kinds] = {}
    days: dict[date, _Kinds] = {}
    for line in lines:
        lesson = line.lesson
        if lesson.starts_at >= at:
            continue
        key = lesson.is_cancelled or (line.status, line.is_counted)
        if key not in kinds:
            is_over = lesson.is_cancelled
            kinds[key] = None if is_over else standing_of(line.status, line.is_counted)
        standing = kinds[key]
        for counts in (courses.setdefault(lesson.course_id, {}), days.setdefault(line.day, {})):
            counts[standing] = counts.get(standing, 0) + 1
    total: _Kinds = {}
    for counts in courses.values():
        for standing, number in counts.items():
            total[standing] = total.get(standing, 0) + number
    return ReportTally(
        _sums(total),
        courses={course: _sums(counts) for course, counts in courses.items()},
        days={day: _sums(counts) for day, counts in days.items()},
    )


def _sums(counts: _Kinds) -> Sums:
    """Return sums of which each line is a lesson, as it is for one person."""
    names = {standing.value if standing else "cancelled": n for standing, n in counts.items()}
    cancelled = counts.get(None, 0)
    return Sums(LineCounts(**names), sum(counts.values()) - cancelled, cancelled)


def late_lines(lines: Iterable[PersonLine], at: datetime) -> list[PersonLine]:
    """Return the lines that count as late, the newest first."""
    found = [
        line
        for line in lines
        if line.lesson.starts_at < at
        and not line.lesson.is_cancelled
        and standing_of(line.status, line.is_counted) is Standing.LATE
    ]
    return found[::-1]


def lateness_of(late: Iterable[PersonLine]) -> Lateness:
    """Return how late these lines are."""
    return Lateness([line.late_min for line in late if line.late_min is not None])


def course_sums(
    lines: Iterable[PersonLine], tally: ReportTally, late: Sequence[PersonLine]
) -> list[CourseSums]:
    """Return the sums of each course by its code."""
    names = {line.lesson.course_id: (line.lesson.code, line.lesson.title) for line in lines}
    rows = [
        CourseSums(
            course,
            *names[course],
            sums,
            lateness_of(line for line in late if line.lesson.course_id == course),
        )
        for course, sums in tally.courses.items()
    ]
    return sorted(rows, key=lambda one: one.code)
