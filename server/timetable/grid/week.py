"""One week of a timetable as days and rows."""

import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session, col, select

from server.timetable.grid.subjects import Subject, lessons_of
from server.timetable.local_time import midnight
from server.timetable.service import LessonFilter, LessonView
from server.timetable.substitutes.service import substitute_names
from server.timetable.tables import Holiday, LessonPattern, PatternLesson, Term

_DAYS, _SCHOOL_DAYS = 7, 5


@dataclass(frozen=True)
class GridEntry:
    """A lesson in the grid; times are the school's.

    Attributes:
        substitute: who teaches it in place of the course's teachers; empty: nobody.
        weeks: of the pattern that plans it; empty for a single lesson.
        is_changed: a person changed this one lesson.
    """

    view: LessonView
    day: date
    starts: time
    ends: time
    substitute: str = ""
    weeks: str = ""
    is_changed: bool = False


@dataclass
class GridDay:
    """A day of the grid."""

    date: date
    is_today: bool
    holiday: str = ""
    entries: list[GridEntry] = field(default_factory=list)


@dataclass
class GridRow:
    """What begins at one time of day, in a cell for each day."""

    starts: time
    ends: time
    cells: list[list[GridEntry]]

    @property
    def label(self) -> str:
        """The time of day, such as 08:05."""
        return f"{self.starts:%H:%M}"

    @property
    def slot(self) -> str:
        """How addresses name the times, such as 0805-0850."""
        return f"{self.starts:%H%M}-{self.ends:%H%M}"


@dataclass(frozen=True)
class GridWeek:
    """A week of a timetable.

    Attributes:
        first: the Monday.
        term: that lies in it; None where there is none.
    """

    first: date
    days: list[GridDay]
    rows: list[GridRow]
    term: Term | None

    @property
    def is_empty(self) -> bool:
        """Whether no lesson takes place."""
        return not any(day.entries for day in self.days)


def week_of_subject(
    db: Session, subject: Subject, first: date, *, zone: ZoneInfo, today: date
) -> GridWeek:
    """Return a week of a timetable.

    Args:
        db: the caller's.
        subject: whose.
        first: the Monday.
        zone: the school's.
        today: the date at the school.
    """
    after, before = midnight(first, zone), midnight(first + timedelta(days=_DAYS), zone)
    views = lessons_of(db, subject, LessonFilter(after=after, before=before))
    entries = _entries(db, [view for view in views if view.lesson.starts_at >= after], zone)
    term = term_in_week(db, first)
    periods = _periods(db, term)
    days = _days(db, first, today, entries)
    return GridWeek(first, days, _rows(days, periods), term)


def term_in_week(db: Session, first: date) -> Term | None:
    """Return the term that has days in a week; of several the one that begins first."""
    last = first + timedelta(days=_DAYS - 1)
    query = select(Term).where(col(Term.first_day) <= last, col(Term.last_day) >= first)
    return db.exec(query.order_by(col(Term.first_day), col(Term.id))).first()


def _entries(db: Session, views: list[LessonView], zone: ZoneInfo) -> list[GridEntry]:
    ids = [view.lesson.id for view in views]
    links = _links(db, ids)
    names = substitute_names(db, ids)
    return [_entry(view, zone, names.get(view.lesson.id, ""), links) for view in views]


def _entry(
    view: LessonView,
    zone: ZoneInfo,
    substitute: str,
    links: dict[uuid.UUID, tuple[str, bool]],
) -> GridEntry:
    starts, ends = (_local(at, zone) for at in (view.lesson.starts_at, view.lesson.ends_at))
    weeks, is_changed = links.get(view.lesson.id, ("", False))
    return GridEntry(view, starts.date(), starts.time(), ends.time(), substitute, weeks, is_changed)


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, second=0)


def _links(db: Session, ids: list[uuid.UUID]) -> dict[uuid.UUID, tuple[str, bool]]:
    query = (
        sqlalchemy.select(
            col(PatternLesson.lesson_id), col(LessonPattern.weeks), col(PatternLesson.is_changed)
        )
        .join(LessonPattern, col(LessonPattern.id) == col(PatternLesson.pattern_id))
        .where(col(PatternLesson.lesson_id).in_(ids))
    )
    return {row[0]: (row[1], row[2]) for row in db.execute(query)}


def _periods(db: Session, term: Term | None) -> dict[time, time]:
    """Return when lessons of a term start and the first of them ends: the rows to plan in."""
    if term is None:
        return {}
    times = (col(LessonPattern.starts), col(LessonPattern.ends))
    query = sqlalchemy.select(*times).where(col(LessonPattern.term_id) == term.id).distinct()
    found: dict[time, time] = {}
    for starts, ends in db.execute(query):
        found[starts] = min(ends, found.get(starts, ends))
    return found


def _days(db: Session, first: date, today: date, entries: list[GridEntry]) -> list[GridDay]:
    """Return the days of the week; Saturday and Sunday only where something takes place."""
    last = first + timedelta(days=_DAYS - 1)
    spans = select(Holiday).where(col(Holiday.first_day) <= last, col(Holiday.last_day) >= first)
    holidays = db.exec(spans.order_by(col(Holiday.first_day))).all()
    dates = [first + timedelta(days=number) for number in range(_DAYS)]
    used = max([_SCHOOL_DAYS, *(entry.day.weekday() + 1 for entry in entries)])
    return [
        GridDay(
            date=day,
            is_today=day == today,
            holiday=next(
                (one.name for one in holidays if one.first_day <= day <= one.last_day), ""
            ),
            entries=[entry for entry in entries if entry.day == day],
        )
        for day in dates[:used]
    ]


def _rows(days: list[GridDay], periods: dict[time, time]) -> list[GridRow]:
    ends = dict(periods)
    for entry in (one for day in days for one in day.entries):
        ends[entry.starts] = min(entry.ends, ends.get(entry.starts, entry.ends))
    return [
        GridRow(
            starts,
            ends[starts],
            [[one for one in day.entries if one.starts == starts] for day in days],
        )
        for starts in sorted(ends)
    ]
