"""Files of rosters and of teachers: each row a person in a course, with dates."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

from sqlmodel import Session, col, select

from server.accounts.service import normalise
from server.accounts.tables import Account
from server.db.types import now
from server.imports.coming import ComingSpans
from server.imports.findings import (
    Column,
    Finding,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    ValueChange,
    judged_each,
    written_each,
)
from server.imports.people_files import NUMBER_ALIASES
from server.imports.people_numbers import PeopleByNumber
from server.imports.place_files import COURSE_CODE_ALIASES, courses_by_code
from server.imports.values import read_date, refuse_backwards
from server.people.bulk import ImportOrigin, KnownPerson
from server.people.folding import comparable_number
from server.timetable import roster, teachers
from server.timetable.joining import first_day, school_zone
from server.timetable.roster import RosterDates
from server.timetable.service import lock_courses
from server.timetable.tables import Course, CourseTeacher, RosterEntry
from server.web.principal import Role

_IN_ONE_QUERY = 500
#: Shared with the files of accounts.
USER_NAME_ALIASES = (
    "user name", "username", "login", "account", "teacher", "user", "benutzername",
    "benutzer", "lehrer", "lehrkraft", "anmeldename", "nom d'utilisateur",
    "identifiant", "enseignant", "professeur", "usuario", "nombre de usuario",
    "profesor", "docente", "اسم المستخدم", "المعلم", "الأستاذ", "المدرس",
)  # fmt: skip
#: Shared with the files of a timetable.
FROM = Column(
    "from",
    (
        "from", "start", "start date", "begin date", "from date", "joined", "von", "ab", "beginn",
        "startdatum", "du", "début", "date de début", "desde", "inicio", "fecha de inicio", "من",
        "تاريخ البدء", "من تاريخ",
    ),
    ("", "2026-09-01", ""),
)  # fmt: skip
UNTIL = Column(
    "until",
    (
        "until", "to", "end", "end date", "until date", "left", "bis", "ende", "enddatum", "au",
        "fin", "date de fin", "hasta", "fecha de fin", "إلى", "حتى", "تاريخ الانتهاء",
    ),
    ("", "2027-01-31", ""),
)  # fmt: skip


@dataclass(frozen=True)
class Placing:
    """What a row wants: who, in which course, from when until when.

    Attributes:
        entry_id: the entry whose dates change; None: a new one.
    """

    course_id: uuid.UUID
    who: uuid.UUID
    dates: RosterDates
    entry_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Found:
    """An entry that there is.

    Attributes:
        starts: the first day on which it counts; None: it always did.
    """

    id: uuid.UUID
    from_date: date | None
    until_date: date | None
    starts: date | None


@dataclass(frozen=True)
class Who:
    """A person or account of a row: id, name, and why it cannot be used; empty: it can."""

    id: uuid.UUID
    name: str
    reason: str = ""


@dataclass(frozen=True)
class PlacingRules:
    """What is known about the courses and people of some rows.

    Attributes:
        who_column: the column that names the person.
        courses: by code.
        people: by what the column holds.
        entries: by course and person.
        today: the school's date.
        opens: the first day of an entry whose row names none.
        coming: what earlier rows of the file add.
    """

    who_column: str
    courses: dict[str, Course]
    people: dict[str, Who]
    entries: dict[tuple[uuid.UUID, uuid.UUID], list[Found]]
    today: date
    opens: date
    coming: ComingSpans

    def judge(self, row: ParsedRow, identity: str) -> Judged:
        """Find out what becomes of a row.

        Raises:
            RowError: it cannot be imported.
        """
        for column in ("course", self.who_column):
            if not row[column]:
                raise RowError("empty", column)
        course, who = self.courses.get(row["course"]), self.people.get(identity)
        if course is None:
            raise RowError("no_course", "course")
        if who is None:
            raise RowError(f"no_{self.who_column}", self.who_column)
        if who.reason:
            raise RowError(who.reason, self.who_column)
        entries = self.entries.get((course.id, who.id), [])
        outcome, changes, dates, entry_id = self._compared(row, entries)
        if outcome is RowOutcome.NEW:
            span = (dates.from_date or self.opens, dates.until_date)
            self.coming.take((course.id, who.id), row.number, span, "overlap")
        about = f"{course.code} · {row[self.who_column]} · {who.name}"
        finding = Finding(row.number, outcome, about, changes=changes)
        return Judged(finding, Placing(course.id, who.id, dates, entry_id))

    def _compared(
        self, row: ParsedRow, entries: Sequence[Found]
    ) -> tuple[RowOutcome, tuple[ValueChange, ...], RosterDates, uuid.UUID | None]:
        """Compare the dates of a row with the entries of the same person in the same course."""
        first, last = read_date(row["from"], "from"), read_date(row["until"], "until")
        refuse_backwards(first, last, "until")
        same = _same(entries, first, last, self.today)
        if same is not None and first is None:
            placed = _placed(row, self.who_column)
            self.coming.refuse_undated(placed, (same.from_date, same.starts), "overlap")
        if same is None:
            begins = first or self.opens
            refuse_backwards(begins, last, "until")
            if any(_overlaps(one, begins, last) for one in entries):
                raise RowError("overlap", "from")
            return RowOutcome.NEW, (), RosterDates(first, last), None
        if last is None or same.until_date == last:
            return RowOutcome.UNCHANGED, (), RosterDates(), None
        refuse_backwards(same.from_date, last, "until")
        changes = (ValueChange("until", _text(same.until_date), _text(last)),)
        return RowOutcome.CHANGED, changes, RosterDates(same.from_date, last), same.id


def _placed(row: ParsedRow, who_column: str) -> str:
    """Return course and person of a row."""
    is_student = who_column == "student_number"
    who = (comparable_number if is_student else normalise)(row[who_column])
    return f"{row['course']}\n{who}"


def _same(
    entries: Sequence[Found], first: date | None, last: date | None, today: date
) -> Found | None:
    """Return the entry that a row means: of its first day, of today, or the one that it made."""
    if first is None:
        made = [one for one in entries if last and (one.from_date, one.until_date) == (None, last)]
        return next((one for one in entries if _covers(one, today)), next(iter(made), None))
    return next((one for one in entries if first in (one.from_date, one.starts)), None)


def _covers(entry: Found, day: date) -> bool:
    return not (entry.from_date and entry.from_date > day) and not (
        entry.until_date and entry.until_date < day
    )


def _overlaps(entry: Found, first: date, last: date | None) -> bool:
    starts_later = bool(last and entry.starts and entry.starts > last)
    ended = bool(entry.until_date and entry.until_date < first)
    return not (starts_later or ended)


def _text(day: date | None) -> str:
    return day.isoformat() if day else ""


class RosterFiles:
    """The kind: each row a student in a course."""

    name = "rosters"
    columns = (
        Column("course", COURSE_CODE_ALIASES, ("BIO-9", "BIO-9", "ART-1"), is_required=True),
        Column("student_number", NUMBER_ALIASES, ("00123", "00124", "00123"), is_required=True),
        FROM,
        UNTIL,
    )

    def __init__(self, today: date) -> None:
        self._today = today
        self._people = PeopleByNumber()
        self._coming = ComingSpans()

    def identify(self, row: ParsedRow) -> str:
        """Return course, student number and first day."""
        return "\n".join((row["course"], comparable_number(row["student_number"]), row["from"]))

    def about(self, row: ParsedRow) -> str:
        """Return course and student number."""
        return f"{row['course']} · {row['student_number']}"

    def look_ahead(self, rows: Iterable[ParsedRow]) -> None:
        """Note the first days of all rows of a file."""
        self._coming.look_ahead(rows, partial(_placed, who_column="student_number"))

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the rosters of their courses."""
        numbers = {comparable_number(row["student_number"]) for row in rows}
        people = self._people.find(db, numbers, lock=lock)
        rules = PlacingRules(
            who_column="student_number",
            courses=_courses_placed(db, rows, lock=lock),
            people={number: _student(one) for number, one in people.items()},
            entries=_roster_entries(db, [one.id for one in people.values()]),
            today=self._today,
            opens=self._today,
            coming=self._coming,
        )
        return judged_each(
            self, rows, lambda row: rules.judge(row, comparable_number(row["student_number"]))
        )

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Put people on rosters, and set the last day of others."""

        def write(one: Judged) -> None:
            wanted: Placing = one.payload
            if wanted.entry_id is None:
                roster.add_to_roster(
                    db,
                    wanted.course_id,
                    person_id=wanted.who,
                    from_date=wanted.dates.from_date,
                    until_date=wanted.dates.until_date,
                    actor=origin.actor,
                )
            else:
                roster.change_dates(
                    db,
                    wanted.course_id,
                    wanted.entry_id,
                    wanted.dates,
                    at=now(),
                    actor=origin.actor,
                )

        return written_each(db, judged, write)

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield who is on the roster of a course of the file today, but not in the file."""
        listed = {(row["course"], comparable_number(row["student_number"])) for row in rows}
        for course in _courses_of(db, {code for code, _ in listed}):
            for _, person in roster.roster_people(db, course.id, on=self._today):
                if (course.code, comparable_number(person.student_number)) not in listed:
                    about = f"{course.code} · {person.student_number} · {person.display_name}"
                    yield Finding(0, RowOutcome.MISSING, about)


