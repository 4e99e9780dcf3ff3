"""Read one person's attendance on some days, as far as the reader may see it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlalchemy import BigInteger, bindparam
from sqlmodel import Session

from server.absences.tables import AbsenceReason, AbsenceReport, AbsenceWithdrawal
from server.attendance.person_lines import PersonLine, courses_of_person, lines_of_person
from server.db.prepared import Prepared, table_of
from server.errors import ForbiddenError, NotFoundError
from server.person_page.days import CalendarDay, days_of
from server.person_page.sums import (
    CourseSums,
    Lateness,
    course_sums,
    late_lines,
    lateness_of,
    tally_of,
)
from server.reports.service import MOST_DAYS, check_days
from server.reports.tally import ReportTally
from server.timetable.local_time import local_date, midnight
from server.timetable.tables import Holiday, Term
from server.timetable.teachers import visible_courses
from server.timetable.terms import terms as all_terms
from server.web.principal import Principal

#: What is shown where a school has no terms.
_USUAL_DAYS = timedelta(days=83)
_WEEK = timedelta(days=7)
_holidays = table_of(Holiday)
_HOLIDAYS = Prepared(
    sqlalchemy.select(_holidays.c.name, _holidays.c.first_day, _holidays.c.last_day)
    .where(
        _holidays.c.first_day <= bindparam("last", type_=_holidays.c.first_day.type),
        _holidays.c.last_day >= bindparam("first", type_=_holidays.c.last_day.type),
    )
    .order_by(_holidays.c.first_day, _holidays.c.id)
)


_reports, _reasons = table_of(AbsenceReport), table_of(AbsenceReason)
_withdrawals = table_of(AbsenceWithdrawal)
_ABSENCES = Prepared(
    sqlalchemy.select(
        *(_reports.c[name] for name in ("id", "first_day", "last_day", "from_time", "until_time")),
        _reports.c.is_excused,
        _withdrawals.c.report_id.is_not(None),
        _reasons.c.words,
        _reasons.c.code,
    )
    .join(_reasons, _reasons.c.id == _reports.c.reason_id)
    .outerjoin(_withdrawals, _withdrawals.c.report_id == _reports.c.id)
    .where(
        _reports.c.person_id == bindparam("person", type_=_reports.c.person_id.type),
        _reports.c.last_day >= bindparam("first", type_=_reports.c.last_day.type),
        _reports.c.first_day <= bindparam("last", type_=_reports.c.first_day.type),
    )
    .order_by(_reports.c.first_day.desc(), _reports.c.id.desc())
    .limit(bindparam("most", type_=BigInteger))
)


class AbsenceNote(NamedTuple):
    """What is shown of an absence that was reported; see `AbsenceView`.

    Attributes:
        words, code: of the reason.
    """

    id: uuid.UUID
    first_day: date
    last_day: date
    from_time: time | None
    until_time: time | None
    is_excused: bool
    is_withdrawn: bool
    words: str | None
    code: str | None


class ForeignStudentError(ForbiddenError):
    """A teacher asks for a student who is in none of their courses today."""

    code = "foreign_student"
    default_message = "This student is in none of your courses."


@dataclass(frozen=True)
class DaysWanted:
    """Which days a request names; nothing where it names none."""

    term: uuid.UUID | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class DaysChosen:
    """The days that are shown.

    Attributes:
        term: which of the terms they are; None where they are other days.
        terms: all of the school's, the newest first.
    """

    first: date
    last: date
    term: Term | None
    terms: Sequence[Term]

    @property
    def query(self) -> str:
        """How the address of the page names them, with an `&` at the end."""
        span = f"first={self.first}&last={self.last}"
        return f"{f'term={self.term.id}' if self.term else span}&"


@dataclass(frozen=True)
class Reader:
    """Who reads, when and where."""

    principal: Principal
    at: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """The date at the school."""
        return local_date(self.at, self.zone)


@dataclass(frozen=True)
class PersonAttendance:
    """A person's attendance on some days.

    Attributes:
        lines: by start, also of lessons to come.
        days: those with lessons, by date.
        late: lines that count as late, the newest first.
        is_partial: the reader sees only the lessons of some courses.
        week: the lines of the week that today is in.
    """

    chosen: DaysChosen
    as_of: datetime
    lines: Sequence[PersonLine]
    days: dict[date, CalendarDay]
    tally: ReportTally
    courses: Sequence[CourseSums]
    late: Sequence[PersonLine]
    is_partial: bool = False
    week: Sequence[PersonLine] = field(default=())

    @property
    def lateness(self) -> Lateness:
        """How late the person was, in all courses."""
        return lateness_of(self.late)


def visible_courses_of(
    db: Session, person_id: uuid.UUID, reader: Reader
) -> frozenset[uuid.UUID] | None:
    """Return the courses of a person that an account may see; None: all of them.

    Raises:
        ForeignStudentError: a teacher has none of the person's courses today.
    """
    own = visible_courses(db, reader.principal, reader.today)
    if own is None:
        return None
    shared = courses_of_person(db, person_id) & own
    if not shared:
        raise ForeignStudentError
    return shared


def attendance_of(
    db: Session, person_id: uuid.UUID, wanted: DaysWanted, reader: Reader
) -> PersonAttendance:
    """Return a person's attendance on the days that are asked for.

    Raises:
        ForeignStudentError: a teacher has none of the person's courses today.
        NotFoundError: there is no such term.
        InvalidError: no report covers these days.
    """
    courses = visible_courses_of(db, person_id, reader)
    chosen = chosen_days(db, wanted, reader.today)
    span = _moments(chosen.first, chosen.last, reader.zone)
    lines = lines_of_person(db, person_id, span, at=reader.at, courses=courses)
    tally, late = tally_of(lines, reader.at), late_lines(lines, reader.at)
    return PersonAttendance(
        chosen,
        reader.at,
        lines,
        days_of(lines),
        tally,
        course_sums(lines, tally, late),
        late,
        courses is not None,
        _week(db, person_id, lines, chosen, reader, courses),
    )


def chosen_days(db: Session, wanted: DaysWanted, today: date) -> DaysChosen:
    """Return the days that a request means: a term, a span, or the term of today.

    Raises:
        NotFoundError: there is no such term.
        InvalidError: no report covers these days.
    """
    terms = sorted(all_terms(db), key=lambda one: one.first_day, reverse=True)
    if wanted.first is not None or wanted.last is not None:
        last = wanted.last or max(today, wanted.first or today)
        first = wanted.first or last - _USUAL_DAYS
        check_days(first, last)
        return DaysChosen(first, last, None, terms)
    term = _term(terms, wanted.term, today)
    if term is None:
        return DaysChosen(today - _USUAL_DAYS, today, None, terms)
    first = max(term.first_day, term.last_day - timedelta(days=MOST_DAYS))
    return DaysChosen(first, term.last_day, term, terms)


def _term(terms: Sequence[Term], wanted: uuid.UUID | None, today: date) -> Term | None:
    """Return the term that is asked for, else today's, else the last one, else the next one."""
    if wanted is not None:
        found = next((one for one in terms if one.id == wanted), None)
        if found is None:
            raise NotFoundError("There is no such term.", problem="no_term")
        return found
    begun = [one for one in terms if one.first_day <= today]
    running = [one for one in begun if today <= one.last_day]
    return next(iter(running + begun + list(terms)[::-1]), None)


