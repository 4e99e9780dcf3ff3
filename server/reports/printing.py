"""Print the registers of a prepared report: a PDF for each course, one after the other."""

import unicodedata
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlmodel import Session

from server.config import SchoolIdentity, SchoolZone
from server.db.engine import Database
from server.db.vault import Vault
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob
from server.people.tables import Person
from server.prints.service import are_named_so, printed_courses, store_print
from server.reports import prepared
from server.reports.lines import LessonFacts
from server.reports.register_pdf import PrintedRegister, course_register
from server.reports.schemas import ReportScope
from server.reports.service import Report, people_named
from server.reports.tables import PreparedReport
from server.reports.tally import ReportTally
from server.timetable.service import courses
from server.web.translations import translator

#: The most lines that are printed for one report: more than a term of a school of 500 has. It costs
#: the server a minute and a half of CPU (docs/measurements/reports.md).
MOST_PRINTED_LINES = 250_000
#: Lines of courses that are in memory at a time.
_LINES_AT_A_TIME = 50_000
_LONGEST_NAME = 100


@dataclass(frozen=True)
class CoursePrint:
    """The registers of one course that are to be printed.

    Attributes:
        course_id: which.
        code: of the course.
        title: of the course.
        lines: how many lines are printed at most.
        is_cut: whether that leaves some out.
    """

    course_id: uuid.UUID
    code: str
    title: str
    lines: int
    is_cut: bool

    @property
    def file_name(self) -> str:
        """The name of the file."""
        plain = "".join(one if _may_name(one) else "_" for one in self.code)
        return f"{plain[:_LONGEST_NAME]}.pdf"


def course_prints(db: Session, tally: ReportTally) -> list[CoursePrint]:
    """Return what is printed of a report; the last course may be cut, and later ones left out."""
    found: list[CoursePrint] = []
    left = MOST_PRINTED_LINES
    for course in courses(db, only=set(tally.courses)):
        counts = tally.courses[course.id].lines
        lines = counts.lines + counts.cancelled
        if found and left <= 0:
            break
        is_cut = lines > left
        given = min(lines, left)
        found.append(CoursePrint(course.id, course.code, course.title, given, is_cut))
        left -= lines
    return found


class RegisterPrinter:
    """Prints for a job. Each course is committed, so a job that was killed goes on after it."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        zone: SchoolZone,
        school: Callable[[], SchoolIdentity],
    ) -> None:
        self._database = database
        self._vault = vault
        self._zone = zone
        self._school = school

    def print_all(self, job: ClaimedJob, report_id: uuid.UUID, tally: ReportTally) -> None:
        """Print every course that is not printed yet; stop where the job was lost.

        An erasure meanwhile deletes what was printed, so that is printed again.
        """
        with self._database.reading() as db:
            wanted = course_prints(db, tally)
        if not self._announce(job, report_id, wanted, len(tally.courses)):
            return
        while left := self._left(report_id, wanted):
            for some in _batches(left):
                lessons = self._lessons(report_id, some)
                for one in some:
                    if not self._print(job, report_id, one, lessons[one.course_id]):
                        return

    def _left(self, report_id: uuid.UUID, wanted: Sequence[CoursePrint]) -> list[CoursePrint]:
        with self._database.reading() as db:
            done = set(printed_courses(db, report_id))
        return [one for one in wanted if one.course_id not in done]

    def _announce(
        self, job: ClaimedJob, report_id: uuid.UUID, wanted: Sequence[CoursePrint], courses: int
    ) -> bool:
        """Say how much there is to print; returns false where the job was lost."""
        with self._database.transaction() as db:
            row = db.get(PreparedReport, report_id)
            if row is None or not jobs.is_held(db, job):
                return False
            row.registers_total = len(wanted)
            is_cut = len(wanted) < courses or any(one.is_cut for one in wanted)
            row.registers_cut = is_cut or row.is_truncated
            db.add(row)
        return True

    def _lessons(
        self, report_id: uuid.UUID, some: Sequence[CoursePrint]
    ) -> dict[uuid.UUID, list[LessonFacts]]:
        """Return the lessons of some courses, by start."""
        found: dict[uuid.UUID, list[LessonFacts]] = {one.course_id: [] for one in some}
        for part in prepared.parts_of(self._database, self._vault, report_id):
            for lesson in part:
                if lesson.course_id in found:
                    found[lesson.course_id].append(lesson)
        return found

    def _print(
        self,
        job: ClaimedJob,
        report_id: uuid.UUID,
        wanted: CoursePrint,
        lessons: Sequence[LessonFacts],
    ) -> bool:
        """Print one course; again where a name changed meanwhile. False where the job was lost."""
        lessons = list(_first_lines(lessons, wanted.lines)) if wanted.is_cut else lessons
        is_stored = False
        while not is_stored:
            with self._database.reading() as db:
                row = db.get(PreparedReport, report_id)
                people = people_named(db, _everybody(lessons))
            if row is None:
                return False
            content = self._content(row, wanted, lessons, people)
            names = {one.id: one.display_name for one in people.values()}
            with self._database.transaction() as db:
                # People before the job: an erasure locks in this order.
                is_stored = are_named_so(db, names)
                row = db.get(PreparedReport, report_id, with_for_update=True)
                if row is None or not jobs.is_held(db, job):
                    return False
                if is_stored:
                    self._store(db, row, wanted, content)
        return True

    def _content(
        self,
        row: PreparedReport,
        wanted: CoursePrint,
        lessons: Sequence[LessonFacts],
        people: dict[uuid.UUID, Person],
    ) -> bytes:
        school, whole = self._school(), prepared.span_of(row, self._zone())
        t = translator(school.language)
        span = replace(whole, courses=frozenset({wanted.course_id}))
        report = Report(ReportScope(span), row.as_of, lessons=list(lessons))
        report.tally.add_all(lessons, row.as_of)
        notice = t("exports.print.cut") if wanted.is_cut or row.is_truncated else ""
        name = f"{wanted.code} {wanted.title}"
        return course_register(PrintedRegister(school.name, name, people, report, "", notice), t)

    def _store(self, db: Session, row: PreparedReport, wanted: CoursePrint, content: bytes) -> None:
        row.registers = store_print(
            db,
            self._vault,
            content,
            report_id=row.id,
            course_id=wanted.course_id,
            name=wanted.file_name,
        )
        db.add(row)


def _batches(wanted: Sequence[CoursePrint]) -> Iterator[list[CoursePrint]]:
    """Divide courses so that the lines of each batch fit into memory."""
    some: list[CoursePrint] = []
    for one in wanted:
        if some and sum(each.lines for each in some) + one.lines > _LINES_AT_A_TIME:
            yield some
            some = []
        some.append(one)
    if some:
        yield some


def _first_lines(lessons: Iterable[LessonFacts], most: int) -> Iterator[LessonFacts]:
    left = most
    for one in lessons:
        left -= len(one.lines)
        if left < 0:
            return
        yield one


def _everybody(lessons: Iterable[LessonFacts]) -> Collection[uuid.UUID]:
    return {line.person_id for one in lessons for line in one.lines}


def _may_name(char: str) -> bool:
    """Whether a character may stand in the name of a file on any system."""
    return unicodedata.category(char)[0] in "LN" or char in "-_ ()"
