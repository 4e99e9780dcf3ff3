"""Read reports, and keep the limit of the at-risk list. Only counts; no model judges anybody."""

import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from server.audit.service import record
from server.errors import InvalidError
from server.people.tables import Person
from server.reports.lines import LessonFacts, lesson_count, lessons_between
from server.reports.schemas import AtRiskLimitUpdate, ReportScope
from server.reports.tables import AtRiskLimit
from server.reports.tally import ReportTally
from server.timetable.tables import RosterEntry

#: The most lessons of a report that is made while a person waits: about a second of work. One over
#: more lessons is prepared in the background.
DIRECT_LESSONS = 400
#: The most lines of a print that is made while a person waits: about a second of work with
#: reading them (docs/measurements/reports.md).
MOST_DIRECT_LINES = 3000
#: The longest span: a school year and its holidays.
MOST_DAYS = 400
DEFAULT_LIMIT = AtRiskLimitUpdate(percent=75, least_lessons=5)
SUBJECT = "reports"
_IN_ONE_QUERY = 500


class ReportTooLongError(InvalidError):
    """A report over so many lessons is not made while a person waits."""

    code = "report_too_long"
    default_message = "This report covers too many lessons. Prepare it first."


class PrintTooLongError(InvalidError):
    """Registers with so many lines are not printed while a person waits."""

    code = "print_too_long"
    default_message = "These registers have too many lines to print at once. Prepare them first."


@dataclass
class Report:
    """A report as it is shown.

    Attributes:
        scope: what it is about.
        as_of: the moment its registers were read.
        lessons: every lesson with its lines, by start; None where only the sums are here.
        is_truncated: it ends early, because it reached the most lines.
        prepared_id: of the prepared report; None where it was made at once.
    """

    scope: ReportScope
    as_of: datetime
    tally: ReportTally = field(default_factory=ReportTally)
    lessons: list[LessonFacts] | None = None
    is_truncated: bool = False
    prepared_id: uuid.UUID | None = None

    def person_lines(self) -> Iterator[LessonFacts]:
        """Return its lessons with the lines that it is about."""
        yield from own_lines(self.lessons or (), self.scope.people)


def own_lines(
    lessons: Iterable[LessonFacts], people: Collection[uuid.UUID] | None
) -> Iterator[LessonFacts]:
    """Return lessons with the lines of some people alone; None: with all lines."""
    for one in lessons:
        if people is None:
            yield one
        elif lines := tuple(line for line in one.lines if line.person_id in people):
            yield one._replace(lines=lines)


def check_days(first: date, last: date) -> None:
    """Refuse days that no report covers.

    Raises:
        InvalidError: the last day is before the first, or the span is too long.
    """
    if last < first:
        raise InvalidError("The last day is before the first.", problem="order")
    if last - first > timedelta(days=MOST_DAYS):
        raise InvalidError(
            f"A report covers at most {MOST_DAYS} days.", problem="span_long", most=MOST_DAYS
        )


def direct_report(db: Session, scope: ReportScope, at: datetime) -> Report:
    """Read a report at once.

    Raises:
        ReportTooLongError: it covers too many lessons.
        InvalidError: see `check_days`.
    """
    check_days(scope.span.first, scope.span.last)
    scope = _narrowed(db, scope)
    lessons = lesson_count(db, scope.span, at)
    if lessons > DIRECT_LESSONS:
        raise ReportTooLongError(problem="report_too_long", lessons=lessons, most=DIRECT_LESSONS)
    found = [one for piece in lessons_between(db, scope.span, at) for one in piece]
    report = Report(scope, at, lessons=found)
    report.tally.add_all(found, at, scope.people)
    return report


def _narrowed(db: Session, scope: ReportScope) -> ReportScope:
    """Return the same with the courses alone that ever had the people on their roster."""
    if scope.people is None:
        return scope
    query = select(RosterEntry.course_id).where(col(RosterEntry.person_id).in_(scope.people))
    courses = frozenset(db.exec(query.distinct()))
    span = scope.span
    wanted = courses if span.courses is None else courses & span.courses
    return replace(scope, span=replace(span, courses=wanted))


def at_risk_limit(db: Session) -> AtRiskLimitUpdate:
    """Return the limit in force; the default where nobody set one."""
    row = db.get(AtRiskLimit, 1)
    if row is None:
        return DEFAULT_LIMIT
    return AtRiskLimitUpdate(percent=row.percent, least_lessons=row.least_lessons)


def set_at_risk_limit(db: Session, wanted: AtRiskLimitUpdate, *, actor: str, at: datetime) -> None:
    """Set the limit; the trail says what it was."""
    before = at_risk_limit(db)
    if before == wanted:
        return
    details = {
        "percent": wanted.percent,
        "least_lessons": wanted.least_lessons,
        "percent_before": before.percent,
        "least_lessons_before": before.least_lessons,
    }
    record(db, actor=actor, action="report.limit", subject=SUBJECT, details=details)
    db.merge(
        AtRiskLimit(
            percent=wanted.percent,
            least_lessons=wanted.least_lessons,
            changed_by=actor,
            changed_at=at,
        )
    )
    db.flush()


def people_named(db: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Person]:
    """Return the people of these ids that exist, however many they are."""
    wanted = list(ids)
    found: dict[uuid.UUID, Person] = {}
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        part = wanted[start : start + _IN_ONE_QUERY]
        found |= {one.id: one for one in db.exec(select(Person).where(col(Person.id).in_(part)))}
    return found
