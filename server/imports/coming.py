"""What earlier rows of a file add, which a dry run does not write."""

from datetime import date

from server.imports.findings import RowError


class ComingSpans:
    """From when until when earlier rows place people, by who and where.

    The same row may come again: a part is done anew where another request was faster.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[object, ...], dict[int, tuple[date, date]]] = {}

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
