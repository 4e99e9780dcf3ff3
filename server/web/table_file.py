"""Tables to download that a spreadsheet opens without running anything in them."""

import csv
import io
from collections.abc import Iterable, Sequence

from server.web.formulas import without_formulas

#: Without it a spreadsheet takes names for another encoding than UTF-8.
_MARK = "\ufeff"


def csv_of(rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV file in UTF-8 in which no cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerows([[without_formulas(cell) for cell in row] for row in rows])
    return (_MARK + text.getvalue()).encode()
