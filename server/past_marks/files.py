"""Files of past attendance: each row a student's status in a lesson that is over."""

import uuid
from collections import ChainMap
from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.attendance.codes.service import codes_of, reasons_of
from server.attendance.decisions.past_marks import add_past_words
from server.imports.attendance_columns import ATTENDANCE_COLUMNS
from server.imports.findings import Finding, Judged, ParsedRow, RowError, judged_each
from server.imports.people_numbers import PeopleByNumber
from server.imports.place_files import courses_by_code
from server.past_marks.lines import KnownLines, LineOutcome
from server.past_marks.missing import missing_lines
from server.past_marks.reading import MarkReader, PastMark
from server.past_marks.statuses import StatusNames
from server.past_marks.survey import FoundRow, LessonKey, Survey
from server.people.bulk import ImportOrigin, KnownPerson
from server.people.folding import fold
from server.timetable.past_lessons import add_past_lessons
from server.timetable.service import lock_timetable, rooms
from server.web.translations import translator

_IN_ONE_QUERY = 500


class AttendanceFiles:
    """The kind: each row a student in a lesson that is over.

    It only adds: a line that a person, an excuse or a kiosk decided stays as it is, and a row that
    says something else is wrong. So neither the order of rows nor a second import changes a line.
    """

    name = "attendance"
    columns = ATTENDANCE_COLUMNS

    def __init__(self, zone: ZoneInfo, language: str) -> None:
        self._zone = zone
        self._t = translator(language)
        #: Lessons that accepted rows add.
        self._adding: set[LessonKey] = set()
        self._people = PeopleByNumber()
        self._survey = Survey(zone)

    def identify(self, row: ParsedRow) -> str:
        """Return nothing: the survey finds rows that are equal or contradict each other."""
        return ""

    def about(self, row: ParsedRow) -> str:
        """Return course, date, start and student number."""
        at = f"{row['date']} {row['starts']}".strip()
        return " · ".join(part for part in (row["course"], at, row["student_number"]) if part)

    def survey(self, db: Session, rows: Sequence[ParsedRow]) -> None:
        """Find out which lesson each row means; see `Survey`."""
        codes = sorted({row["course"] for row in rows})
        parts = (codes[at : at + _IN_ONE_QUERY] for at in range(0, len(codes), _IN_ONE_QUERY))
        courses = [courses_by_code(db, part) for part in parts]
        reader = MarkReader(
            courses=dict(ChainMap(*courses)),
            rooms={one.name: one for one in rooms(db)},
            statuses=StatusNames(codes_of(db)),
            reasons={fold(one): one for one in reasons_of(db) if fold(one)},
        )
        self._survey.take(db, rows, reader.read)

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the lines of their lessons."""
        if lock:
            lock_timetable(db)  # before people, as everywhere
        found = self._survey.found
        usable = [found[row.number] for row in rows if row.number in found]
        people = self._people.find(db, {one.row.student for one in usable}, lock=lock)
        ids = {person.id for person in people.values()}
        lines = KnownLines(db, usable, ids, zone=self._zone, lock=lock)
        return judged_each(self, rows, lambda row: self._judged(row, people, lines))

    def _judged(self, row: ParsedRow, people: dict[str, KnownPerson], lines: KnownLines) -> Judged:
        found = self._survey.found.get(row.number)
        if found is None:
            return Judged(self._survey.wrong[row.number].finding(row, self.about(row)))
        person = people.get(found.row.student)
        if person is None:
            raise RowError("no_student_number", "student_number")
        if person.erased_at is not None:
            raise RowError("erased", "student_number")
        outcome = lines.outcome(found, person.id, self._reason(found.row.mark))
        if outcome.plan is not None:
            self._adding.add(found.key)
        about = self._about(found, person)
        finding = Finding(row.number, outcome.outcome, about, changes=outcome.changes)
        return Judged(finding, outcome)

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add lessons, corrections and remarks."""
        outcomes: list[LineOutcome] = [one.payload for one in judged if one.payload]
        adding = [one for one in outcomes if one.word is not None]
        if adding:
            new = {one.view.lesson.id: one for one in adding if one.plan is not None}
            add_past_lessons(db, [(one.view, one.plan) for one in new.values() if one.plan])
            add_past_words(
                db,
                [one.word for one in adding if one.word],
                made_by=_account(origin.actor),
                origin=origin,
                lessons_added=len(new),
            )
        return [one.finding for one in judged]

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield the lessons of the file in which students on the roster have no row."""
        adding = self._adding
        return missing_lines(db, self._survey, rows, adding=adding, zone=self._zone)

    def _reason(self, mark: PastMark) -> str:
        """Return the reason of a correction: the row's, and that it comes from a file.

        Not which one: its name may be a person's, and the audit trail names the import.
        """
        if mark.reason:
            return self._t("attendance.imported_because", reason=mark.reason)
        return self._t("attendance.imported")

    def _about(self, found: FoundRow, person: KnownPerson) -> str:
        starts_at = found.key[1].astimezone(self._zone)
        at = f"{found.row.day} {starts_at:%H:%M}"
        return f"{found.row.course.code} · {at} · {person.student_number} · {person.display_name}"


def _account(actor: str) -> uuid.UUID:
    """Return the account that the audit trail names as `account:<id>`."""
    return uuid.UUID(actor.partition(":")[2])
