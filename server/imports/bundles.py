"""Read a OneRoster 1.1 CSV bundle into rows of people, guardians, terms, courses and their places.

Source: IMS Global OneRoster 1.1 CSV Tables, https://www.imsglobal.org/oneroster-v11-final-csv-tables
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import BinaryIO

from server.imports.findings import Finding, ParsedRow, RowError
from server.imports.matching import ReadRows, read_rows_as
from server.imports.oneroster_guardians import GUARDIAN_ROLES, guardian_rows
from server.imports.sheets import (
    MOST_UNPACKED_BYTES,
    ReadOptions,
    Sheet,
    SheetRow,
    UnreadableFileError,
)
from server.imports.text_files import read_text_file
from server.imports.zips import ArchivedFile, broken, open_zip, read_whole
from server.people.folding import comparable_number

#: Text shrinks more than photos do; what it unpacks to is limited as well.
_MOST_RATIO = 500
_MIB = 1024 * 1024
_VERSION = "1.1"
#: Rows of a stage are numbered from a multiple of this; no file has as many rows.
BASE = 1_000_000
_LONGEST_ID = 255
_LONGEST_CODE = 40
#: Sessions in which lessons take place; years and grading periods are others.
_TERM_TYPES = frozenset({"term", "semester"})
_FIRST_ID = re.compile(r"\{[^:{}]*:([^{}]+)\}")
_NO_ROWS = frozenset({"file_no_rows", "file_empty"})


class Stage(IntEnum):
    """What rows become, in the order in which they are written."""

    PEOPLE = 1
    TERMS = 2
    COURSES = 3
    ROSTERS = 4
    TEACHERS = 5
    #: The last one: rows of a guardian's second student, and so on, are numbered above it.
    GUARDIANS = 6

    @classmethod
    def of(cls, number: int) -> "Stage":
        """Return the stage of a row."""
        return cls(min(number // BASE, cls.GUARDIANS))

    @property
    def file(self) -> str:
        """The file that its rows are in."""
        return _FILES[self]


_FILES = {
    Stage.PEOPLE: "users.csv",
    Stage.TERMS: "academicSessions.csv",
    Stage.COURSES: "classes.csv",
    Stage.ROSTERS: "enrollments.csv",
    Stage.TEACHERS: "enrollments.csv",
    Stage.GUARDIANS: "users.csv",
}
#: The columns that are read, by what they are called here; those that a file must have first.
_COLUMNS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "users": (
        {
            "sourced_id": "sourcedId",
            "role": "role",
            "given_name": "givenName",
            "family_name": "familyName",
        },
        {
            "status": "status",
            "user_name": "username",
            "student_number": "identifier",
            "ids": "userIds",
            "agents": "agentSourcedIds",
            "phone": "phone",
            "sms": "sms",
            "email": "email",
        },
    ),
    "academicSessions": (
        {
            "sourced_id": "sourcedId",
            "title": "title",
            "type": "type",
            "from": "startDate",
            "until": "endDate",
        },
        {"status": "status", "year": "schoolYear"},
    ),
    "courses": ({"sourced_id": "sourcedId", "title": "title"}, {}),
    "classes": (
        {"sourced_id": "sourcedId", "title": "title"},
        {"status": "status", "code": "classCode", "course": "courseSourcedId"},
    ),
    "enrollments": (
        {"class": "classSourcedId", "user": "userSourcedId", "role": "role"},
        {"status": "status", "from": "beginDate", "until": "endDate"},
    ),
}


@dataclass
class Bundle:
    """The rows of all files, and what they refer to.

    Attributes:
        rows: those to judge and those that cannot be.
        numbers: student number by sourcedId.
        codes: course code by sourcedId of the class.
        user_names: user name of a teacher by sourcedId.
    """

    rows: ReadRows = field(default_factory=lambda: ReadRows([], [], []))
    numbers: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    user_names: dict[str, str] = field(default_factory=dict)


def read_bundle(file: BinaryIO) -> Bundle:
    """Read all files of a bundle that the manifest lists.

    Raises:
        UnreadableFileError: it is hostile, incomplete, a delta, or of another version.
    """
    archive, listed = open_zip(file, most_ratio=_MOST_RATIO)
    if sum(one.info.file_size for one in listed) > MOST_UNPACKED_BYTES:
        most = MOST_UNPACKED_BYTES // _MIB
        raise UnreadableFileError(
            f"The archive unpacks to more than {most} MB.", problem="zip_unpacks", most=most
        )
    by_name = {one.path.rpartition("/")[2].casefold(): one for one in listed}

    def opened(name: str) -> Sheet:
        return _sheet(name, by_name, lambda one: read_whole(archive, one, MOST_UNPACKED_BYTES))

    wanted = _manifest(opened("manifest"))
    sheets = {name: opened(name) for name in _COLUMNS if name in wanted}
    for name, sheet in sheets.items():
        _refuse_columns(name, sheet)
    return _BundleReader(sheets).read()


class _Rows:
    """What rows are told apart and called by; for `read_rows_as`."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._keys = keys

    def identify(self, row: ParsedRow) -> str:
        return "\n".join(row[key] for key in self._keys)

    def about(self, row: ParsedRow) -> str:
        return " · ".join(row[key] for key in self._keys if row[key])


