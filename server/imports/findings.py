"""What is found out about each row of a file: its outcome, the reason, and what changes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from sqlmodel import Session

from server.errors import ServerError
from server.people.bulk import ImportOrigin


class RowOutcome(StrEnum):
    """What becomes of a row. Reports list them in this order."""

    WRONG = "wrong"
    CHANGED = "changed"
    NEW = "new"
    MISSING = "missing"  # in Rollcall, but not in the file
    UNCHANGED = "unchanged"


#: In place of a value that a report does not show.
HIDDEN = "\N{BULLET}" * 3


@dataclass(frozen=True)
class ValueChange:
    """A value before and after, as text; empty: none."""

    column: str
    before: str
    after: str


@dataclass(frozen=True)
class Finding:
    """One row of a report.

    Attributes:
        row: its number in the file; 0 where it is not in the file.
        outcome: what becomes of it.
        about: what the row is about, such as a student number and a name.
        reason: key of the words that say why it is wrong, and of those that say what to do.
        column: the column that is wrong; empty: the row as a whole.
        values: what the words need.
        changes: values before and after.
        what: key of the words that say what it is, where a file holds different things.
    """

    row: int
    outcome: RowOutcome
    about: str
    reason: str = ""
    column: str = ""
    values: dict[str, str] = field(default_factory=dict)
    changes: tuple[ValueChange, ...] = ()
    what: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored, without the outcome, which the part has."""
        return {
            "row": self.row,
            "about": self.about,
            "reason": self.reason,
            "column": self.column,
            "values": self.values,
            "changes": [[one.column, one.before, one.after] for one in self.changes],
            "what": self.what,
        }

    @classmethod
    def from_json(cls, outcome: RowOutcome, stored: dict[str, Any]) -> "Finding":
        """Read what `as_json` wrote."""
        changes = tuple(ValueChange(*one) for one in stored["changes"])
        return cls(**{**stored, "outcome": outcome, "changes": changes})


@dataclass(frozen=True)
class ParsedRow:
    """A row by what its columns mean; columns that the file lacks are missing here too."""

    number: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """Return the text of a column; empty where the file has none."""
        return self.values.get(column, "")


@dataclass(frozen=True)
class Judged:
    """A row with what was found out, and what writes it where something is to be written."""

    finding: Finding
    payload: Any = None


class RowError(ValueError):
    """A row that cannot be imported. Not a server error: it becomes a line of the report."""

    def __init__(self, reason: str, column: str = "", **values: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.column = column
        self.values = values

    def finding(self, row: ParsedRow, about: str) -> Finding:
        """Return the line of the report."""
        return Finding(
            row.number, RowOutcome.WRONG, about, self.reason, self.column, dict(self.values)
        )


@dataclass(frozen=True)
class Column:
    """A column that a kind of file may have.

    Attributes:
        key: its name in code and in the words.
        aliases: what files call it, in any language; compared without case and accents.
        samples: values of the rows of the sample file.
        is_required: whether a file without it cannot be imported.
    """

    key: str
    aliases: tuple[str, ...]
    samples: tuple[str, ...]
    is_required: bool = False


class RowNames(Protocol):
    """What rows are told apart by, and what reports call them."""

    def identify(self, row: ParsedRow) -> str:
        """Return what tells rows apart: two rows with the same one contradict each other."""

    def about(self, row: ParsedRow) -> str:
        """Return what a report calls a row."""


class ImportKind(RowNames, Protocol):
    """One kind of file: which columns it has, and what its rows do."""

    @property
    def name(self) -> str:
        """Its name in code, in addresses and in the words."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that it may have, the most important ones first."""

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Find out what becomes of rows; nothing is written.

        Args:
            db: the caller's.
            rows: with different identities.
            lock: whether they are written in the same transaction.
        """

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Write the new and changed rows; returns what became of all of them."""

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterable[Finding]:
        """Return what Rollcall has and the file has not. Nothing is done about it."""


class WholeFileKind(ImportKind, Protocol):
    """A kind whose rows can only be judged by one who has seen all of them."""

    def survey(self, db: Session, rows: Sequence[ParsedRow]) -> None:
        """Look at all rows of a file before the first is judged."""


def judged_each(
    kind: RowNames, rows: Iterable[ParsedRow], judge: Callable[[ParsedRow], Judged]
) -> list[Judged]:
    """Judge row by row; one that raises a `RowError` is wrong."""
    found = []
    for row in rows:
        try:
            found.append(judge(row))
        except RowError as error:
            found.append(Judged(error.finding(row, kind.about(row))))
    return found


def payloads(judged: Iterable[Judged], outcome: RowOutcome) -> list[Any]:
    """Return what writes the rows of an outcome."""
    return [one.payload for one in judged if one.finding.outcome is outcome]


def written_each(
    db: Session, judged: Iterable[Judged], write: Callable[[Judged], object]
) -> list[Finding]:
    """Write row by row; one that a service refuses is wrong, and changes nothing."""
    found = []
    for one in judged:
        finding = one.finding
        if finding.outcome in {RowOutcome.NEW, RowOutcome.CHANGED}:
            try:
                with db.begin_nested():
                    write(one)
            except ServerError as error:
                reason = str(error.details.get("problem", "refused"))
                finding = replace(finding, outcome=RowOutcome.WRONG, reason=reason, changes=())
        found.append(finding)
    return found