def holidays_between(db: Session, first: date, last: date) -> dict[date, str]:
    """Return the names of holidays by date."""
    found: dict[date, str] = {}
    for name, first_day, last_day in _HOLIDAYS.rows(db, first=first, last=last):
        day = max(first_day, first)
        while day <= min(last_day, last):
            found.setdefault(day, name)
            day += timedelta(days=1)
    return found


def absences_between(
    db: Session, person_id: uuid.UUID, chosen: DaysChosen, *, limit: int
) -> list[AbsenceNote]:
    """Return the absences that were reported for these days, the newest first."""
    span = {"first": chosen.first, "last": chosen.last}
    rows = _ABSENCES.rows(db, person=person_id, most=limit, **span)
    return [AbsenceNote(*row) for row in rows]


def _week(
    db: Session,
    person_id: uuid.UUID,
    lines: Sequence[PersonLine],
    chosen: DaysChosen,
    reader: Reader,
    courses: frozenset[uuid.UUID] | None,
) -> Sequence[PersonLine]:
    monday = reader.today - timedelta(days=reader.today.weekday())
    sunday = monday + _WEEK - timedelta(days=1)
    first, before = span = _moments(monday, sunday, reader.zone)
    if chosen.first <= monday and sunday <= chosen.last:
        return [line for line in lines if first <= line.lesson.starts_at < before]
    return lines_of_person(db, person_id, span, at=reader.at, courses=courses)


def _moments(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return midnight(first, zone), midnight(last + timedelta(days=1), zone)