_BY_ID = _Rows(("sourced_id",))
_BY_PLACE = _Rows(("class", "user", "from"))


class _BundleReader:
    """Makes rows of the sheets."""

    def __init__(self, sheets: Mapping[str, Sheet]) -> None:
        self._sheets = sheets
        self._bundle = Bundle()

    def read(self) -> Bundle:
        """Return the bundle."""
        students = self._read("users", Stage.PEOPLE, _BY_ID, lambda row: row["role"] == "student")
        students = _numbered(students)
        self._take(students)
        guardians = self._read(
            "users", Stage.GUARDIANS, _BY_ID, lambda row: row["role"] in GUARDIAN_ROLES
        )
        self._take(guardian_rows(guardians, students.rows, BASE))
        for row in self._every("users"):
            if row["role"] == "teacher":
                self._bundle.user_names[row["sourced_id"]] = row["user_name"]
        terms = self._read(
            "academicSessions", Stage.TERMS, _BY_ID, lambda row: row["type"] in _TERM_TYPES
        )
        self._take(_named(terms))
        titles = {row["sourced_id"]: row["title"] for row in self._every("courses")}
        classes = self._read("classes", Stage.COURSES, _BY_ID, lambda _row: True)
        self._take(_coded(classes, titles))
        self._take(self._placings(Stage.ROSTERS, "student"))
        self._take(self._placings(Stage.TEACHERS, "teacher"))
        found = self._bundle.rows.rows
        found.sort(key=lambda one: one.number)
        for row in found:
            if Stage.of(row.number) is Stage.PEOPLE:
                self._bundle.numbers[row["sourced_id"]] = row["student_number"]
            elif Stage.of(row.number) is Stage.COURSES:
                self._bundle.codes[row["sourced_id"]] = row["code"]
        return self._bundle

    def _placings(self, stage: Stage, role: str) -> ReadRows:
        return self._read("enrollments", stage, _BY_PLACE, lambda row: row["role"] == role)

    def _every(self, name: str) -> list[ParsedRow]:
        sheet = self._sheets.get(name)
        return [] if sheet is None else [_parsed(name, sheet, row) for row in sheet.rows]

    def _read(
        self, name: str, stage: Stage, rows: _Rows, is_wanted: Callable[[ParsedRow], bool]
    ) -> ReadRows:
        """Return the wanted rows of a file; those that shall be deleted are listed only."""
        sheet = self._sheets.get(name)
        if sheet is None:
            return ReadRows([], [], [])
        parsed = {row.number: _parsed(name, sheet, row) for row in sheet.rows}
        wanted = [row for row in sheet.rows if is_wanted(parsed[row.number])]
        kept = [row for row in wanted if not _is_deleted(parsed[row.number])]
        is_cut = sheet.is_cut and kept[-1:] == sheet.rows[-1:]
        found = read_rows_as(rows, replace(sheet, rows=kept, is_cut=is_cut), _mapping(name, sheet))
        for row in wanted:
            if _is_deleted(parsed[row.number]):
                one = parsed[row.number]
                found.refuse(one, RowError("to_be_deleted").finding(one, rows.about(one)))
        _refuse_ids(found, rows)
        return ReadRows(*_renumbered(found, stage))

    def _take(self, found: ReadRows) -> None:
        mine = self._bundle.rows
        mine.rows.extend(found.rows)
        mine.refused.extend(found.refused)
        mine.wrong.extend(found.wrong)


def _renumbered(
    found: ReadRows, stage: Stage
) -> tuple[list[ParsedRow], list[ParsedRow], list[Finding]]:
    start = stage * BASE
    return (
        [replace(one, number=start + one.number) for one in found.rows],
        [replace(one, number=start + one.number) for one in found.refused],
        [
            replace(one, row=start + one.row, about=f"{stage.file} {one.row} · {one.about}")
            for one in found.wrong
        ],
    )


def _refuse_ids(found: ReadRows, rows: _Rows) -> None:
    """Refuse rows whose ids cannot be kept."""
    kept = []
    for row in found.rows:
        ids = [row[key] for key in ("sourced_id", "class", "user") if key in row.values]
        if all(ids) and max(map(len, ids)) <= _LONGEST_ID:
            kept.append(row)
        else:
            found.refuse(row, RowError("no_sourced_id").finding(row, rows.about(row)))
    found.rows[:] = kept


def _numbered(found: ReadRows) -> ReadRows:
    """Give students their numbers; two with the same one are both refused."""
    rows = [
        _changed(row, student_number=_number_of(row), identifier=row["student_number"])
        for row in found.rows
    ]
    same = Counter(comparable_number(row["student_number"]) for row in rows)
    for row in rows:
        if same[comparable_number(row["student_number"])] > 1:
            about = f"{Stage.PEOPLE.file} {row.number % BASE} · {row['student_number']}"
            found.refuse(row, RowError("same_number").finding(row, about))
    kept = [row for row in rows if same[comparable_number(row["student_number"])] == 1]
    return ReadRows(kept, found.refused, found.wrong)


