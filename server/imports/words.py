"""Say what a report found, in the reader's language; and make the files to download."""

from collections.abc import Iterable, Iterator, Sequence

from server.imports.findings import HIDDEN, Column, Finding
from server.web.table_file import csv_of
from server.web.translations import Translator


def column_words(t: Translator, column: str) -> str:
    """Return what people call a column."""
    return t(f"imports.column.{column}")


def value_words(t: Translator, column: str, value: str) -> str:
    """Return a value of a report in words, where it is a code or not shown."""
    if value == HIDDEN:
        return t("imports.report.hidden")
    return t.or_else(f"guardians.relation.{value}", value) if column == "relation" else value


def reason_words(t: Translator, finding: Finding) -> str:
    """Return why a row is wrong; empty where nothing is."""
    return _words(t, "reason", finding)


def fix_words(t: Translator, finding: Finding) -> str:
    """Return what to do about it; empty where nothing is wrong."""
    return _words(t, "fix", finding)


def what_words(t: Translator, finding: Finding) -> str:
    """Return what a row is, where a file holds different things; else empty."""
    return t(f"imports.what.{finding.what}") if finding.what else ""


def _words(t: Translator, what: str, finding: Finding) -> str:
    if not finding.reason:
        return ""
    key = f"imports.{what}.{finding.reason}"
    if key not in t.texts:
        key = f"imports.{what}.refused"
    column = column_words(t, finding.column) if finding.column else ""
    return t(key, **{"column": column, **finding.values})


def report_file(t: Translator, findings: Iterable[Finding]) -> bytes:
    """Return a report as CSV: a line for each row, or for each change of one."""
    names = ("row", "outcome", "about", "reason", "fix", "changed", "before", "after")
    head = [t(f"imports.report.{name}") for name in names]
    return csv_of([head, *_lines(t, findings)])


def _lines(t: Translator, findings: Iterable[Finding]) -> Iterator[list[str]]:
    for one in findings:
        start = [
            str(one.row or ""),
            t(f"imports.outcome.{one.outcome}"),
            " · ".join(part for part in (what_words(t, one), one.about) if part),
            reason_words(t, one),
            fix_words(t, one),
        ]
        for change in one.changes:
            values = (value_words(t, change.column, one) for one in (change.before, change.after))
            yield [*start, column_words(t, change.column), *values]
        if not one.changes:
            yield [*start, "", "", ""]


def sample_file(t: Translator, columns: Sequence[Column]) -> bytes:
    """Return a file with these columns that can be imported as it is, named in a language."""
    lines = zip(*(one.samples for one in columns), strict=True)
    return csv_of([[column_words(t, one.key) for one in columns], *map(list, lines)])
