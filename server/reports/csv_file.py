"""Write rows as CSV that spreadsheets open as it is and that starts no formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from server.reports.cells import Cell
from server.web.formulas import without_formulas

_BOM = "\ufeff"
#: Marks that turn the direction of text around: a name could make a status read as another one.
_TURNS = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C))
_ROWS_AT_A_TIME = 500


def csv_pieces(rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """Return the bytes of a file piece by piece: UTF-8 with a BOM, commas, CRLF.

    Source: RFC 4180; Excel takes a file without a BOM for the local code page.
    """
    buffer = io.StringIO()
    buffer.write(_BOM)
    writer = csv.writer(buffer)
    for number, row in enumerate(rows, 1):
        writer.writerow([csv_text(cell) for cell in row])
        if number % _ROWS_AT_A_TIME == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def csv_text(cell: Cell) -> str | int | float:
    """Return a cell as it is written: text that looks like a formula gets an apostrophe before it.

    Numbers of ours stay numbers. The apostrophe is what every spreadsheet understands as "text".
    """
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    return without_formulas(plain_text(cell))


def plain_text(text: str) -> str:
    """Return a text without what no file should hold: direction marks, NUL and other controls."""
    turned = text.translate(_TURNS)
    return "".join(" " if char in "\t\r\n" else char for char in turned if _is_shown(char))


def _is_shown(char: str) -> bool:
    return char in "\t\r\n" or (char >= " " and not "\x7f" <= char <= "\x9f")


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "replace")
