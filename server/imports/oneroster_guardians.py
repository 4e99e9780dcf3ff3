"""Guardians of a OneRoster bundle: users who are linked to students by `agentSourcedIds`.

Systems write the link at the student, at the guardian, or at both; each is read.

Source: IMS Global OneRoster 1.1 CSV Tables, users.csv, https://www.imsglobal.org/oneroster-v11-final-csv-tables
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from server.guardians.service import MOST_GUARDIANS
from server.imports.findings import ParsedRow, RowError
from server.imports.matching import ReadRows
from server.people.folding import fold
from server.people.service import full_name

#: What their relation becomes; empty: "guardian" for a new one, and what is stored stays.
GUARDIAN_ROLES = {"guardian": "", "parent": "", "relative": "other"}
#: A guardian of more students is a mistake of the export, or hostile.
MOST_CHILDREN = 20


def guardian_rows(found: ReadRows, students: Sequence[ParsedRow], base: int) -> ReadRows:
    """Return a row for each student of each guardian.

    Args:
        found: the guardians, as the bundle has them.
        students: rows of students that can be judged.
        base: what the numbers of further rows of one guardian differ by.
    """
    children = _children(found.rows, students)
    known: set[tuple[str, str]] = set()
    guardians: Counter[str] = Counter()
    rows: list[ParsedRow] = []
    for row in found.rows:
        try:
            of = _refuse_children(children[row["sourced_id"]], guardians)
            name = full_name(row["given_name"], row["family_name"])
            _refuse_known({(one, fold(name)) for one in of}, known)
            guardians.update(of)
        except RowError as error:
            about = f"users.csv {row.number % base} · {_about(row)}"
            found.refuse(row, error.finding(row, about))
            continue
        rows += [_row_of(row, child, row.number + at * base) for at, child in enumerate(of)]
    return ReadRows(rows, found.refused, found.wrong)


def as_file_rows(rows: Iterable[ParsedRow], numbers: Mapping[str, str]) -> list[ParsedRow]:
    """Return rows as a file of guardians has them, with student numbers in place of ids."""
    return [
        ParsedRow(
            row.number,
            {
                "student_number": numbers.get(row["user"], row["user"]),
                "guardian_given_name": row["given_name"],
                "guardian_family_name": row["family_name"],
                "relation": GUARDIAN_ROLES.get(row["role"], ""),
                "phone": row["phone"] or row["sms"],
                "email": row["email"],
            },
        )
        for row in rows
    ]


def _children(
    guardians: Sequence[ParsedRow], students: Sequence[ParsedRow]
) -> dict[str, list[str]]:
    """Return the ids of students by the id of a guardian, one more than allowed at most."""
    known = {row["sourced_id"] for row in students}
    found: dict[str, dict[str, None]] = defaultdict(dict)
    links = [(row["sourced_id"], one) for row in guardians for one in _ids(row) if one in known]
    wanted = {row["sourced_id"] for row in guardians}
    links += [(one, row["sourced_id"]) for row in students for one in _ids(row) if one in wanted]
    for guardian, child in links:
        if len(found[guardian]) <= MOST_CHILDREN:
            found[guardian][child] = None
    return defaultdict(list, {guardian: list(some) for guardian, some in found.items()})


def _ids(row: ParsedRow) -> list[str]:
    return [one.strip() for one in row["agents"].split(",") if one.strip()]


def _refuse_children(children: list[str], guardians: Counter[str]) -> list[str]:
    if not children:
        raise RowError("no_child")
    if len(children) > MOST_CHILDREN:
        raise RowError("many_children", most=str(MOST_CHILDREN))
    if any(guardians[one] >= MOST_GUARDIANS for one in children):
        raise RowError("guardians_full", most=str(MOST_GUARDIANS))
    return children


def _refuse_known(named: set[tuple[str, str]], known: set[tuple[str, str]]) -> None:
    """Refuse a second guardian of the same name: nobody could tell which one is meant."""
    if named & known:
        raise RowError("guardian_twice")
    known |= named


def _row_of(row: ParsedRow, child: str, number: int) -> ParsedRow:
    return replace(row, number=number, values=row.values | {"user": child})


def _about(row: ParsedRow) -> str:
    return full_name(row["given_name"], row["family_name"]) or row["sourced_id"]
