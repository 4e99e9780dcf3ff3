"""Lessons of a calendar: compare them with the timetable, and add those that are missing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.db.types import now
from server.errors import ServerError
from server.imports.calendars.entries import EntryRow, Series, Slot
from server.imports.calendars.known import KnownLessons, WantedSeries
from server.imports.calendars.places import CalendarPlaces
from server.imports.calendars.planning import PlanTime, SeriesPlan, plan_series, span_of
from server.imports.findings import (
    Finding,
    Judged,
    ParsedRow,
    RowOutcome,
    judged_each,
)
from server.people.bulk import ImportOrigin
from server.timetable.lessons import create_lesson
from server.timetable.patterns.clashes import Clash, ClashKind, find_clashes
from server.timetable.patterns.service import PlanOptions, plan_patterns
from server.timetable.patterns.weekly import PlannedLesson

#: Services call some problems by names that mean something else in a file.
PROBLEMS = {"too_long": "lesson_too_long"}
#: What a clash is called that nobody could see before.
CLASHES = {
    ClashKind.ROOM: "room_taken",
    ClashKind.COURSE: "course_elsewhere",
    ClashKind.TEACHER: "teacher_elsewhere",
    ClashKind.STUDENT: "refused",
}


@dataclass(frozen=True)
class NamedSeries:
    """A series that can be planned."""

    row: ParsedRow
    wanted: WantedSeries
    plan: SeriesPlan


class SeriesEntries:
    """Judges and writes the series of one file."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        #: Of a dry run: what earlier parts of the file plan, which the database does not have.
        self.earlier: list[list[PlannedLesson]] = []
        #: Lessons that the file plans: course, room and start.
        self.coming: set[tuple[object, ...]] = set()

    def identify(self, row: ParsedRow) -> str:
        """Return what a report calls a series."""
        return self.about(row)

    def about(self, row: ParsedRow) -> str:
        """Return course, dates, times and room."""
        return about_series(series_of(row))

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Find out which lessons are missing, and what they clash with."""
        places, time = CalendarPlaces(db), PlanTime(self._zone, now())
        wanted, refused = self._wanted(rows, places)
        if not wanted:
            return refused
        courses = {one.course.id for _, one in wanted}
        slots = [slot for _, one in wanted for slot in one.series.slots.values()]
        known = KnownLessons(db, courses, *span_of(slots))
        found = [
            NamedSeries(row, one, plan_series(one, places, known, time)) for row, one in wanted
        ]
        judged = [judge_plan(one, places) for one in found]
        new = [one for one in judged if one.finding.outcome is RowOutcome.NEW]
        clashing = self._clashes(db, [one.payload.lessons for one in new], lock=lock)
        for number, one in enumerate(new):
            if number not in clashing:
                self._note([one.payload.lessons], lock=lock)
        barred = {new[number].finding.row: clash for number, clash in clashing.items()}
        result = [*refused]
        for one, plan in zip(judged, found, strict=True):
            clash = barred.get(one.finding.row)
            result.append(one if clash is None else _clashed(one, clash, places))
            result += leftovers(one, plan.plan, plan.wanted.series)
        return result

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add weekly patterns together, then single lessons one by one."""
        options = PlanOptions(self._zone, now())
        new = [one for one in judged if one.finding.outcome is RowOutcome.NEW]
        owners = [one.finding.row for one in new for _ in one.payload.patterns]
        patterns = [plan for one in new for plan in one.payload.patterns]
        wrong: dict[int, str] = {}
        if patterns:
            report = plan_patterns(db, patterns, options, actor=origin.actor)
            wrong = {owners[at]: reason_of(error) for at, error in report.refused.items()}
            wrong |= {owners[one.row]: CLASHES[one.kind] for one in report.clashes}
        found = []
        for one in judged:
            finding, reason = one.finding, wrong.get(one.finding.row, "")
            if finding.outcome is RowOutcome.NEW:
                reason = reason or self._write_singles(db, one.payload, options, origin.actor)
                finding = wrong_finding(finding, reason) if reason else finding
            found.append(finding)
        return found

    def _write_singles(
        self, db: Session, plan: SeriesPlan, options: PlanOptions, actor: str
    ) -> str:
        """Add single lessons, or none of them; returns why not."""
        try:
            with db.begin_nested():
                for one in plan.singles:
                    create_lesson(db, one, zone=self._zone, at=options.at, actor=actor)
        except ServerError as error:
            return reason_of(error)
        return ""

    def _wanted(
        self, rows: Sequence[ParsedRow], places: CalendarPlaces
    ) -> tuple[list[tuple[ParsedRow, WantedSeries]], list[Judged]]:
        found = []

        def name(row: ParsedRow) -> Judged:
            series = series_of(row)
            course, room = places.course(series.course), places.room(series.room)
            found.append((row, WantedSeries(series, course, room)))
            return Judged(Finding(row.number, RowOutcome.NEW, ""))

        judged = judged_each(self, rows, name)
        wrong = [one for one in judged if one.finding.outcome is RowOutcome.WRONG]
        return found, wrong

    def _clashes(
        self, db: Session, rows: list[list[PlannedLesson]], *, lock: bool
    ) -> dict[int, Clash]:
        earlier = [] if lock else self.earlier
        found: dict[int, Clash] = {}
        for clash in find_clashes(db, [*earlier, *rows]):
            if clash.row >= len(earlier):
                found.setdefault(clash.row - len(earlier), clash)
        return found

    def _note(self, lessons: list[list[PlannedLesson]], *, lock: bool) -> None:
        if not lock:
            self.earlier += lessons
            self.coming |= {
                (one.course_id, one.room_id, one.starts_at) for some in lessons for one in some
            }


