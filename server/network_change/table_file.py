"""Tables to download that a spreadsheet opens without running anything in them."""

import csv
import io
from collections.abc import Iterable, Sequence

#: A cell that begins with one of these is a formula to a spreadsheet.
#: Source: owasp.org, CSV injection.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
#: Without it a spreadsheet takes names for another encoding than UTF-8.
_MARK = "\ufeff"


def csv_of(rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV file in UTF-8 in which no cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([[_harmless(cell) for cell in row] for row in rows])
    return (_MARK + text.getvalue()).encode()


def _harmless(cell: str) -> str:
    """Put an apostrophe before what a spreadsheet would compute."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