class TeacherFiles:
    """The kind: each row a teacher of a course."""

    name = "teachers"
    columns = (
        Column("course", COURSE_CODE_ALIASES, ("BIO-9", "ART-1", "MATH-7B"), is_required=True),
        Column(
            "user_name",
            USER_NAME_ALIASES,
            ("ada", "ben", "ada"),
            is_required=True,
        ),
        FROM,
        UNTIL,
    )  # fmt: skip

    def __init__(self, today: date) -> None:
        self._today = today
        self._coming = ComingSpans()

    def identify(self, row: ParsedRow) -> str:
        """Return course, user name and first day."""
        return "\n".join((row["course"], normalise(row["user_name"]), row["from"]))

    def about(self, row: ParsedRow) -> str:
        """Return course and user name."""
        return f"{row['course']} · {row['user_name']}"

    def look_ahead(self, rows: Iterable[ParsedRow]) -> None:
        """Note the first days of all rows of a file."""
        self._coming.look_ahead(rows, partial(_placed, who_column="user_name"))

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Compare rows with the teachers of their courses."""
        accounts = accounts_by_name(db, {normalise(row["user_name"]) for row in rows})
        rules = PlacingRules(
            who_column="user_name",
            courses=_courses_placed(db, rows, lock=lock, is_exclusive=True),
            people=accounts,
            entries=_teacher_entries(db, [one.id for one in accounts.values()]),
            today=self._today,
            opens=date.min,
            coming=self._coming,
        )
        return judged_each(self, rows, lambda row: rules.judge(row, normalise(row["user_name"])))

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Give courses their teachers, and set the last day of others."""

        def write(one: Judged) -> None:
            wanted: Placing = one.payload
            if wanted.entry_id is None:
                teachers.add_teacher(
                    db,
                    wanted.course_id,
                    account_id=wanted.who,
                    from_date=wanted.dates.from_date,
                    until_date=wanted.dates.until_date,
                    actor=origin.actor,
                )
            elif wanted.dates.until_date is not None:
                teachers.end_teacher(
                    db,
                    wanted.course_id,
                    wanted.entry_id,
                    last_day=wanted.dates.until_date,
                    actor=origin.actor,
                )

        return written_each(db, judged, write)

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield who teaches a course of the file today, but is not in the file."""
        listed = {(row["course"], normalise(row["user_name"])) for row in rows}
        for course in _courses_of(db, {code for code, _ in listed}):
            query = select(CourseTeacher, Account).join(
                Account, col(Account.id) == col(CourseTeacher.account_id)
            )
            found = db.exec(query.where(CourseTeacher.course_id == course.id)).all()
            for entry, account in found:
                is_listed = (course.code, account.username) in listed
                if not is_listed and _covers(_of_teacher(entry), self._today):
                    about = f"{course.code} · {account.username} · {account.display_name}"
                    yield Finding(0, RowOutcome.MISSING, about)


def _student(person: KnownPerson) -> Who:
    return Who(person.id, person.display_name, "erased" if person.erased_at else "")


def _roster_entries(
    db: Session, people: Sequence[uuid.UUID]
) -> dict[tuple[uuid.UUID, uuid.UUID], list[Found]]:
    found: dict[tuple[uuid.UUID, uuid.UUID], list[Found]] = {}
    query = select(RosterEntry).where(col(RosterEntry.person_id).in_(people))
    zone = school_zone(db)
    for entry in db.exec(query.order_by(col(RosterEntry.id))):
        starts = first_day(entry, zone)
        one = Found(entry.id, entry.from_date, entry.until_date, starts)
        found.setdefault((entry.course_id, entry.person_id), []).append(one)
    return found


def _teacher_entries(
    db: Session, accounts: Sequence[uuid.UUID]
) -> dict[tuple[uuid.UUID, uuid.UUID], list[Found]]:
    found: dict[tuple[uuid.UUID, uuid.UUID], list[Found]] = {}
    query = select(CourseTeacher).where(col(CourseTeacher.account_id).in_(accounts))
    for entry in db.exec(query.order_by(col(CourseTeacher.id))):
        found.setdefault((entry.course_id, entry.account_id), []).append(_of_teacher(entry))
    return found


def _of_teacher(entry: CourseTeacher) -> Found:
    return Found(entry.id, entry.from_date, entry.until_date, entry.from_date)


def accounts_by_name(db: Session, names: set[str]) -> dict[str, Who]:
    """Return the accounts with these user names, and why some cannot teach."""
    found = db.exec(select(Account).where(col(Account.username).in_(names)))
    return {one.username: Who(one.id, one.display_name, _unfit(one)) for one in found}


def _unfit(account: Account) -> str:
    if not account.is_active:
        return "account_disabled"
    return "" if account.role == Role.TEACHER else "not_a_teacher"


def _courses_placed(
    db: Session, rows: Sequence[ParsedRow], *, lock: bool, is_exclusive: bool = False
) -> dict[str, Course]:
    """Return the courses of rows by code; locked before the first of the rows is recorded."""
    found = courses_by_code(db, (row["course"] for row in rows))
    if lock:
        lock_courses(db, [one.id for one in found.values()], is_exclusive=is_exclusive)
    return found


def _courses_of(db: Session, codes: set[str]) -> list[Course]:
    """Return the courses of these codes, a part of the codes in each query."""
    wanted = sorted(codes)
    found: list[Course] = []
    for start in range(0, len(wanted), _IN_ONE_QUERY):
        found += courses_by_code(db, wanted[start : start + _IN_ONE_QUERY]).values()
    return sorted(found, key=lambda one: one.code)
