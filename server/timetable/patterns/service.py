"""Add, change and delete weekly patterns; refuse or report what they clash with."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.audit.service import record
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.db.types import new_id
from server.errors import ConflictError, InvalidError, ServerError
from server.timetable.patterns.clashes import Clash, ClashKind, find_clashes
from server.timetable.patterns.generation import (
    closed_days,
    delete_patterns,
    moments_of,
    planned_lessons,
    refresh_lessons,
    span_ahead,
)
from server.timetable.patterns.weekly import PlannedLesson, monday
from server.timetable.service import course_of, found_or_404, lock_timetable, room_of
from server.timetable.tables import LessonPattern, PatternLesson, Term, Weeks

#: The order of every list of patterns: as they were added.
ORDER = ListOrder((col(LessonPattern.created_at), col(LessonPattern.id)), (datetime, uuid.UUID))


class ClashError(ConflictError):
    """Lessons of the pattern are at the same time as others.

    Attributes:
        clashes: which.
    """

    code = "timetable_clash"
    clashes: Sequence[Clash] = ()

    @classmethod
    def of(cls, clashes: Sequence[Clash]) -> "ClashError":
        """Return the error that names these."""
        error = cls("Other lessons are planned at the same time.", problem="timetable_clash")
        error.clashes = tuple(clashes)
        return error

    @property
    def may_be_meant(self) -> bool:
        """Whether the caller may repeat the request with `allow_clashes`."""
        return all(one.kind is not ClashKind.ROOM for one in self.clashes)


@dataclass(frozen=True)
class PatternPlan:
    """What a weekly pattern is to be; see `LessonPattern`."""

    term_id: uuid.UUID
    course_id: uuid.UUID
    room_id: uuid.UUID
    weekday: int
    starts: time
    ends: time
    weeks: Weeks = Weeks.EVERY
    first_day: date | None = None
    last_day: date | None = None

    def as_row(self, pattern_id: uuid.UUID) -> LessonPattern:
        """Return a row that is not in the database yet."""
        return LessonPattern(id=pattern_id, **vars(self))

    def written_to(self, pattern: LessonPattern) -> LessonPattern:
        """Write this into a row."""
        for name, value in vars(self).items():
            setattr(pattern, name, value)
        return pattern


@dataclass(frozen=True)
class PlanOptions:
    """How patterns are planned.

    Attributes:
        zone: the school's.
        at: now.
        allow_clashes: save also what puts courses, teachers or students in two places.
        is_trial: report alone; nothing is written.
    """

    zone: ZoneInfo
    at: datetime
    allow_clashes: bool = False
    is_trial: bool = False


@dataclass
class PlanReport:
    """What became of rows that were to be planned, by row number from 0.

    Attributes:
        added: the ids of the patterns that were added, or would be.
        unchanged: the ids of patterns that were there already, exactly so.
        refused: why a row makes no lesson.
        clashes: of all rows. Rows with one are not added, unless it may be and is meant.
    """

    added: dict[int, uuid.UUID] = field(default_factory=dict)
    unchanged: dict[int, uuid.UUID] = field(default_factory=dict)
    refused: dict[int, ServerError] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)


def plan_patterns(
    db: Session, rows: Sequence[PatternPlan], options: PlanOptions, *, actor: str
) -> PlanReport:
    """Add many patterns at once, and their lessons; what does not work is reported as data.

    Rows are checked against the timetable and against each other. Planning the same rows again
    changes nothing.

    Args:
        db: the caller's.
        rows: what is to be planned.
        options: see `PlanOptions`.
        actor: who plans it.
    """
    if not options.is_trial:
        lock_timetable(db)
    report, plans = PlanReport(), Planning(db, options)
    known = {key_of_pattern(one): one.id for one in db.exec(select(LessonPattern))}
    seen: set[tuple[object, ...]] = set()
    wanted: dict[int, tuple[LessonPattern, list[PlannedLesson]]] = {}
    for number, row in enumerate(rows):
        pattern = row.as_row(new_id())
        if (same := known.get(key_of_pattern(pattern))) is not None:
            report.unchanged[number] = same
            continue
        try:
            _refuse_twice(key_of_pattern(pattern) in seen)
            wanted[number] = (pattern, plans.lessons(pattern))
            seen.add(key_of_pattern(pattern))
        except ServerError as exc:
            report.refused[number] = exc
    report.clashes = find_clashes(
        db, [wanted[number][1] if number in wanted else [] for number in range(len(rows))]
    )
    kept = _kept(wanted, report.clashes, options)
    report.added = {number: pattern.id for number, pattern in kept.items()}
    if kept and not options.is_trial:
        _save(db, list(kept.values()), options, actor)
    return report


def create_pattern(
    db: Session, plan: PatternPlan, options: PlanOptions, *, actor: str
) -> LessonPattern:
    """Add a pattern and its lessons.

    Raises:
        NotFoundError: no such term, course or room.
        InvalidError: it ends before it starts, or has no lesson to come.
        ClashError: other lessons are at the same time.
        ConflictError: there is the same pattern already.
    """
    report = plan_patterns(db, [plan], options, actor=actor)
    for refused in report.refused.values():
        raise refused
    _refuse_twice(bool(report.unchanged))
    if not report.added:
        raise ClashError.of(report.clashes)
    return db.get_one(LessonPattern, report.added[0])


def change_pattern(
    db: Session, pattern_id: uuid.UUID, plan: PatternPlan, options: PlanOptions, *, actor: str
) -> LessonPattern:
    """Change a pattern. Its lessons that have not started follow, and keep their ids.

    Lessons that a person changed stay as they are.

    Raises:
        NotFoundError, InvalidError, ClashError: as for a new one.
    """
    lock_timetable(db)
    pattern = pattern_of(db, pattern_id)
    trial = plan.as_row(pattern_id)
    lessons = Planning(db, options).lessons(trial)
    kept = _kept_weeks(db, pattern_id)
    lessons = [one for one in lessons if one.week not in kept]
    clashes = find_clashes(db, [lessons], besides=[pattern_id])
    _refuse(clashes, options)
    db.add(plan.written_to(pattern))
    refresh_lessons(
        db, zone=options.zone, at=options.at, patterns=[pattern_id], actor=actor, known=()
    )
    _record(db, "pattern.change", pattern, actor)
    return pattern


def delete_pattern(
    db: Session, pattern_id: uuid.UUID, *, zone: ZoneInfo, at: datetime, actor: str
) -> None:
    """Delete a pattern with its lessons to come.

    Lessons stay that have started, that a person changed, or for which anything was recorded.

    Raises:
        NotFoundError: there is no such pattern.
    """
    lock_timetable(db)
    pattern = pattern_of(db, pattern_id)
    db.expunge(pattern)
    delete_patterns(db, [pattern_id], zone=zone, at=at, actor=actor)
    _record(db, "pattern.delete", pattern, actor)


def pattern_of(db: Session, pattern_id: uuid.UUID) -> LessonPattern:
    """Return one pattern.

    Raises:
        NotFoundError: there is none of that id.
    """
    return found_or_404(db.get(LessonPattern, pattern_id), "pattern")


def patterns_part(
    db: Session, wanted: PartWanted, *, course_id: uuid.UUID | None = None
) -> Part[tuple[LessonPattern]]:
    """Return a part of all patterns, or of those of a course."""
    query = select(LessonPattern)
    if course_id is not None:
        query = query.where(LessonPattern.course_id == course_id)
    return read_part(db, query, ORDER, wanted)


class Planning:
    """Works out the lessons of patterns; reads terms and holidays once for all of them."""

    def __init__(self, db: Session, options: PlanOptions) -> None:
        self._db, self._options = db, options
        self._found: dict[uuid.UUID, object] = {}  # kept: the session forgets what nobody holds
        self.span = span_ahead(options.at, options.zone)
        self.closed = closed_days(db, *self.span)

    def lessons(self, pattern: LessonPattern) -> list[PlannedLesson]:
        """Return the lessons to come.

        Raises:
            NotFoundError, InvalidError: see `create_pattern`.
        """
        term = found_or_404(self._db.get(Term, pattern.term_id), "term")
        self._found.setdefault(pattern.term_id, term)
        for one_of, one in ((course_of, pattern.course_id), (room_of, pattern.room_id)):
            if one not in self._found:
                self._found[one] = one_of(self._db, one)
        _refuse_odd_times(pattern)
        at = self._options.at
        planned = planned_lessons(pattern, term, zone=self._options.zone, at=at, closed=self.closed)
        found = [one for one in planned if one.starts_at > at]
        if not found:
            raise InvalidError("There is no lesson to come on these dates.", problem="no_dates")
        return found

    def lesson(self, plan: PatternPlan, source: uuid.UUID, day: date) -> PlannedLesson | None:
        """Return the lesson of a date; None where it has started."""
        starts_at, ends_at = moments_of(day, plan.starts, plan.ends, self._options.zone)
        if starts_at <= self._options.at:
            return None
        place = (plan.course_id, plan.room_id)
        return PlannedLesson(source, monday(day), day, *place, starts_at, ends_at)


def _refuse_twice(is_there: bool) -> None:
    if is_there:
        raise ConflictError("This weekly lesson is there already.", problem="pattern_twice")


def _refuse_odd_times(pattern: LessonPattern) -> None:
    if pattern.ends <= pattern.starts:
        raise InvalidError("The lesson ends before it starts.", problem="ends_before_start")
    hours = (pattern.ends.hour - pattern.starts.hour) + (
        pattern.ends.minute - pattern.starts.minute
    ) / 60
    if hours > _MOST_HOURS:
        raise InvalidError("A lesson lasts at most 12 hours.", problem="too_long")
    first, last = pattern.first_day, pattern.last_day
    if first is not None and last is not None and last < first:
        raise InvalidError("The last day is before the first.", problem="order")


_MOST_HOURS = 12


def _kept(
    wanted: dict[int, tuple[LessonPattern, list[PlannedLesson]]],
    clashes: Sequence[Clash],
    options: PlanOptions,
) -> dict[int, LessonPattern]:
    """Return the rows that can be added.

    Of rows that clash with each other none is added: the order of a file decides nothing.
    """
    barred = {one.row for one in clashes if one.kind is ClashKind.ROOM or not options.allow_clashes}
    return {number: row[0] for number, row in wanted.items() if number not in barred}


def _refuse(clashes: Sequence[Clash], options: PlanOptions) -> None:
    is_meant = options.allow_clashes and all(one.kind is not ClashKind.ROOM for one in clashes)
    if clashes and not is_meant:
        raise ClashError.of(clashes)


def _save(db: Session, patterns: Sequence[LessonPattern], options: PlanOptions, actor: str) -> None:
    db.add_all(patterns)
    db.flush()
    ids = [pattern.id for pattern in patterns]
    refresh_lessons(db, zone=options.zone, at=options.at, patterns=ids, actor=actor)
    if len(patterns) == 1:
        _record(db, "pattern.create", patterns[0], actor)
    else:
        details = {"patterns": len(patterns)}
        record(db, actor=actor, action="pattern.create_many", subject="timetable", details=details)


def _record(db: Session, action: str, pattern: LessonPattern, actor: str) -> None:
    details = {"pattern": str(pattern.id)}
    record(db, actor=actor, action=action, subject=f"course:{pattern.course_id}", details=details)


def _kept_weeks(db: Session, pattern_id: uuid.UUID) -> set[date]:
    """Return the weeks whose lesson a person changed, so that it stays where it is."""
    query = select(col(PatternLesson.week)).where(
        PatternLesson.pattern_id == pattern_id, col(PatternLesson.is_changed).is_(True)
    )
    return set(db.exec(query))


def key_of_pattern(pattern: LessonPattern) -> tuple[object, ...]:
    """Return what two patterns share that are the same."""
    return tuple(getattr(pattern, name) for name in PatternPlan.__dataclass_fields__)
