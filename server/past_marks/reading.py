"""Read the cells of a row of past attendance. No database here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta

from server.attendance.codes.code_list import Code
from server.attendance.decisions.corrections import SHORTEST_REASON
from server.attendance.register import AttendanceStatus
from server.imports.findings import ParsedRow, RowError
from server.imports.values import read_date, read_time
from server.past_marks.statuses import StatusNames
from server.people.folding import comparable_number, fold
from server.timetable.tables import Course, Room

#: With the name of the file behind it, it fits the reason of a correction.
_LONGEST_REASON = 300
_LONGEST_REMARK = 500
_LONGEST_MINUTES = 12 * 60
_MOST_MINUTES_LATE = 10 * 60
_MOST_DIGITS = 4


@dataclass(frozen=True)
class PastMark:
    """What a row says about a student in a lesson.

    Attributes:
        reason: as the school's list spells it; may be empty.
        minutes_late: None: the row does not say it.
    """

    code: Code
    reason: str
    remark: str
    minutes_late: int | None = None


@dataclass(frozen=True)
class MarkRow:
    """A row whose cells could be read.

    Attributes:
        student: the number, as numbers are compared.
        starts: time of day at the school; None: the only lesson of the day.
        ends: the same; None: not given.
        length: how long the lesson is; None: not given.
        room: None: not given.
    """

    number: int
    student: str
    course: Course
    day: date
    mark: PastMark
    starts: time | None = None
    ends: time | None = None
    length: timedelta | None = None
    room: Room | None = None


@dataclass(frozen=True)
class MarkReader:
    """Reads rows by what the school has.

    Attributes:
        courses: by code.
        rooms: by name.
        statuses: what cells call the codes.
        reasons: the school's, by their folded text.
    """

    courses: Mapping[str, Course]
    rooms: Mapping[str, Room]
    statuses: StatusNames
    reasons: Mapping[str, str]

    def read(self, row: ParsedRow) -> MarkRow:
        """Return what a row says.

        Raises:
            RowError: a cell cannot be used.
        """
        for column in ("student_number", "course", "date", "status"):
            if not row[column]:
                raise RowError("empty", column)
        course = self.courses.get(row["course"])
        if course is None:
            raise RowError("no_course", "course")
        day = read_date(row["date"], "date")
        assert day is not None  # the cell is not empty
        return MarkRow(
            number=row.number,
            student=comparable_number(row["student_number"]),
            course=course,
            day=_possible(day, row["date"]),
            mark=self._mark(row),
            starts=_time(row, "starts"),
            ends=_time(row, "ends"),
            length=_length(row["minutes"]),
            room=self._room(row["room"]),
        )

    def _mark(self, row: ParsedRow) -> PastMark:
        code = self.statuses.read(row["status"])
        for column, longest in (("reason", _LONGEST_REASON), ("remark", _LONGEST_REMARK)):
            if len(row[column]) > longest:
                raise RowError("too_long", column)
        reason = self.reasons.get(fold(row["reason"]), row["reason"])
        if code.needs_reason and len(reason) < SHORTEST_REASON:
            raise RowError("status_reason", "reason")
        return PastMark(code, reason, row["remark"], _minutes_late(row["minutes_late"], code))

    def _room(self, name: str) -> Room | None:
        if name and name not in self.rooms:
            raise RowError("no_room", "room")
        return self.rooms.get(name)


def _possible(day: date, text: str) -> date:
    """Refuse dates on which no time zone has a moment: the first and last of all."""
    if not date.min.year + 1 < day.year < date.max.year:
        raise RowError("date", "date", value=text)
    return day


def _time(row: ParsedRow, column: str) -> time | None:
    return read_time(row[column], column) if row[column] else None


def _length(text: str) -> timedelta | None:
    if not text:
        return None
    minutes = _whole_number(text, most=_LONGEST_MINUTES)
    if not minutes:
        raise RowError("minutes", "minutes", value=text)
    return timedelta(minutes=minutes)


def _minutes_late(text: str, code: Code) -> int | None:
    """Return how late a student came; None where a cell is empty, or 0 and they were not late."""
    if not text:
        return None
    minutes = _whole_number(text, most=_MOST_MINUTES_LATE)
    if minutes is None:
        raise RowError("minutes_late", "minutes_late", value=text)
    if code.category == AttendanceStatus.LATE:
        return minutes
    if minutes:
        raise RowError("not_late", "minutes_late")
    return None


def _whole_number(text: str, *, most: int) -> int | None:
    """Return a number of digits alone, also 0; None where it is none, or more than `most`."""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    return int(digits) if len(digits) <= _MOST_DIGITS and int(digits) <= most else None


def same_identity(row: ParsedRow) -> str:
    """Return what two rows share that contradict each other where they differ."""
    parts = (row["course"], row["date"], row["starts"], comparable_number(row["student_number"]))
    return "\n".join(parts)
