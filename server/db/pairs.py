"""Find the rows of a table by pairs of values, whatever their number, with one statement.

`(a, b) IN (...)` is written anew for each number of pairs, and `a IN (...) AND b IN (...)` looks
at every combination. Here the pairs are a list that the table is joined to by its index.
"""

import json
import uuid
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy
from sqlalchemy import Column, Executable, String, bindparam, column, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session

_CHUNK = 1000

Pair = tuple[Any, Any]


class PairLookup:
    """A statement that is built once for each database.

    Args:
        first: a column with an index over it and the second one.
        second: of the same table.
        where: what else must be true of a row.
        also: columns that are given beside the two.
    """

    def __init__(
        self,
        first: Column[Any],
        second: Column[Any],
        *,
        where: Sequence[Any] = (),
        also: Sequence[Column[Any]] = (),
    ) -> None:
        self._columns = (first, second)
        self._where = where
        self._selected = (first, second, *also)

    def rows(self, db: Session, pairs: Iterable[Pair]) -> list[Any]:
        """Return the rows of these pairs; what the session has not written is not among them."""
        found: list[Any] = []
        wanted = list(pairs)
        for start in range(0, len(wanted), _CHUNK):
            found += self._rows(db, wanted[start : start + _CHUNK])
        return found

    def _rows(self, db: Session, pairs: Sequence[Pair]) -> Sequence[Any]:
        connection = db.connection()
        if connection.dialect.name == "sqlite":
            text = json.dumps([[_written(one), _written(other)] for one, other in pairs])
            return connection.execute(self._for_sqlite, {"pairs": text}).all()
        firsts, seconds = (list(one) for one in zip(*pairs, strict=True))
        values = {"firsts": firsts, "seconds": seconds}
        return connection.execute(self._for_postgresql, values).all()

    @cached_property
    def _for_sqlite(self) -> Executable:
        given = func.json_each(bindparam("pairs", type_=String)).table_valued("value", name="given")
        one = func.json_extract(given.c.value, "$[0]", type_=String)
        other = func.json_extract(given.c.value, "$[1]", type_=String)
        return self._joined(given, one, other)

    @cached_property
    def _for_postgresql(self) -> Executable:
        kinds = [one.type for one in self._columns]
        lists = (
            bindparam(name, type_=ARRAY(kind))
            for name, kind in zip(("firsts", "seconds"), kinds, strict=True)
        )
        given = (
            func.unnest(*lists)
            .table_valued(column("one", kinds[0]), column("other", kinds[1]))
            .render_derived(name="given")
        )
        return self._joined(given, given.c.one, given.c.other)

    def _joined(self, given: Any, one: Any, other: Any) -> Executable:
        first, second = self._columns
        table = first.table
        return (
            sqlalchemy.select(*self._selected)
            .select_from(given.join(table, sqlalchemy.and_(first == one, second == other)))
            .where(*self._where)
        )


def _written(value: Any) -> Any:
    """Write an id as SQLite holds it."""
    return value.hex if isinstance(value, uuid.UUID) else value
