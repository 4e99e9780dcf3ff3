"""OneRoster bundles: each row is judged by the kind of what it becomes, in the order of stages."""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from server.accounts.service import normalise
from server.imports.bundles import BASE, Bundle, Stage, stages
from server.imports.course_files import RosterFiles, TeacherFiles, accounts_by_name
from server.imports.findings import (
    Column,
    Finding,
    ImportKind,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    ValueChange,
    judged_each,
    written_each,
)
from server.imports.guardian_files import GuardianFiles
from server.imports.oneroster_guardians import as_file_rows
from server.imports.people_files import PeopleFiles
from server.imports.people_numbers import PeopleByNumber
from server.imports.place_files import CourseFiles, courses_by_code, refuse_text
from server.imports.sourced import SourcedKind, find_sourced, ids_of, keep_sourced
from server.imports.values import read_date, refuse_backwards
from server.people.bulk import ImportOrigin, KnownPerson, people_by_id
from server.people.folding import comparable_number
from server.people.service import full_name
from server.timetable import service, terms
from server.timetable.tables import Course, Term

_LONGEST_CODE, _LONGEST_TITLE, _LONGEST_TERM = 40, 120, 80
#: Why a row of a dry run is wrong only because what it refers to is not written yet.
_NOT_YET = frozenset({"no_course", "no_student_number"})
_WRITTEN = frozenset({RowOutcome.NEW, RowOutcome.CHANGED, RowOutcome.UNCHANGED})
_KINDS = {
    Stage.PEOPLE: SourcedKind.PERSON,
    Stage.TERMS: SourcedKind.TERM,
    Stage.COURSES: SourcedKind.COURSE,
}
_Judge = Callable[[Session, Sequence[ParsedRow], bool], list[Judged]]
_Write = Callable[[Session, Sequence[Judged], ImportOrigin], list[Finding]]


@dataclass(frozen=True)
class SchoolDay:
    """The date and the time zone that a bundle is judged in."""

    today: date
    zone: ZoneInfo


@dataclass(frozen=True)
class _KnownIds:
    """Where ids of a bundle lead.

    Attributes:
        sourced: by sourcedId.
        owners: which ids of the bundle lead to a person, course or term.
    """

    sourced: dict[str, uuid.UUID]
    owners: dict[uuid.UUID, set[str]]

    def choose(self, row: ParsedRow, named: uuid.UUID | None, column: str) -> uuid.UUID | None:
        """Return what a row is about: by its id, else by its number, code or name.

        Raises:
            RowError: the number, code or name belongs to another record.
        """
        own = self.sourced.get(row["sourced_id"])
        if named is None or own == named:
            return own
        if own is not None or self.owners.get(named, set()) - {row["sourced_id"]}:
            raise RowError("in_use", column)
        return named


