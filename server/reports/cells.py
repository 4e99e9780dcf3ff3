"""The rows of an export: typed cells, the same for CSV and XLSX, under names in one language."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from server.attendance.register import AttendanceStatus
from server.people.tables import Person
from server.reports.lines import LessonFacts, LineFacts
from server.reports.listing import ReportRow, UntakenRow
from server.reports.schemas import ReportView
from server.reports.standing import status_key
from server.web.translations import Translator

#: Text, a whole number, or a share from 0 to 1. Dates are ISO 8601 text: programs read them, and
#: no spreadsheet turns them around.
Cell = str | int | float | None
_NUMBERS = ("lessons", "attended", "late", "absent", "excused", "open", "cancelled", "rate")
_HEADS: dict[ReportView, tuple[str, ...]] = {
    ReportView.PEOPLE: ("number", "name", *_NUMBERS),
    ReportView.AT_RISK: ("number", "name", *_NUMBERS),
    ReportView.COURSES: ("code", "title", *_NUMBERS),
    ReportView.DAYS: ("date", *_NUMBERS),
    ReportView.GROUPS: ("group", "students", *_NUMBERS[1:]),
    ReportView.LINES: (
        "date",
        "starts",
        "ends",
        "code",
        "title",
        "room",
        "number",
        "name",
        "status",
        "seen",
        "left",
        "corrected",
        "minutes_late",
    ),
    ReportView.UNTAKEN: ("date", "starts", "course", "room", "teacher", "open", "lines", "unseen"),
}


@dataclass(frozen=True)
class ExportNames:
    """What the ids of lines are called.

    Attributes:
        courses: code and title.
    """

    people: Mapping[uuid.UUID, Person]
    courses: Mapping[uuid.UUID, tuple[str, str]]
    rooms: Mapping[uuid.UUID, str]


def head_row(view: ReportView, t: Translator) -> list[str]:
    """Return the names of the columns."""
    return [t(f"exports.column.{name}") for name in _HEADS[view]]


def sum_cells(rows: Iterable[ReportRow], view: ReportView) -> Iterator[list[Cell]]:
    """Return rows of sums."""
    for row in rows:
        lines = row.sums.lines
        first: list[Cell] = [row.number, row.name, row.sums.lessons]
        if view is ReportView.DAYS:
            first = [str(row.key), row.sums.lessons]
        elif view is ReportView.GROUPS:
            first = [row.name, int(row.number)]
        rate = None if lines.rate is None else round(lines.rate, 4)
        counts = [lines.attended, lines.late, lines.absent, lines.excused, lines.open]
        yield [*first, *counts, lines.cancelled, rate]


def untaken_cells(
    rows: Iterable[UntakenRow], t: Translator, zone: ZoneInfo
) -> Iterator[list[Cell]]:
    """Return registers that were not taken."""
    for row in rows:
        one = row.untaken
        yield [
            one.day.isoformat(),
            _time(one.starts_at, zone),
            row.course,
            row.room,
            ", ".join(row.teachers),
            one.open_lines,
            one.lines,
            _yes(one.is_unseen, t),
        ]


def line_cells(
    lessons: Iterable[LessonFacts], names: ExportNames, t: Translator, zone: ZoneInfo
) -> Iterator[list[Cell]]:
    """Return one row for each line of these lessons."""
    words = {status: t(status_key(status)) for status in AttendanceStatus}
    for lesson in lessons:
        code, title = names.courses.get(lesson.course_id, ("", ""))
        first: list[Cell] = [
            lesson.day.isoformat(),
            _time(lesson.starts_at, zone),
            _time(lesson.ends_at, zone),
            code,
            title,
            names.rooms.get(lesson.room_id, ""),
        ]
        for line in lesson.lines:
            status = t("attendance.cancelled") if lesson.is_cancelled else words[line.status]
            yield [*first, *_person(line, names), status, *_moments(line, t, zone)]


def about_rows(t: Translator, facts: Sequence[tuple[str, str]]) -> list[list[Cell]]:
    """Return what a file says about itself: what it covers, and how the rate comes about."""
    rows: list[list[Cell]] = [[t(f"exports.about.{key}"), value] for key, value in facts]
    return [*rows, [t("exports.about.rate"), t("reports.definition")]]


def _person(line: LineFacts, names: ExportNames) -> list[Cell]:
    person = names.people.get(line.person_id)
    return [person.student_number, person.display_name] if person else ["", ""]


def _moments(line: LineFacts, t: Translator, zone: ZoneInfo) -> list[Cell]:
    seen, left = (at and _time(at, zone) for at in (line.first_seen_at, line.left_at))
    return [seen or "", left or "", _yes(line.is_corrected, t), line.minutes_late]


def _yes(is_so: object, t: Translator) -> str:
    return t("audit.yes") if is_so else ""


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"
