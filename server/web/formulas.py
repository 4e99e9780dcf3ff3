"""Keep text from becoming a formula when a spreadsheet opens a CSV file."""

import re

_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
#: A cell that starts with one of these is a formula to some spreadsheet, also behind spaces.
#: Source: OWASP, CSV Injection. The full-width signs count too: spreadsheets fold them.
_START = re.compile(rf"[ \u00a0\u3000]*[{_SIGNS}\t\r\n]")
#: Where the locale separates by another sign than a comma, a cell begins inside of ours.
_INNER = re.compile(rf"(?<=[;|\t\r\n])([ \u00a0\u3000\"]*)(?=[{_SIGNS}])")


def starts_formula(text: str) -> bool:
    """Whether a spreadsheet may take a text for a formula."""
    return _START.match(text) is not None


def without_formulas(text: str) -> str:
    """Return a text with an apostrophe before each sign that may start a formula."""
    marked = _INNER.sub(r"\1'", text)
    return f"'{marked}" if starts_formula(marked) else marked
