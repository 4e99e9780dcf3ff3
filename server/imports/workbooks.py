"""Read one sheet of an Excel workbook. Formulas are never evaluated; saved results are text."""

import io
import re
import threading
import zipfile
from collections.abc import Iterator
from datetime import datetime, time
from typing import Any

import python_calamine as calamine

from server.imports.archives import damaged, unpacked
from server.imports.sheets import (
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_ROWS,
    Sheet,
    SheetBuilder,
    SheetRow,
    UnreadableFileError,
    empty_file,
    too_many_cells,
)

#: Excel keeps 15 digits of a number and writes zeros for the others.
#: Source: Microsoft, "Excel specifications and limits".
_EXACT_BELOW = 10**15
_REFERENCE = rb"\sr\s*=\s*[\"']([A-Za-z]{0,9})([0-9]{1,9})[\"']"
#: Cells with something in them, and rows, by what they call themselves.
_CELL = re.compile(rb"<(?:\w+:)?c\b[^>]*?" + _REFERENCE + rb"[^>]*(?<!/)>")
_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*?" + _REFERENCE + rb"[^>]*(?<!/)>")
#: Cells that are only counted on from the one before.
_UNNAMED = re.compile(rb"<(?:\w+:)?c\b(?![^>]*\sr\s*=)[^>]*(?<!/)>")
_PARTS = ("xl/workbook.xml", "xl/sharedStrings.xml", "xl/styles.xml", "[Content_Types].xml")
_FOLDERS = ("xl/worksheets/", "xl/_rels/", "_rels/")
#: A workbook takes much memory while it is read, so there is one at a time.
_one_at_a_time = threading.Lock()


def read_workbook(data: bytes, sheet: str = "") -> Sheet:
    """Return the rows of a sheet; the first visible one where none is named.

    Raises:
        UnreadableFileError: there is no such sheet, or the workbook cannot be read.
    """
    with _one_at_a_time:
        parts = unpacked(data, _is_part)
        for name, content in parts.items():
            if name.startswith("xl/worksheets/"):
                _refuse_wide(content)
        return _read(_stored(parts), sheet)


def _is_part(name: str) -> bool:
    is_text = name.endswith((".xml", ".rels"))
    return name in _PARTS or (
        is_text and name.startswith(("xl/worksheets/", "xl/_rels/", "_rels/"))
    )


def _refuse_wide(content: bytes) -> None:
    """Refuse a sheet whose corners are far apart: it would be held as a whole, empty cells too.

    Raises:
        UnreadableFileError: it is too large.
    """
    columns, rows = 0, 0
    for letters, digits in _corners(content):
        columns, rows = max(columns, _column(letters)), max(rows, int(digits))
    if (unnamed := sum(1 for _ in _UNNAMED.finditer(content))) > 0:
        columns = max(columns, unnamed)
        rows = max([rows, *(int(digits) for _, digits in _ROW.findall(content))])
    if rows * columns > MOST_CELLS:
        raise too_many_cells()


def _corners(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield column and row of each cell with something in it."""
    for found in _CELL.finditer(content):
        yield found[1], found[2]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _stored(parts: dict[str, bytes]) -> bytes:
    """Pack the parts again without compression: nothing is left to inflate."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _read(data: bytes, wanted: str) -> Sheet:
    try:
        names, chosen, table = _opened(data, wanted)
    except UnreadableFileError:
        raise
    except (calamine.CalamineError, ValueError, OSError) as exc:
        raise damaged() from exc
    except BaseException as exc:
        # A panic of the library is no `Exception`; it only means that the workbook is broken.
        if type(exc).__name__ != "PanicException":
            raise
        raise damaged() from exc
    builder = SheetBuilder()
    for row in _rows(table):
        builder.add(row)
    done = builder.checked()
    return Sheet(done.header, done.rows, sheets=names, sheet=chosen)


def _opened(data: bytes, wanted: str) -> tuple[tuple[str, ...], str, list[list[Any]]]:
    """Return the names of the sheets, the one that is read, and its values."""
    book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
    names = tuple(_sheet_names(book))
    if not names:
        raise empty_file()
    chosen = wanted or names[0]
    if chosen not in names:
        raise UnreadableFileError(
            "The workbook has no such sheet. Choose one of its sheets.", problem="file_no_sheet"
        )
    sheet = book.get_sheet_by_name(chosen)
    return names, chosen, sheet.to_python(skip_empty_area=False, nrows=MOST_ROWS + 2)


def _sheet_names(book: calamine.CalamineWorkbook) -> Iterator[str]:
    """Yield the names of the sheets, visible ones first."""
    sheets = [one for one in book.sheets_metadata if one.typ == calamine.SheetTypeEnum.WorkSheet]
    is_visible = calamine.SheetVisibleEnum.Visible
    yield from (one.name for one in sheets if one.visible == is_visible)
    yield from (one.name for one in sheets if one.visible != is_visible)


def _rows(table: list[list[Any]]) -> Iterator[SheetRow]:
    for number, values in enumerate(table, 1):
        # Empty columns at the right are only formatted, and no mistake.
        while len(values) > MOST_COLUMNS and values[-1] == "":
            values.pop()
        rounded = frozenset(
            at
            for at, value in enumerate(values)
            if isinstance(value, (int, float)) and abs(value) >= _EXACT_BELOW
        )
        yield SheetRow(number, tuple(_text(value) for value in values), rounded)


def _text(value: object) -> str:
    """Return a cell as a person reads it: 123.0 is 123, and dates are ISO."""
    match value:
        case str():
            return value.strip()
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else format(value, ".15g")
        case datetime() if value.time() != time():
            return value.isoformat(" ", "minutes")
        case datetime():
            return value.date().isoformat()
    return "" if value is None else str(value)