def judge_plan(found: NamedSeries, places: CalendarPlaces) -> Judged:
    """Return what becomes of a series, clashes aside."""
    series, plan = found.wanted.series, found.plan
    finding = Finding(found.row.number, RowOutcome.NEW, about_series(series))
    if plan:
        return Judged(finding, plan)
    if not places.terms:
        return Judged(wrong_finding(finding, "no_open_term"))
    if plan.is_over:
        return Judged(wrong_finding(finding, "calendar_over"))
    if plan.outside and not series.is_open:
        return Judged(wrong_finding(finding, "calendar_outside", count=str(plan.outside)))
    if plan.closed and not series.is_rule:
        return Judged(wrong_finding(finding, "calendar_closed", count=str(plan.closed)))
    return Judged(replace(finding, outcome=RowOutcome.UNCHANGED))


def leftovers(judged: Judged, plan: SeriesPlan, series: Series) -> Iterator[Judged]:
    """Yield what is said of lessons of a series that are left out while others are planned."""
    if judged.finding.outcome is not RowOutcome.NEW:
        return
    if plan.outside and not series.is_open:
        yield Judged(wrong_finding(judged.finding, "calendar_outside", count=str(plan.outside)))
    if plan.closed and not series.is_rule:
        yield Judged(wrong_finding(judged.finding, "calendar_closed", count=str(plan.closed)))


def series_of(row: ParsedRow) -> Series:
    """Return the series of a row."""
    assert isinstance(row, EntryRow)
    assert isinstance(row.entry, Series)
    return row.entry


def about_series(series: Series) -> str:
    """Return what reports call a series: course, dates, times and room."""
    days = sorted({min(series.slots), max(series.slots)})
    dates = " \N{EN DASH} ".join(map(str, days))
    times = f"{series.starts:%H:%M}-{series.ends:%H:%M}"
    return _joined(series.course, f"{dates} {times}", series.room)


def about_slot(slot: Slot, zone: ZoneInfo) -> str:
    """Return what reports call a lesson."""
    starts, ends = slot.local(zone)
    return _joined(slot.course, f"{starts:%Y-%m-%d %H:%M}-{ends:%H:%M}", slot.room)


def wrong_finding(finding: Finding, reason: str, **values: str) -> Finding:
    """Return a line of the report that says why nothing is done."""
    return replace(
        finding, outcome=RowOutcome.WRONG, reason=reason, column="", values=values, changes=()
    )


def reason_of(error: ServerError) -> str:
    """Return what files call the problem of a service."""
    problem = str(error.details.get("problem", "refused"))
    return PROBLEMS.get(problem, problem)


def _clashed(judged: Judged, clash: Clash, places: CalendarPlaces) -> Judged:
    course = places.code_of(clash.course_id)
    return Judged(wrong_finding(judged.finding, f"clash_{clash.kind}", course=course))


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)
