"""Find out which column of a file is which, and read its rows by that. No database here."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from server.imports.findings import Column, Finding, ParsedRow, RowError, RowNames, RowOutcome
from server.imports.sheets import Sheet, SheetRow
from server.people.folding import fold, misleads


def guess(header: Sequence[str], columns: Sequence[Column]) -> dict[str, int]:
    """Return the number of a column of the file for each column that its name tells.

    Names are compared without case, accents, spaces and punctuation. Where a column has several
    candidates, the earliest alias decides.
    """
    names = {_plain(name): at for at, name in reversed(list(enumerate(header)))}
    mapping: dict[str, int] = {}
    for column in columns:
        for alias in (column.key, *column.aliases):
            at = names.get(_plain(alias))
            if at is not None and at not in mapping.values():
                mapping[column.key] = at
                break
    return mapping


def _plain(name: str) -> str:
    return fold(name).replace(" ", "")


@dataclass(frozen=True)
class ReadRows:
    """The rows of a file by what its columns mean.

    Attributes:
        rows: those that can be judged, each with another identity.
        refused: those that cannot.
        wrong: why they cannot.
    """

    rows: list[ParsedRow]
    refused: list[ParsedRow]
    wrong: list[Finding]

    def refuse(self, row: ParsedRow, finding: Finding) -> None:
        """Take in a row that cannot be judged."""
        self.refused.append(row)
        self.wrong.append(finding)

    def in_order(self) -> Iterator[ParsedRow | Finding]:
        """Yield both in the order of the file."""
        both: list[tuple[int, ParsedRow | Finding]] = [(one.number, one) for one in self.rows]
        both += [(one.row, one) for one in self.wrong]
        yield from (one for _, one in sorted(both, key=lambda pair: pair[0]))


def read_rows_as(kind: RowNames, sheet: Sheet, mapping: Mapping[str, int]) -> ReadRows:
    """Return the rows of a file by what its columns mean; see `ReadRows`.

    Rows with the same identity: of equal ones the first counts; where they differ none does, as
    nobody knows which one is right.
    """
    found = ReadRows([], [], [])
    by_identity: dict[str, list[ParsedRow]] = {}
    for row in sheet.rows:
        parsed = ParsedRow(row.number, _values(row, mapping))
        try:
            _refuse(row, parsed, mapping, width=len(sheet.header))
            _refuse_cut(row, sheet)
        except RowError as error:
            found.refuse(parsed, error.finding(parsed, kind.about(parsed)))
            continue
        identity = kind.identify(parsed) or f"\n{row.number}"
        by_identity.setdefault(identity, []).append(parsed)
    for same in by_identity.values():
        _sort_out(kind, same, found)
    found.rows.sort(key=lambda one: one.number)
    return found


def _values(row: SheetRow, mapping: Mapping[str, int]) -> dict[str, str]:
    width = len(row.cells)
    return {key: row.cells[at] if at < width else "" for key, at in mapping.items()}


def _refuse(row: SheetRow, parsed: ParsedRow, mapping: Mapping[str, int], *, width: int) -> None:
    """Refuse a row that no kind of file can use.

    Raises:
        RowError: says why.
    """
    if any(row.cells[width:]):
        raise RowError("too_many_cells")
    for key, at in mapping.items():
        if at in row.rounded:
            raise RowError("rounded", key)
        if misleads(parsed.values[key]):
            raise RowError("misleading", key)


def _refuse_cut(row: SheetRow, sheet: Sheet) -> None:
    """Refuse the last row of a file that ends in its middle.

    Raises:
        RowError: it is that row.
    """
    if sheet.is_cut and row.number == sheet.rows[-1].number:
        raise RowError("cut")


def _sort_out(kind: RowNames, same: Sequence[ParsedRow], found: ReadRows) -> None:
    first, *others = same
    if all(one.values == first.values for one in others):
        found.rows.append(first)
        refused: Iterable[tuple[ParsedRow, RowError]] = (
            (one, RowError("repeated", row=str(first.number))) for one in others
        )
    else:
        numbers = ", ".join(str(one.number) for one in same[:10])
        refused = ((one, RowError("contradicts", rows=numbers)) for one in same)
    for one, error in refused:
        found.refuse(one, error.finding(one, kind.about(one)))


def counts_of(findings: Iterable[Finding]) -> dict[str, int]:
    """Return how many rows there are of each outcome."""
    counts: dict[str, int] = {}
    for one in findings:
        counts[one.outcome] = counts.get(one.outcome, 0) + 1
    return counts


def add_counts(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    """Return both counts together."""
    return {
        name: first.get(name, 0) + second.get(name, 0)
        for name in map(str, RowOutcome)
        if name in first or name in second
    }