def _number_of(row: ParsedRow) -> str:
    """Return the identifier, else the first of the user's ids, else the sourcedId."""
    if row["student_number"]:
        return row["student_number"]
    first = _FIRST_ID.search(row["ids"])
    return first[1].strip() if first else row["sourced_id"]


def _named(found: ReadRows) -> ReadRows:
    """Add the year to the names of terms that are there twice."""
    same = Counter(row["title"] for row in found.rows)
    rows = [
        _changed(
            row, name=f"{row['title']} {row['year']}" if same[row["title"]] > 1 else row["title"]
        )
        for row in found.rows
    ]
    return ReadRows(rows, found.refused, found.wrong)


def _coded(found: ReadRows, titles: Mapping[str, str]) -> ReadRows:
    """Give classes a code that no other has, and those without a title that of their course."""
    same = Counter(row["code"] for row in found.rows)

    def code(row: ParsedRow) -> str:
        is_own = row["code"] and same[row["code"]] == 1 and len(row["code"]) <= _LONGEST_CODE
        return row["code"] if is_own else row["sourced_id"]

    rows = [
        _changed(row, code=code(row), title=row["title"] or titles.get(row["course"], ""))
        for row in found.rows
    ]
    return ReadRows(rows, found.refused, found.wrong)


def _changed(row: ParsedRow, **values: str) -> ParsedRow:
    return ParsedRow(row.number, row.values | values)


def _is_deleted(row: ParsedRow) -> bool:
    return row["status"].casefold() == "tobedeleted"


def _parsed(name: str, sheet: Sheet, row: SheetRow) -> ParsedRow:
    cells = dict(enumerate(row.cells))
    values = {key: cells.get(at, "") for key, at in _mapping(name, sheet).items()}
    return ParsedRow(row.number, values)


def _mapping(name: str, sheet: Sheet) -> dict[str, int]:
    places = {title.casefold(): at for at, title in enumerate(sheet.header)}
    needed, further = _COLUMNS[name]
    both = (needed | further).items()
    return {key: places[title.casefold()] for key, title in both if title.casefold() in places}


def _refuse_columns(name: str, sheet: Sheet) -> None:
    missing = [
        title for key, title in _COLUMNS[name][0].items() if key not in _mapping(name, sheet)
    ]
    if missing:
        raise UnreadableFileError(
            f"{name}.csv has no column {missing[0]}.",
            problem="oneroster_column",
            file=f"{name}.csv",
            column=missing[0],
        )


def _manifest(sheet: Sheet) -> set[str]:
    """Return the names of the files that the manifest lists, and refuse what is not for us.

    Raises:
        UnreadableFileError: another version, or a file with changes only.
    """
    pairs = (row.cells for row in sheet.rows)
    said = {cells[0].casefold(): cells[1].casefold() for cells in pairs if len(cells) > 1}
    if said.get("oneroster.version") != _VERSION:
        raise UnreadableFileError(
            f"The manifest does not say OneRoster {_VERSION}.", problem="oneroster_version"
        )
    modes = {name: said.get(f"file.{name}".casefold(), "absent") for name in _COLUMNS}
    if any(mode not in {"bulk", "absent"} for mode in modes.values()):
        raise UnreadableFileError(
            "The bundle holds changes only (delta). Export all data (bulk).",
            problem="oneroster_delta",
        )
    if modes["users"] != "bulk":
        raise _missing("users")
    return {name for name, mode in modes.items() if mode == "bulk"}


def _sheet(
    name: str, files: Mapping[str, ArchivedFile], read: Callable[[ArchivedFile], bytes | None]
) -> Sheet:
    file = files.get(f"{name}.csv".casefold())
    if file is None:
        raise _missing(name)
    data = read(file)
    if data is None:
        raise broken()
    try:
        return read_text_file(data, ReadOptions(separator=","))
    except UnreadableFileError as exc:
        if exc.details.get("problem") in _NO_ROWS:
            return Sheet(_header(data), [])
        raise


def _header(data: bytes) -> tuple[str, ...]:
    first = data.decode("utf-8-sig", "replace").partition("\n")[0]
    return tuple(one.strip().strip('"') for one in first.split(","))


def _missing(name: str) -> UnreadableFileError:
    return UnreadableFileError(
        f"{name}.csv is missing from the bundle.", problem="oneroster_missing", file=f"{name}.csv"
    )


def stages(rows: Iterable[ParsedRow]) -> dict[Stage, list[ParsedRow]]:
    """Return rows by their stage."""
    found: dict[Stage, list[ParsedRow]] = {}
    for row in rows:
        found.setdefault(Stage.of(row.number), []).append(row)
    return found
