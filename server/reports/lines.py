"""The lines that every report and export is made of, read from the registers in small pieces."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session, col, func

from server.attendance.register import AttendanceStatus, minutes_late
from server.attendance.service import Register, registers_of
from server.reports.standing import Standing, standing_of
from server.timetable.local_time import local_date, midnight
from server.timetable.service import LessonFilter, LessonView, lesson_views
from server.timetable.tables import Lesson

#: Lessons whose registers are derived at a time: a school day. Fewer cost more queries, more cost
#: memory and gain nothing.
PIECE = 150
#: Days whose lessons are listed at a time.
_DAYS = 7


@dataclass(frozen=True)
class ReportSpan:
    """Which lessons a report covers: those that start on these days at the school.

    Attributes:
        first: the first day.
        last: the last day, included.
        zone: the school's.
        courses: only those of these courses; None: all of them.
    """

    first: date
    last: date
    zone: ZoneInfo
    courses: frozenset[uuid.UUID] | None = None

    def holds(self, starts_at: datetime) -> bool:
        """Whether a lesson that starts then belongs to the span."""
        return self.first <= local_date(starts_at, self.zone) <= self.last


class LineFacts(NamedTuple):
    """One line of a register. Names are looked up when it is shown, so erased ones are gone.

    Attributes:
        minutes_late: of `server.attendance.register.minutes_late`.
    """

    person_id: uuid.UUID
    status: AttendanceStatus
    first_seen_at: datetime | None
    left_at: datetime | None
    is_corrected: bool
    is_counted: bool | None = None
    minutes_late: int | None = None


class LessonFacts(NamedTuple):
    """A lesson that has started, with the lines of its register.

    Attributes:
        is_seen: whether a kiosk saw anybody there, or a person corrected a line.
        lines: by name, as the register has them.
        is_confirmed: whether a person confirmed the register.
    """

    lesson_id: uuid.UUID
    course_id: uuid.UUID
    room_id: uuid.UUID
    day: date
    starts_at: datetime
    ends_at: datetime
    is_cancelled: bool
    is_seen: bool
    lines: tuple[LineFacts, ...]
    is_confirmed: bool = False

    def standing(self, line: LineFacts) -> Standing | None:
        """Return what a line counts as; None where the lesson was cancelled."""
        return None if self.is_cancelled else standing_of(line.status, line.is_counted)


def lesson_count(db: Session, span: ReportSpan, at: datetime) -> int:
    """Return about how many lessons a span covers, without reading them."""
    first, before = _bounds(span.first, span.last, span.zone, at)
    query = LessonFilter(before=before, courses=span.courses).query()
    query = query.where(col(Lesson.starts_at) >= first)
    ids = query.with_only_columns(col(Lesson.id)).subquery()
    found: int = db.execute(sqlalchemy.select(func.count()).select_from(ids)).scalar_one()
    return found


def lessons_between(db: Session, span: ReportSpan, at: datetime) -> Iterator[list[LessonFacts]]:
    """Return the lessons of a span that have started, by start, a piece at a time.

    A lesson is in the span by its start alone, so it is in one piece of one span of several that
    follow each other, whatever the clocks do at midnight.

    Args:
        db: the caller's.
        span: which lessons.
        at: the moment the registers are read.
    """
    first, until = span.first, min(span.last, local_date(at, span.zone))
    while first <= until:
        last = min(first + timedelta(days=_DAYS - 1), until)
        for piece in pieces(_views(db, span, first, last, at), span.zone):
            yield [facts_of(one) for one in registers_of(db, piece, at=at)]
        first = last + timedelta(days=1)


def pieces(views: Sequence[LessonView], zone: ZoneInfo) -> list[list[LessonView]]:
    """Divide lessons into pieces of whole days, of about `PIECE` lessons each."""
    found: list[list[LessonView]] = []
    for _day, group in groupby(views, key=lambda view: local_date(view.lesson.starts_at, zone)):
        views_of_day = list(group)
        if found and len(found[-1]) + len(views_of_day) <= PIECE:
            found[-1].extend(views_of_day)
        else:
            found.append(views_of_day)
    return found


def _views(
    db: Session, span: ReportSpan, first: date, last: date, at: datetime
) -> list[LessonView]:
    after, before = _bounds(first, last, span.zone, at)
    if before <= after:
        return []
    views = lesson_views(db, after=after, before=before, courses=span.courses)
    return [view for view in views if view.lesson.starts_at >= after]


def _bounds(first: date, last: date, zone: ZoneInfo, at: datetime) -> tuple[datetime, datetime]:
    """Return from when on and before when lessons of these days start that have started."""
    return midnight(first, zone), min(midnight(last + timedelta(days=1), zone), at)


def facts_of(register: Register) -> LessonFacts:
    """Return what reports need of a register."""
    view = register.view
    lines = tuple(
        LineFacts(
            line.person.id,
            line.mark.status,
            line.mark.first_seen_at,
            line.mark.left_at,
            line.mark.is_corrected,
            line.mark.is_counted,
            minutes_late(line.mark, register.window),
        )
        for line in register.lines
    )
    return LessonFacts(
        view.lesson.id,
        view.course.id,
        view.room.id,
        view.lesson.day,
        view.lesson.starts_at,
        view.lesson.ends_at,
        view.is_cancelled,
        register.has_sightings or any(line.is_corrected for line in lines),
        lines,
        register.confirmation is not None,
    )
