"""Files of weekly lessons: each row a lesson that a course has every week, or in weeks A or B."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.db.types import now
from server.imports.findings import (
    Column,
    Finding,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    judged_each,
)
from server.imports.place_files import COURSE_CODE_ALIASES, courses_by_code
from server.people.bulk import ImportOrigin
from server.people.folding import fold
from server.timetable.patterns.service import (
    PatternPlan,
    PlanOptions,
    PlanReport,
    plan_patterns,
)
from server.timetable.tables import Course, LessonPattern, Room, Term, Weeks

_CLOCK = re.compile(r"(\d{1,2})[:.h](\d{2})(?::\d{2})?(?: ?([ap])\.?m\.?)?", re.IGNORECASE)
_NOON = 12
#: Monday first; the first of each is what reports call it where no row does.
_WEEKDAYS = (
    ("Monday", "mon", "mo", "1", "montag", "lundi", "lun", "lunes", "الاثنين", "الإثنين"),
    ("Tuesday", "tue", "di", "2", "dienstag", "mardi", "mar", "martes", "الثلاثاء"),
    ("Wednesday", "wed", "mi", "3", "mittwoch", "mercredi", "mer", "miércoles", "mié", "الأربعاء"),
    ("Thursday", "thu", "do", "4", "donnerstag", "jeudi", "jeu", "jueves", "jue", "الخميس"),
    ("Friday", "fri", "fr", "5", "freitag", "vendredi", "ven", "viernes", "vie", "الجمعة"),
    ("Saturday", "sat", "sa", "6", "samstag", "samedi", "sam", "sábado", "sáb", "السبت"),
    ("Sunday", "sun", "so", "7", "sonntag", "dimanche", "dim", "domingo", "dom", "الأحد"),
)
_DAY_OF = {fold(name): day for day, names in enumerate(_WEEKDAYS) for name in names}
_EVERY = (
    "",
    "every",
    "every week",
    "all",
    "weekly",
    "a/b",
    "jede",
    "alle",
    "toutes",
    "todas",
    "كل",
)
_WEEKS = {
    **{fold(name): Weeks.EVERY for name in _EVERY},
    **{
        fold(f"{word}{letter}"): weeks
        for letters, weeks in ((("a", "أ"), Weeks.A), (("b", "ب"), Weeks.B))
        for letter in letters
        for word in ("", "week ", "woche ", "semaine ", "semana ", "أسبوع ", "الأسبوع ")
    },
}


@dataclass(frozen=True)
class _Referred:
    """What rows refer to by name."""

    courses: dict[str, Course]
    rooms: dict[str, Room]
    terms: Sequence[Term]


class TimetableFiles:
    """The kind: each row a weekly lesson."""

    name = "timetable"
    columns = (
        Column("course", COURSE_CODE_ALIASES, ("BIO-9", "BIO-9", "ART-1"), is_required=True),
        Column(
            "weekday",
            ("weekday", "day", "day of week", "wochentag", "tag", "jour", "día", "اليوم"),
            ("Monday", "Thursday", "Monday"),
            is_required=True,
        ),
        Column(
            "starts",
            (
                "starts", "start", "start time", "from", "begins", "beginn", "von", "anfang",
                "début", "de", "inicio", "desde", "hora de inicio", "البداية", "من",
            ),
            ("08:00", "10:15", "09:00"),
            is_required=True,
        ),
        Column(
            "ends",
            (
                "ends", "end", "end time", "to", "until", "ende", "bis", "fin", "à", "hasta",
                "hora de fin", "النهاية", "إلى",
            ),
            ("08:45", "11:00", "09:45"),
            is_required=True,
        ),
        Column(
            "room",
            ("room", "room name", "raum", "zimmer", "salle", "aula", "sala", "القاعة", "الغرفة"),
            ("R12", "R12", "R14"),
            is_required=True,
        ),
        Column(
            "weeks",
            ("weeks", "week", "woche", "wochen", "semaine", "semana", "الأسبوع"),
            ("", "A", ""),
        ),
        Column(
            "term",
            ("term", "semester", "halbjahr", "trimestre", "semestre", "الفصل"),
            ("", "", ""),
        ),
    )  # fmt: skip

    def __init__(self, today: date, zone: ZoneInfo) -> None:
        self._today = today
        self._zone = zone

    def identify(self, row: ParsedRow) -> str:
        """Return all that makes a weekly lesson, as it is written."""
        return "\n".join(row[one.key] for one in self.columns)

    def about(self, row: ParsedRow) -> str:
        """Return course, room, day and time."""
        times = "-".join(text for text in (row["starts"], row["ends"]) if text)
        return " · ".join(
            text for text in (row["course"], row["room"], row["weekday"], times) if text
        )

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Read rows; before they are written, they are planned together in `write`."""
        known = _Referred(
            courses_by_code(db, (row["course"] for row in rows)),
            _rooms(db, [row["room"] for row in rows]),
            db.exec(select(Term).where(Term.last_day >= self._today)).all(),
        )

        def judge(row: ParsedRow) -> Judged:
            plan = _plan(row, known)
            return Judged(Finding(row.number, RowOutcome.NEW, self.about(row)), plan)

        judged = judged_each(self, rows, judge)
        return judged if lock else self._planned(db, judged, is_trial=True, actor="")

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Plan the lessons of all rows, checked against the timetable and each other."""
        planned = self._planned(db, judged, is_trial=False, actor=origin.actor)
        return [one.finding for one in planned]

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield the weekly lessons of the courses in the file that are not in it."""
        wanted: set[tuple[str, int, time]] = set()
        words: dict[int, str] = {}
        codes: set[str] = set()
        for row in rows:
            codes.add(row["course"])
            try:
                day, starts = _weekday(row), _clock(row, "starts")
            except RowError:
                continue
            wanted.add((row["course"], day, starts))
            words.setdefault(day, row["weekday"])
        courses = {one.id: one for one in courses_by_code(db, codes).values()}
        query = (
            select(LessonPattern, Room)
            .join(Room, col(Room.id) == col(LessonPattern.room_id))
            .join(Term, col(Term.id) == col(LessonPattern.term_id))
            .where(Term.last_day >= self._today)
        )
        for pattern, room in db.exec(query.where(col(LessonPattern.course_id).in_(list(courses)))):
            code = courses[pattern.course_id].code
            if (code, pattern.weekday, pattern.starts) not in wanted:
                day_word = words.get(pattern.weekday, _WEEKDAYS[pattern.weekday][0])
                times = f"{pattern.starts:%H:%M}-{pattern.ends:%H:%M}"
                about = " · ".join((code, room.name, day_word, times))
                yield Finding(0, RowOutcome.MISSING, about)

    def _planned(
        self, db: Session, judged: Sequence[Judged], *, is_trial: bool, actor: str
    ) -> list[Judged]:
        ready = [one for one in judged if one.payload is not None]
        options = PlanOptions(self._zone, now(), is_trial=is_trial)
        report = plan_patterns(db, [one.payload for one in ready], options, actor=actor)
        found = {
            one.finding.row: replace(one, finding=_outcome(one.finding, report, number))
            for number, one in enumerate(ready)
        }
        return [found.get(one.finding.row, one) for one in judged]


