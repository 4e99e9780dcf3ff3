"""Files of a timetable: each row a lesson that a course has every week, or every second one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.db.types import now
from server.errors import ServerError
from server.imports.course_files import FROM, UNTIL
from server.imports.findings import (
    Column,
    Finding,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    judged_each,
    payloads,
)
from server.imports.place_files import COURSE_CODE_ALIASES, ROOM_ALIASES, courses_by_code
from server.imports.values import read_date, read_time, refuse_backwards
from server.people.bulk import ImportOrigin
from server.people.folding import fold
from server.timetable.patterns.clashes import Clash, ClashKind
from server.timetable.patterns.contradictions import contradictions
from server.timetable.patterns.service import (
    PatternPlan,
    PlanOptions,
    PlanReport,
    plan_patterns,
)
from server.timetable.tables import Course, LessonPattern, Room, Term, Weeks

_IN_ONE_QUERY = 500
#: Rows that a report names beside one that they contradict.
_MOST_NAMED = 5
#: Monday to Sunday, as files write them. Compared without case and accents.
_WEEKDAYS: tuple[tuple[str, ...], ...] = (
    ("1", "monday", "mon", "mo", "montag", "lundi", "lun", "lunes", "الاثنين", "الإثنين"),
    ("2", "tuesday", "tue", "tu", "di", "dienstag", "mardi", "mar", "martes", "الثلاثاء"),
    ("3", "wednesday", "wed", "we", "mi", "mittwoch", "mercredi", "mer", "miércoles", "الأربعاء"),
    ("4", "thursday", "thu", "th", "do", "donnerstag", "jeudi", "jeu", "jueves", "الخميس"),
    ("5", "friday", "fri", "fr", "freitag", "vendredi", "ven", "viernes", "الجمعة"),
    ("6", "saturday", "sat", "sa", "samstag", "sonnabend", "samedi", "sam", "sábado", "السبت"),
    ("7", "sunday", "sun", "su", "so", "sonntag", "dimanche", "dim", "domingo", "الأحد"),
)
_DAY_NUMBERS = {fold(name): day for day, names in enumerate(_WEEKDAYS) for name in names}
_WEEKS = {
    fold(name): weeks
    for weeks, names in {
        Weeks.EVERY: ("", "every", "all", "weekly", "a+b", "ab", "jede", "alle", "toutes", "todas"),
        Weeks.A: ("a", "week a", "woche a", "a-woche", "semaine a", "semana a", "أ"),
        Weeks.B: ("b", "week b", "woche b", "b-woche", "semaine b", "semana b", "ب"),
    }.items()
    for name in names
}
#: Services call some problems by names that mean something else in a file.
_PROBLEMS = {"too_long": "lesson_too_long"}


@dataclass(frozen=True)
class _Places:
    """What the rows name: courses by code, rooms and terms by name."""

    courses: Mapping[str, Course]
    rooms: Mapping[str, Room]
    terms: Sequence[Term]


class TimetableFiles:
    """The kind: each row a weekly lesson."""

    name = "timetable"
    columns = (
        Column("course", COURSE_CODE_ALIASES, ("BIO-9", "BIO-9", "ART-1"), is_required=True),
        Column(
            "weekday",
            (
                "weekday", "day", "day of week", "wochentag", "tag", "jour", "jour de la semaine",
                "día", "día de la semana", "اليوم", "يوم الأسبوع",
            ),
            ("Monday", "Wednesday", "Friday"),
            is_required=True,
        ),
        Column(
            "starts",
            (
                "starts", "start", "start time", "begins", "time", "beginn", "anfang", "uhrzeit",
                "début", "heure", "heure de début", "inicio", "hora", "hora de inicio",
                "وقت البدء", "البداية",
            ),
            ("08:00", "09:50", "11:30"),
            is_required=True,
        ),
        Column(
            "ends",
            (
                "ends", "end", "end time", "ende", "schluss", "fin", "heure de fin",
                "hora de fin", "final", "وقت الانتهاء", "النهاية",
            ),
            ("08:45", "10:35", "12:15"),
            is_required=True,
        ),
        Column("room", ROOM_ALIASES, ("R12", "R14", "R14"), is_required=True),
        Column(
            "weeks",
            ("weeks", "week", "woche", "wochen", "semaine", "semaines", "semana", "semanas",
             "الأسبوع", "الأسابيع"),
            ("", "A", ""),
        ),
        Column(
            "term",
            ("term", "semester", "halbjahr", "schuljahr", "trimestre", "semestre", "periodo",
             "الفصل الدراسي", "الفصل"),
            ("", "", ""),
        ),
        replace(FROM, samples=("", "", "")),
        replace(UNTIL, samples=("", "", "")),
    )  # fmt: skip

    def __init__(self, today: date, zone: ZoneInfo) -> None:
        self._today, self._zone = today, zone
        #: By row: what it shares with which other rows of the file at the same time.
        self._contradicted: dict[int, dict[ClashKind, set[int]]] = {}

    def identify(self, row: ParsedRow) -> str:
        """Return the whole row: no two different rows contradict each other."""
        return "\n".join(fold(row[one.key]) for one in self.columns)

    def about(self, row: ParsedRow) -> str:
        """Return course, day, times and room."""
        times = f"{row['weekday']} {row['starts']}-{row['ends']}"
        return " · ".join(part for part in (row["course"], times.strip(" -"), row["room"]) if part)

    def compare(
        self, db: Session, rows: Sequence[ParsedRow], step: Callable[[], object] = lambda: None
    ) -> None:
        """Find the rows of a whole file that contradict each other, before any is judged.

        None of them is imported, wherever they stand: nobody knows which one is right. Rows that
        are planned already count as the timetable does.

        Args:
            db: the caller's.
            rows: of the file.
            step: called every now and then, so that the work can be stopped.
        """
        numbers: list[int] = []
        plans: list[PatternPlan] = []
        for at, one in enumerate(self._judged(db, rows)):
            if at % _IN_ONE_QUERY == 0:
                step()
            if one.finding.outcome is RowOutcome.NEW:
                numbers.append(one.finding.row)
                plans.append(one.payload)
        for clash in contradictions(db, plans, self._options(is_trial=True), step):
            by_kind = self._contradicted.setdefault(numbers[clash.row], {})
            others = by_kind.setdefault(clash.kind, set())
            if clash.other_row is not None and len(others) <= _MOST_NAMED:
                others.add(numbers[clash.other_row])

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Plan rows on trial, beside the timetable; see `compare` for the other rows."""
        read = [self._unless_contradicted(one) for one in self._judged(db, rows)]
        plans = payloads(read, RowOutcome.NEW)
        report = plan_patterns(db, plans, self._options(is_trial=True), actor="")
        return _with_report(db, read, report)

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add the weekly lessons, and the lessons of the term with them."""
        plans = payloads(judged, RowOutcome.NEW)
        if not plans:
            return [one.finding for one in judged]
        report = plan_patterns(db, plans, self._options(), actor=origin.actor)
        return [one.finding for one in _with_report(db, judged, report)]

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield the weekly lessons of the same terms that are not in the file."""
        every = list(rows)
        spelled = {_DAY_NUMBERS.get(fold(one["weekday"])): one["weekday"] for one in every}
        plans = list(self._plans(db, every))
        planned, terms = {_key(one) for one in plans}, {one.term_id for one in plans}
        query = select(LessonPattern, Course, Room).where(
            col(LessonPattern.term_id).in_(terms),
            col(Course.id) == col(LessonPattern.course_id),
            col(Room.id) == col(LessonPattern.room_id),
        )
        for pattern, course, room in db.exec(
            query.order_by(col(Course.code), col(LessonPattern.weekday))
        ):
            if _key(pattern) not in planned:
                day = spelled.get(pattern.weekday, str(pattern.weekday + 1))
                times = f"{day} {pattern.starts:%H:%M}-{pattern.ends:%H:%M}"
                yield Finding(0, RowOutcome.MISSING, f"{course.code} · {times} · {room.name}")

    def _plans(self, db: Session, rows: Sequence[ParsedRow]) -> list[PatternPlan]:
        """Return what rows plan that can be read."""
        return payloads(self._judged(db, rows), RowOutcome.NEW)

    def _judged(self, db: Session, rows: Sequence[ParsedRow]) -> Iterator[Judged]:
        """Yield rows as they read, some in each query."""
        for start in range(0, len(rows), _IN_ONE_QUERY):
            part = rows[start : start + _IN_ONE_QUERY]
            read = partial(self._read, places=self._places(db, part))
            yield from judged_each(self, part, read)

    def _unless_contradicted(self, one: Judged) -> Judged:
        by_kind = self._contradicted.get(one.finding.row)
        if by_kind is None or one.finding.outcome is not RowOutcome.NEW:
            return one
        kind = min(by_kind, key=list(ClashKind).index)
        others = sorted(by_kind[kind])
        said = ", ".join(map(str, others[:_MOST_NAMED])) + (" …" * (len(others) > _MOST_NAMED))
        return replace(one, finding=_wrong(one.finding, f"rows_{kind}", rows=said))

    def _options(self, *, is_trial: bool = False) -> PlanOptions:
        return PlanOptions(self._zone, now(), is_trial=is_trial)

    def _places(self, db: Session, rows: Sequence[ParsedRow]) -> _Places:
        rooms = db.exec(select(Room).where(col(Room.name).in_({row["room"] for row in rows})))
        terms = db.exec(select(Term).order_by(col(Term.first_day), col(Term.id)))
        return _Places(
            courses_by_code(db, (row["course"] for row in rows)),
            {room.name: room for room in rooms},
            list(terms),
        )

    def _read(self, row: ParsedRow, places: _Places) -> Judged:
        """Read the cells of a row.

        Raises:
            RowError: one of them cannot be used.
        """
        for column in ("course", "weekday", "starts", "ends", "room"):
            if not row[column]:
                raise RowError("empty", column)
        course, room = places.courses.get(row["course"]), places.rooms.get(row["room"])
        if course is None:
            raise RowError("no_course", "course")
        if room is None:
            raise RowError("no_room", "room")
        first, last = read_date(row["from"], "from"), read_date(row["until"], "until")
        refuse_backwards(first, last, "until")
        plan = PatternPlan(
            term_id=self._term(row["term"], places.terms).id,
            course_id=course.id,
            room_id=room.id,
            weekday=_weekday(row["weekday"]),
            starts=read_time(row["starts"], "starts"),
            ends=read_time(row["ends"], "ends"),
            weeks=_weeks(row["weeks"]),
            first_day=first,
            last_day=last,
        )
        return Judged(Finding(row.number, RowOutcome.NEW, self.about(row)), plan)

    def _term(self, name: str, terms: Sequence[Term]) -> Term:
        """Return the term of a name; without one, the only term that is not over.

        Raises:
            RowError: there is none, or more than one.
        """
        if name:
            found = [one for one in terms if one.name == name]
            if not found:
                raise RowError("no_term", "term")
            return found[0]
        open_ones = [one for one in terms if one.last_day >= self._today]
        if len(open_ones) != 1:
            raise RowError("which_term" if open_ones else "no_open_term", "term")
        return open_ones[0]


