"""What other rows of a file say about the same person in the same place."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date

from server.imports.findings import ParsedRow, RowError
from server.imports.values import read_date


class ComingSpans:
    """From when until when rows place people, by who and where. A dry run writes none of it.

    The same row may come again: a part is done anew where another request was faster.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[object, ...], dict[int, tuple[date, date]]] = {}
        self._first_days: dict[str, set[date]] = {}

    def look_ahead(self, rows: Iterable[ParsedRow], placed: Callable[[ParsedRow], str]) -> None:
        """Note the first days of all rows of a file, by who and where."""
        for row in rows:
            with suppress(RowError):
                if (first := read_date(row["from"], "from")) is not None:
                    self._first_days.setdefault(placed(row), set()).add(first)

    def refuse_undated(self, placed: str, first_days: Iterable[date | None], reason: str) -> None:
        """Refuse a row without a first day that means an entry which another row means by it.

        Else both would set its last day, each at every import.

        Raises:
            RowError: there is such a row.
        """
        if not self._first_days.get(placed, set()).isdisjoint(first_days):
            raise RowError(reason, "from")

    def take(
        self, key: tuple[object, ...], row: int, span: tuple[date, date | None], reason: str
    ) -> None:
        """Note the days of a row.

        Raises:
            RowError: an earlier row has some of these days.
        """
        first, last = span[0], span[1] or date.max
        rows = self._rows.setdefault(key, {})
        for other, (begins, ends) in rows.items():
            if other != row and begins <= last and first <= ends:
                raise RowError(reason, "from")
        rows[row] = (first, last)