def _outcome(finding: Finding, report: PlanReport, number: int) -> Finding:
    """Return what became of a planned row."""
    if number in report.added:
        return finding
    if number in report.unchanged:
        return replace(finding, outcome=RowOutcome.UNCHANGED)
    refused = report.refused.get(number)
    if refused is not None:
        reason = str(refused.details.get("problem", "refused"))
        return replace(finding, outcome=RowOutcome.WRONG, reason=f"lesson_{reason}")
    kinds = sorted({one.kind for one in report.clashes if one.row == number})
    reason = f"clash_{kinds[0]}" if kinds else "refused"
    return replace(finding, outcome=RowOutcome.WRONG, reason=reason)


def _plan(row: ParsedRow, known: _Referred) -> PatternPlan:
    """Return what a row wants.

    Raises:
        RowError: it cannot be read, or names what there is not.
    """
    for column in ("course", "weekday", "starts", "ends", "room"):
        if not row[column]:
            raise RowError("empty", column)
    course, room = known.courses.get(row["course"]), known.rooms.get(row["room"])
    if course is None:
        raise RowError("no_course", "course")
    if room is None:
        raise RowError("no_room", "room")
    weeks = _WEEKS.get(fold(row["weeks"]))
    if weeks is None:
        raise RowError("weeks", "weeks")
    return PatternPlan(
        term_id=_term(row, known.terms),
        course_id=course.id,
        room_id=room.id,
        weekday=_weekday(row),
        starts=_clock(row, "starts"),
        ends=_clock(row, "ends"),
        weeks=weeks,
    )


def _term(row: ParsedRow, terms: Sequence[Term]) -> uuid.UUID:
    """Return the term that a row names; where it names none, the only one that is not over."""
    if not terms:
        raise RowError("no_term", "term")
    found = [one for one in terms if one.name == row["term"]] if row["term"] else list(terms)
    if not found:
        raise RowError("term_unknown", "term")
    if len(found) > 1:
        raise RowError("term_which", "term")
    return found[0].id


def _weekday(row: ParsedRow) -> int:
    day = _DAY_OF.get(fold(row["weekday"].rstrip(".")))
    if day is None:
        raise RowError("weekday", "weekday")
    return day


def _clock(row: ParsedRow, column: str) -> time:
    found = _CLOCK.fullmatch(row[column])
    if found is None:
        raise RowError("clock", column)
    hour, minute, half = int(found[1]), int(found[2]), (found[3] or "").lower()
    if half and not 1 <= hour <= _NOON:
        raise RowError("clock", column)
    hour = hour % _NOON + (_NOON if half == "p" else 0) if half else hour
    try:
        return time(hour, minute)
    except ValueError as exc:
        raise RowError("clock", column) from exc


def _rooms(db: Session, names: Sequence[str]) -> dict[str, Room]:
    found = db.exec(select(Room).where(col(Room.name).in_(set(names))))
    return {room.name: room for room in found}