class OneRosterFiles:
    """The kind, for one run on one bundle."""

    name = "oneroster"
    columns: tuple[Column, ...] = ()

    def __init__(self, bundle: Bundle, day: SchoolDay) -> None:
        self._bundle = bundle
        self._day = day
        self._by_number = {row.number: row for row in bundle.rows.rows}
        self._refused: set[tuple[Stage, str]] = set()
        self._ids = {
            stage: {row["sourced_id"] for row in rows}
            for stage, rows in stages((*bundle.rows.rows, *bundle.rows.refused)).items()
        }
        self._people = PeopleFiles()
        self._rosters, self._teachers = RosterFiles(day.today), TeacherFiles(day.today)
        self._guardians = GuardianFiles(may_bear_own_name=True)
        self._judges: dict[Stage, _Judge] = {
            Stage.PEOPLE: self._judge_people,
            Stage.TERMS: self._judge_terms,
            Stage.COURSES: self._judge_courses,
            Stage.ROSTERS: self._judge_rosters,
            Stage.TEACHERS: self._judge_teachers,
            Stage.GUARDIANS: self._judge_guardians,
        }
        self._writes: dict[Stage, _Write] = {
            Stage.PEOPLE: self._people.write,
            Stage.TERMS: self._write_terms,
            Stage.COURSES: self._write_courses,
            Stage.ROSTERS: self._rosters.write,
            Stage.TEACHERS: self._teachers.write,
            Stage.GUARDIANS: self._guardians.write,
        }

    def identify(self, row: ParsedRow) -> str:
        """Return the number of the row: the bundle told them apart already."""
        return str(row.number)

    def about(self, row: ParsedRow) -> str:
        """Return what a row is about, as far as the row tells."""
        name = full_name(row["given_name"], row["family_name"])
        known = (row["code"], row["student_number"], name, row["title"])
        return " · ".join(text for text in known if text)

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Judge each stage by its kind; reports name the file and the row in it."""
        found: list[Judged] = []
        for stage, some in stages(rows).items():
            judged = self._judges[stage](db, some, lock)
            for one in judged:
                finding = one.finding
                if finding.outcome is RowOutcome.WRONG:
                    row = self._by_number[finding.row]
                    self._refused.add((stage, row["sourced_id"]))
                about = f"{stage.file} {finding.row % BASE} · {finding.about}"
                found.append(replace(one, finding=replace(finding, about=about)))
        return found

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Write each stage by its kind, and remember the ids."""
        by_stage: dict[Stage, list[Judged]] = {}
        for one in judged:
            by_stage.setdefault(Stage.of(one.finding.row), []).append(one)
        found: list[Finding] = []
        for stage, some in by_stage.items():
            findings = self._writes[stage](db, some, origin)
            self._remember(db, stage, findings)
            found += findings
        return found

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield who and what is in Rollcall and not in the bundle. Nothing is done about it."""
        by_stage = stages(rows)
        people = by_stage.get(Stage.PEOPLE, [])
        current = self._numbers_now(db, [row["sourced_id"] for row in people])
        also = [ParsedRow(0, {"student_number": one}) for one in current.values()]
        yield from self._people.missing(db, [*people, *also])
        if Stage.COURSES in by_stage:
            classes = by_stage[Stage.COURSES]
            codes = _codes_now(db, [row["sourced_id"] for row in classes])
            renamed = [ParsedRow(0, {"code": one}) for one in codes.values()]
            yield from CourseFiles().missing(db, [*classes, *renamed])
        for stage, convert, kind in (
            (Stage.ROSTERS, self._as_roster_rows, self._rosters),
            (Stage.TEACHERS, self._as_teacher_rows, self._teachers),
            (Stage.GUARDIANS, self._as_guardian_rows, self._guardians),
        ):
            if stage in by_stage:
                yield from kind.missing(db, convert(db, by_stage[stage]))

    def _judge_people(self, db: Session, rows: Sequence[ParsedRow], lock: bool) -> list[Judged]:
        sourced = find_sourced(db, SourcedKind.PERSON, [row["sourced_id"] for row in rows])
        numbered = _numbered(db, rows)
        ids = {*sourced.values(), *(one.id for one in numbered.values())}
        known = people_by_id(db, ids, lock=lock)
        ids_known = self._known_ids(db, Stage.PEOPLE, sourced, ids)

        def judge(row: ParsedRow) -> Judged:
            own = sourced.get(row["sourced_id"])
            if own is not None and not row["identifier"]:  # an empty cell leaves what is stored
                return self._people.judge_one(_with_number_of(row, known[own]), known[own])
            other = numbered.get(comparable_number(row["student_number"]))
            found = ids_known.choose(row, other.id if other else None, "student_number")
            return self._people.judge_one(row, known[found] if found else None)

        return judged_each(self, rows, judge)

    def _judge_terms(self, db: Session, rows: Sequence[ParsedRow], lock: bool) -> list[Judged]:
        del lock  # the service locks the timetable
        sourced = find_sourced(db, SourcedKind.TERM, [row["sourced_id"] for row in rows])
        every = {one.id: one for one in db.exec(select(Term))}
        named = {one.name: one for one in every.values()}
        ids_known = self._known_ids(db, Stage.TERMS, sourced, every)

        def judge(row: ParsedRow) -> Judged:
            refuse_text(row, "name", _LONGEST_TERM)
            first, last = read_date(row["from"], "from"), read_date(row["until"], "until")
            if first is None or last is None:
                raise RowError("empty", "from" if first is None else "until")
            refuse_backwards(first, last, "until")
            other = named.get(row["name"])
            found = ids_known.choose(row, other.id if other else None, "name")
            known = every[found] if found else None
            before = (known.name, known.first_day, known.last_day) if known else ("", None, None)
            return _compared(
                row, known, ("name", "from", "until"), before, (row["name"], first, last)
            )

        return judged_each(self, rows, judge)

    def _judge_courses(self, db: Session, rows: Sequence[ParsedRow], lock: bool) -> list[Judged]:
        if lock:
            service.lock_timetable(db)  # before courses, as everywhere
        sourced = find_sourced(db, SourcedKind.COURSE, [row["sourced_id"] for row in rows])
        coded = courses_by_code(db, [row["code"] for row in rows])
        if lock:
            ids = {*sourced.values(), *(one.id for one in coded.values())}
            service.lock_courses(db, ids, is_exclusive=True)
        query = select(Course).where(col(Course.id).in_(list(sourced.values())))
        by_id = {one.id: one for one in (*db.exec(query), *coded.values())}
        ids_known = self._known_ids(db, Stage.COURSES, sourced, by_id)

        def judge(row: ParsedRow) -> Judged:
            refuse_text(row, "code", _LONGEST_CODE)
            refuse_text(row, "title", _LONGEST_TITLE)
            other = coded.get(row["code"])
            found = ids_known.choose(row, other.id if other else None, "code")
            known = by_id[found] if found else None
            before = (known.code, known.title) if known else ("", "")
            return _compared(row, known, ("code", "title"), before, (row["code"], row["title"]))

        return judged_each(self, rows, judge)

    def _judge_rosters(self, db: Session, rows: Sequence[ParsedRow], lock: bool) -> list[Judged]:
        return self._placed(db, self._rosters, self._as_roster_rows(db, rows), lock=lock)

    def _judge_teachers(self, db: Session, rows: Sequence[ParsedRow], lock: bool) -> list[Judged]:
        named = self._as_teacher_rows(db, rows)
        accounts = accounts_by_name(db, {normalise(row["user_name"]) for row in named})
        unfit = {
            row.number: RowError(who.reason if who else "no_user_name", "user_name")
            for row in named
            if (who := accounts.get(normalise(row["user_name"]))) is None or who.reason
        }
        fit = [row for row in named if row.number not in unfit]
        refused = [row for row in named if row.number in unfit]
        return [
            *(Judged(unfit[row.number].finding(row, self._teachers.about(row))) for row in refused),
            *self._placed(db, self._teachers, fit, lock=lock),
        ]

    def _judge_guardians(self, db: Session, rows: Sequence[ParsedRow], lock: bool) -> list[Judged]:
        return self._placed(db, self._guardians, self._as_guardian_rows(db, rows), lock=lock)

    def _known_ids(
        self,
        db: Session,
        stage: Stage,
        sourced: dict[str, uuid.UUID],
        targets: Collection[uuid.UUID],
    ) -> "_KnownIds":
        owners = ids_of(db, _KINDS[stage], targets)
        return _KnownIds(sourced, {key: ids & self._ids[stage] for key, ids in owners.items()})

    def _placed(
        self, db: Session, kind: ImportKind, rows: Sequence[ParsedRow], *, lock: bool
    ) -> list[Judged]:
        """Judge rows; in a dry run people and courses of the bundle count as written."""
        judged = kind.judge(db, rows, lock=lock)
        return judged if lock else [self._as_if_written(one) for one in judged]

    def _as_if_written(self, judged: Judged) -> Judged:
        row = self._by_number[judged.finding.row]
        if judged.finding.reason not in _NOT_YET or not self._is_coming(row):
            return judged
        about = replace(judged.finding, outcome=RowOutcome.NEW, reason="", column="", values={})
        return Judged(about)

    def _is_coming(self, row: ParsedRow) -> bool:
        if Stage.of(row.number) is Stage.GUARDIANS:
            is_refused = (Stage.PEOPLE, row["user"]) in self._refused
            return row["user"] in self._bundle.numbers and not is_refused
        is_student = row["role"] == "student"
        user = row["user"] in (self._bundle.numbers if is_student else self._bundle.user_names)
        wrong = {(Stage.PEOPLE, row["user"]), (Stage.COURSES, row["class"])}
        return user and row["class"] in self._bundle.codes and not wrong & self._refused

    def _as_roster_rows(self, db: Session, rows: Sequence[ParsedRow]) -> list[ParsedRow]:
        numbers = self._bundle.numbers | self._numbers_now(db, [row["user"] for row in rows])
        return self._converted(db, rows, "student_number", numbers)

    def _as_guardian_rows(self, db: Session, rows: Sequence[ParsedRow]) -> list[ParsedRow]:
        children = sorted({row["user"] for row in rows})
        return as_file_rows(rows, self._bundle.numbers | self._numbers_now(db, children))

    def _as_teacher_rows(self, db: Session, rows: Sequence[ParsedRow]) -> list[ParsedRow]:
        return self._converted(db, rows, "user_name", self._bundle.user_names)

    def _converted(
        self, db: Session, rows: Sequence[ParsedRow], who: str, names: dict[str, str]
    ) -> list[ParsedRow]:
        """Return rows with course codes and names in the place of sourcedIds."""
        codes = self._bundle.codes | _codes_now(db, [row["class"] for row in rows])
        return [
            ParsedRow(
                row.number,
                {
                    "course": codes.get(row["class"], row["class"]),
                    who: names.get(row["user"], row["user"]),
                    "from": row["from"],
                    "until": row["until"],
                },
            )
            for row in rows
        ]

    def _numbers_now(self, db: Session, sourced_ids: Sequence[str]) -> dict[str, str]:
        """Return the student numbers that people have now: a dry run renames nobody."""
        sourced = find_sourced(db, SourcedKind.PERSON, sourced_ids)
        people = people_by_id(db, set(sourced.values()))
        return {key: people[one].student_number for key, one in sourced.items() if one in people}

    def _write_terms(
        self, db: Session, judged: Sequence[Judged], origin: ImportOrigin
    ) -> list[Finding]:
        def write(one: Judged) -> None:
            term_id, (name, first, last) = one.payload
            if term_id is None:
                terms.create_term(db, name=name, first_day=first, last_day=last, actor=origin.actor)
            else:
                terms.change_term(
                    db,
                    term_id,
                    name=name,
                    days=(first, last),
                    zone=self._day.zone,
                    actor=origin.actor,
                )

        return written_each(db, judged, write)

    def _write_courses(
        self, db: Session, judged: Sequence[Judged], origin: ImportOrigin
    ) -> list[Finding]:
        def write(one: Judged) -> None:
            course_id, (code, title) = one.payload
            if course_id is None:
                service.create_course(db, code=code, title=title, actor=origin.actor)
            else:
                service.change_course(db, course_id, code=code, title=title, actor=origin.actor)

        return written_each(db, judged, write)

    def _remember(self, db: Session, stage: Stage, findings: Sequence[Finding]) -> None:
        if stage not in _KINDS:
            return
        rows = [self._by_number[one.row] for one in findings if one.outcome in _WRITTEN]
        targets = _TARGETS[stage](db, rows)
        keep_sourced(db, _KINDS[stage], targets)


def _compared(
    row: ParsedRow,
    known: Course | Term | None,
    names: Sequence[str],
    before: Sequence[object],
    after: Sequence[object],
) -> Judged:
    """Compare what is stored with what the row says."""
    about = " · ".join(text for text in (row["code"], row["title"]) if text)
    if known is None:
        return Judged(Finding(row.number, RowOutcome.NEW, about), (None, tuple(after)))
    changes = tuple(
        ValueChange(name, str(old), str(new))
        for name, old, new in zip(names, before, after, strict=True)
        if old != new
    )
    outcome = RowOutcome.CHANGED if changes else RowOutcome.UNCHANGED
    finding = Finding(row.number, outcome, about, changes=changes)
    return Judged(finding, (known.id, tuple(after)))


def _codes_now(db: Session, sourced_ids: Sequence[str]) -> dict[str, str]:
    sourced = find_sourced(db, SourcedKind.COURSE, sourced_ids)
    query = select(Course).where(col(Course.id).in_(list(sourced.values())))
    codes = {one.id: one.code for one in db.exec(query)}
    return {key: codes[one] for key, one in sourced.items() if one in codes}


def _people_of(db: Session, rows: Sequence[ParsedRow]) -> dict[str, uuid.UUID]:
    numbers = {row["sourced_id"]: comparable_number(row["student_number"]) for row in rows}
    people = _numbered(db, rows)
    return {key: people[one].id for key, one in numbers.items() if one in people}


def _numbered(db: Session, rows: Sequence[ParsedRow]) -> dict[str, KnownPerson]:
    """Return people by the numbers of rows, also those whose number is kept as it was typed."""
    numbers = {comparable_number(row["student_number"]) for row in rows}
    return PeopleByNumber().find(db, numbers, lock=False)


def _with_number_of(row: ParsedRow, person: KnownPerson) -> ParsedRow:
    return ParsedRow(row.number, {**row.values, "student_number": person.student_number})


def _terms_of(db: Session, rows: Sequence[ParsedRow]) -> dict[str, uuid.UUID]:
    named = {one.name: one.id for one in db.exec(select(Term))}
    return {row["sourced_id"]: named[row["name"]] for row in rows if row["name"] in named}


def _courses_of(db: Session, rows: Sequence[ParsedRow]) -> dict[str, uuid.UUID]:
    coded = courses_by_code(db, [row["code"] for row in rows])
    return {row["sourced_id"]: coded[row["code"]].id for row in rows if row["code"] in coded}


_TARGETS = {Stage.PEOPLE: _people_of, Stage.TERMS: _terms_of, Stage.COURSES: _courses_of}
