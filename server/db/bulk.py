"""Insert many rows of one table with one statement that is written once.

SQLAlchemy looks at every value of every row by its name and its type. Here values are prepared a
column at a time, and those columns alone whose type the driver does not know.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Dialect
from sqlmodel import Session, SQLModel

from server.db.prepared import table_of

_CHUNK = 500
_Processor = Callable[[Any], Any]


class _Plan(NamedTuple):
    """A statement in a database's words, and what prepares the values of each column for it."""

    statement: str
    is_positional: bool
    columns: tuple[tuple[str, _Processor | None], ...]


class BulkInsert:
    """An INSERT of whole rows.

    Args:
        model: the class of the table.
    """

    def __init__(self, model: type[SQLModel]) -> None:
        self._table = table_of(model)
        self._plans: dict[str, _Plan] = {}

    def add(self, db: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows. What the session has not written yet is not written before.

        Args:
            db: the caller's.
            rows: each with a value for every column.
        """
        connection = db.connection()
        plan = self._plan(connection.dialect)
        for start in range(0, len(rows), _CHUNK):
            part = _prepared(plan, rows[start : start + _CHUNK])
            connection.exec_driver_sql(plan.statement, part)

    def _plan(self, dialect: Dialect) -> _Plan:
        if dialect.name not in self._plans:
            compiled = self._table.insert().compile(dialect=dialect)
            columns = [
                (one.name, one.type.dialect_impl(dialect).bind_processor(dialect))
                for one in self._table.columns
            ]
            self._plans[dialect.name] = _Plan(str(compiled), dialect.positional, tuple(columns))
        return self._plans[dialect.name]


def _prepared(plan: _Plan, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return rows as the driver takes them."""
    columns = [_column([row[name] for row in rows], process) for name, process in plan.columns]
    lines = zip(*columns, strict=True)
    if plan.is_positional:
        return list(lines)
    names = [name for name, _ in plan.columns]
    return [dict(zip(names, line, strict=True)) for line in lines]


def _column(values: list[Any], process: _Processor | None) -> list[Any]:
    """Prepare the values of one column; one that stands in many rows is prepared once."""
    if process is None:
        return values
    prepared, last, known = [], None, process(None)
    for value in values:
        if value is not last:
            last, known = value, process(value)
        prepared.append(known)
    return prepared