def _weekday(text: str) -> int:
    day = _DAY_NUMBERS.get(fold(text))
    if day is None:
        raise RowError("weekday", "weekday", value=text)
    return day


def _weeks(text: str) -> Weeks:
    weeks = _WEEKS.get(fold(text))
    if weeks is None:
        raise RowError("weeks", "weeks", value=text)
    return weeks


def _with_report(db: Session, judged: Sequence[Judged], report: PlanReport) -> list[Judged]:
    """Return rows with what planning found out about those that are new.

    Args:
        db: the caller's.
        judged: rows that could be read, and others.
        report: of the new ones, in their order.
    """
    clashes: dict[int, Clash] = {}
    for clash in report.clashes:
        clashes.setdefault(clash.row, clash)
    codes = _codes(db, clashes.values())
    found, number = [], 0
    for one in judged:
        if one.finding.outcome is not RowOutcome.NEW:
            found.append(one)
            continue
        finding = one.finding
        if number in report.refused:
            finding = _wrong(finding, _reason(report.refused[number]))
        elif number in report.unchanged:
            finding = replace(finding, outcome=RowOutcome.UNCHANGED)
        elif number not in report.added:
            met = clashes[number]
            finding = _wrong(finding, f"clash_{met.kind}", course=codes[met.course_id])
        found.append(replace(one, finding=finding))
        number += 1
    return found


def _wrong(finding: Finding, reason: str, **values: str) -> Finding:
    return replace(finding, outcome=RowOutcome.WRONG, reason=reason, values=values)


def _reason(error: ServerError) -> str:
    problem = str(error.details.get("problem", "refused"))
    return _PROBLEMS.get(problem, problem)


def _codes(db: Session, clashes: Iterable[Clash]) -> dict[object, str]:
    wanted = {one.course_id for one in clashes}
    return {one.id: one.code for one in db.exec(select(Course).where(col(Course.id).in_(wanted)))}


def _key(one: PatternPlan | LessonPattern) -> tuple[object, ...]:
    return tuple(getattr(one, name) for name in PatternPlan.__dataclass_fields__)
