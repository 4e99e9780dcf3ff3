"""The rows of a report: named, sorted, and those of the at-risk list and of registers not taken."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, select

from server.accounts.tables import Account
from server.reports.schemas import AtRiskLimitUpdate, ReportView
from server.reports.service import Report, people_named
from server.reports.tally import Sums, Untaken
from server.timetable.groups.service import groups_on
from server.timetable.service import courses as courses_of
from server.timetable.service import rooms as rooms_of
from server.timetable.substitutes.service import substitute_names
from server.timetable.tables import Course, CourseTeacher

_WORST = 2.0
_IN_ONE_QUERY = 5_000
#: What a list can be sorted by, besides its names. Each starts with what a reader looks for.
_BY_NUMBER: dict[str, Callable[[Sums], float]] = {
    "lessons": lambda sums: -sums.lessons,
    "attended": lambda sums: -sums.lines.attended,
    "late": lambda sums: -sums.lines.late,
    "absent": lambda sums: -sums.lines.absent,
    "excused": lambda sums: -sums.lines.excused,
    "open": lambda sums: -sums.lines.open,
    "rate": lambda sums: _WORST if sums.lines.rate is None else sums.lines.rate,
}
#: Those of registers not taken too.
ALL_SORTS = ("name", *_BY_NUMBER, "day", "course", "teacher")


@dataclass(frozen=True)
class ReportRow:
    """One row of a report.

    Attributes:
        key: a person, a course, a class or a day.
        name: as it is shown; empty for a day, which the reader's language names.
        number: of the student, the code of the course, or how many are in the class.
        order: where it stands in a list by name.
    """

    key: uuid.UUID | date
    name: str
    number: str
    sums: Sums
    order: tuple[Any, ...]


@dataclass(frozen=True)
class UntakenRow:
    """A register that was not taken, with what it is called and who was to take it."""

    untaken: Untaken
    course: str
    room: str
    teachers: tuple[str, ...]


def report_rows(db: Session, report: Report, view: ReportView) -> list[ReportRow]:
    """Return the rows of a view by name; days by date."""
    tally = report.tally
    if view is ReportView.DAYS:
        rows = [
            ReportRow(day, "", "", sums, (day.isoformat(),)) for day, sums in tally.days.items()
        ]
    elif view is ReportView.COURSES:
        rows = _course_rows(db, tally.courses)
    elif view is ReportView.GROUPS:
        rows = _group_rows(db, report)
    else:
        rows = _person_rows(db, tally.people)
    return sorted(rows, key=lambda row: row.order)


def sorted_rows(rows: Iterable[ReportRow], sort: str) -> list[ReportRow]:
    """Sort rows that are in the order of their names; equal ones stay in it."""
    if sort not in _BY_NUMBER:
        return list(rows)
    return sorted(rows, key=lambda row: _BY_NUMBER[sort](row.sums))


def at_risk_rows(db: Session, report: Report, limit: AtRiskLimitUpdate) -> list[ReportRow]:
    """Return the students under the limit, those with the lowest rate first."""
    under = {
        person: sums
        for person, sums in report.tally.people.items()
        if sums.lines.is_under(limit.percent, limit.least_lessons)
    }
    rows = sorted(_person_rows(db, under), key=lambda row: row.order)
    return sorted_rows(rows, "rate")


def untaken_rows(db: Session, report: Report, sort: str = "day") -> list[UntakenRow]:
    """Return the registers that were not taken: the newest first, or by teacher or course."""
    found = report.tally.untaken
    courses = course_names(db, {one.course_id for one in found})
    rooms = {room.id: room.name for room in rooms_of(db)} if found else {}
    teachers = _teachers(db, {one.course_id for one in found})
    substitutes = _substitutes(db, [one.lesson_id for one in found])
    rows = [
        UntakenRow(
            one,
            courses.get(one.course_id, ""),
            rooms.get(one.room_id, ""),
            substitutes.get(one.lesson_id)
            or tuple(
                name for name, row in teachers.get(one.course_id, ()) if _teaches(row, one.day)
            ),
        )
        for one in found
    ]
    rows.sort(key=lambda row: row.course)
    rows.sort(key=lambda row: row.untaken.starts_at, reverse=True)
    if sort == "teacher":
        rows.sort(key=lambda row: [name.casefold() for name in row.teachers] or ["\uffff"])
    elif sort == "course":
        rows.sort(key=lambda row: row.course)
    return rows


def course_names(db: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return code and title of these courses."""
    return {one.id: course_name(one) for one in courses_of(db, only=set(ids))}


def course_name(course: Course) -> str:
    """Return what a course is called in a list."""
    return f"{course.code} {course.title}"


def _course_rows(db: Session, sums: Mapping[uuid.UUID, Sums]) -> list[ReportRow]:
    return [
        ReportRow(one.id, one.title, one.code, sums[one.id], (one.code, one.id))
        for one in courses_of(db, only=set(sums))
    ]


def _group_rows(db: Session, report: Report) -> list[ReportRow]:
    """Return the classes and groups of the last day, with all lines of those who are in them."""
    found = []
    for group, members in groups_on(db, report.scope.span.last):
        listed = members & report.tally.people.keys()
        if listed:
            sums = report.tally.of_people(listed)
            order = (group.name.casefold(), group.id)
            found.append(ReportRow(group.id, group.name, str(len(listed)), sums, order))
    return found


def _person_rows(db: Session, sums: Mapping[uuid.UUID, Sums]) -> list[ReportRow]:
    return [
        ReportRow(
            one.id, one.display_name, one.student_number, sums[one.id], (one.sort_key, one.id)
        )
        for one in people_named(db, sums).values()
    ]


def _teachers(
    db: Session, courses: set[uuid.UUID]
) -> dict[uuid.UUID, list[tuple[str, CourseTeacher]]]:
    query = (
        select(CourseTeacher, col(Account.display_name))
        .join(Account, col(Account.id) == col(CourseTeacher.account_id))
        .where(col(CourseTeacher.course_id).in_(courses))
        .order_by(col(Account.display_name), col(CourseTeacher.id))
    )
    found: dict[uuid.UUID, list[tuple[str, CourseTeacher]]] = {}
    for row, name in db.exec(query) if courses else ():
        found.setdefault(row.course_id, []).append((name, row))
    return found


def _substitutes(db: Session, lessons: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[str]]:
    found: dict[uuid.UUID, str] = {}
    for start in range(0, len(lessons), _IN_ONE_QUERY):
        found |= substitute_names(db, lessons[start : start + _IN_ONE_QUERY])
    return {lesson_id: (name,) for lesson_id, name in found.items()}


def _teaches(row: CourseTeacher, day: date) -> bool:
    is_begun = row.from_date is None or row.from_date <= day
    return is_begun and (row.until_date is None or day <= row.until_date)
