"""What a file of rows is once it was read, and the limits that every file has."""

from dataclasses import dataclass, field
from typing import NamedTuple

from server.errors import InvalidError

MOST_ROWS = 100_000
MOST_COLUMNS = 200
#: Rows times columns: a sheet is held as a whole while it is read.
MOST_CELLS = 4_000_000
LONGEST_CELL = 2_000
#: What a workbook may unpack to.
MOST_UNPACKED_BYTES = 128 * 1024 * 1024
MOST_ENTRIES = 2_000


class UnreadableFileError(InvalidError):
    """A file cannot be read as rows; the sentence says why."""

    code = "unreadable_file"
    default_message = "This file cannot be read."


class SheetRow(NamedTuple):
    """One row of a file.

    Attributes:
        number: as a spreadsheet program counts it, the header being row 1.
        cells: text, without spaces around it.
        rounded: columns with a number that may not be what a person sees: the spreadsheet program
            rounded it, or its format adds signs to it.
    """

    number: int
    cells: tuple[str, ...]
    rounded: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Sheet:
    """The rows of a file.

    Attributes:
        header: names of the columns; each is there once.
        rows: those with any text, in order.
        encoding: of a text file; empty for a workbook.
        separator: of a text file; empty for a workbook.
        sheets: names of the sheets of a workbook.
        sheet: the one that was read; empty for a text file.
        is_cut: whether the file ends in the middle of its last row.
    """

    header: tuple[str, ...]
    rows: list[SheetRow]
    encoding: str = ""
    separator: str = ""
    sheets: tuple[str, ...] = ()
    sheet: str = ""
    is_cut: bool = False


@dataclass(frozen=True)
class ReadOptions:
    """What a person chose where the guess about a file was wrong; empty: guess.

    Attributes:
        encoding: one of `text_files.ENCODINGS`.
        separator: one of `text_files.SEPARATORS`.
        sheet: name of a sheet of a workbook.
    """

    encoding: str = ""
    separator: str = ""
    sheet: str = ""


@dataclass
class SheetBuilder:
    """Collects rows within the limits."""

    header: tuple[str, ...] = ()
    rows: list[SheetRow] = field(default_factory=list)
    _cells: int = 0

    def add(self, row: SheetRow) -> None:
        """Take the next row: the first is the header; empty ones are left out.

        Raises:
            UnreadableFileError: it exceeds a limit, or the header cannot be used.
        """
        self._check(row)
        if row.number == 1:
            self.header = _header(row.cells)
        elif any(row.cells):
            self.rows.append(row)

    def _check(self, row: SheetRow) -> None:
        self._cells += len(row.cells)
        if len(row.cells) > MOST_COLUMNS:
            raise UnreadableFileError(
                f"Row {row.number} has more than {MOST_COLUMNS} columns. Delete columns that you do"
                " not need, or choose another separator.",
                problem="file_columns",
                row=row.number,
                most=MOST_COLUMNS,
            )
        if len(self.rows) >= MOST_ROWS:
            raise too_many_rows()
        if self._cells > MOST_CELLS:
            raise too_many_cells()
        if any(len(cell) > LONGEST_CELL for cell in row.cells):
            raise UnreadableFileError(
                f"Row {row.number} has a cell with more than {LONGEST_CELL} characters."
                " Shorten it.",
                problem="file_cell",
                row=row.number,
                most=LONGEST_CELL,
            )

    def checked(self) -> "SheetBuilder":
        """Return this, where there is a header and at least one row.

        Raises:
            UnreadableFileError: there is not.
        """
        if not self.header:
            raise empty_file()
        if not self.rows:
            raise UnreadableFileError(
                "The file has a first row with the names of the columns, but no rows below it.",
                problem="file_no_rows",
            )
        return self


def empty_file() -> UnreadableFileError:
    """Return the error for a file in which nothing is."""
    return UnreadableFileError("The file is empty. Choose another file.", problem="file_empty")


def too_many_cells() -> UnreadableFileError:
    """Return the error for a file that is too large to be held as a whole."""
    return UnreadableFileError(
        f"The file has more than {MOST_CELLS} cells. Delete columns that you do not need.",
        problem="file_cells",
        most=MOST_CELLS,
    )


def too_many_rows() -> UnreadableFileError:
    """Return the error for a file with too many rows."""
    return UnreadableFileError(
        f"The file has more than {MOST_ROWS} rows. Divide it into several files.",
        problem="file_rows",
        most=MOST_ROWS,
    )


def column_letters(index: int) -> str:
    """Return what a spreadsheet program calls a column: 0 is A, 26 is AA."""
    letters, number = "", index + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _header(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the columns; one without a name gets its letters.

    Raises:
        UnreadableFileError: there is none, or two are the same.
    """
    while cells and not cells[-1]:
        cells = cells[:-1]
    if not cells:
        raise UnreadableFileError(
            "The first row is empty. Put the names of the columns there.", problem="file_no_header"
        )
    names = tuple(cell or f"({column_letters(at)})" for at, cell in enumerate(cells))
    for at, name in enumerate(names):
        first = [one.casefold() for one in names].index(name.casefold())
        if first != at:
            raise UnreadableFileError(
                f"Columns {column_letters(first)} and {column_letters(at)} have the same name."
                " Give each column its own.",
                problem="file_same_names",
                first=column_letters(first),
                second=column_letters(at),
            )
    return names
