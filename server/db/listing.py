"""Read a list in parts: each row once, whatever is added or deleted in between.

A part starts after the position of the last row before it, not after a number of rows. So a
deleted row shifts no other one, and an added one is never in the list twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy
from sqlalchemy import ColumnElement, SQLColumnExpression, literal, tuple_
from sqlmodel import Session, func

Row = TypeVar("Row")
#: The values of the columns by which a list is sorted, of one row.
Position = tuple[Any, ...]


@dataclass(frozen=True)
class ListOrder:
    """By which columns a list is sorted; together they tell any two rows apart.

    Attributes:
        columns: the most important one first. None is null in any row.
        kinds: the Python type of each column's values.
        is_descending: whether the largest values come first.
    """

    columns: tuple[SQLColumnExpression[Any], ...]
    kinds: tuple[type, ...]
    is_descending: bool = False

    def by(self) -> list[ColumnElement[Any]]:
        """Return what a query is ordered by."""
        return [one.desc() if self.is_descending else one.asc() for one in self.columns]

    def follows(self, position: Position) -> ColumnElement[bool]:
        """Return which rows come after a position."""
        columns: tuple[Any, ...] = self.columns  # attributes of tables have a type too
        there = (
            literal(value, column.type) for value, column in zip(position, columns, strict=True)
        )
        here, other = tuple_(*columns), tuple_(*there)
        return here < other if self.is_descending else here > other


@dataclass(frozen=True)
class Part(Generic[Row]):
    """Some rows of a list.

    Attributes:
        rows: in order.
        total: how many rows the whole list has now.
        last: the position after which the list goes on; None where it ends.
    """

    rows: list[Row]
    total: int
    last: Position | None


@dataclass(frozen=True)
class PartWanted:
    """Which part of a list is asked for: so many rows after a position, or from the start."""

    limit: int
    after: Position | None = None


def read_part(
    db: Session, query: sqlalchemy.Select[*tuple[Any, ...]], order: ListOrder, wanted: PartWanted
) -> Part[Any]:
    """Return a part of a list, and how long the list is.

    Args:
        db: the caller's.
        query: selects the rows of the whole list, without an order.
        order: of the list.
        wanted: which part.
    """
    total = db.execute(sqlalchemy.select(func.count()).select_from(query.subquery())).scalar_one()
    rows, last = _rows(db, query, order, wanted)
    return Part(rows, total, last)


def every_row(
    db: Session,
    query: sqlalchemy.Select[*tuple[Any, ...]],
    order: ListOrder,
    *,
    at_a_time: int = 1000,
) -> Iterator[Any]:
    """Yield all rows of a list, reading some at a time."""
    rows, last = _rows(db, query, order, PartWanted(at_a_time))
    yield from rows
    while last is not None:
        rows, last = _rows(db, query, order, PartWanted(at_a_time, last))
        yield from rows


def _rows(
    db: Session, query: sqlalchemy.Select[*tuple[Any, ...]], order: ListOrder, wanted: PartWanted
) -> tuple[list[Any], Position | None]:
    ordered = query.add_columns(*order.columns).order_by(*order.by()).limit(wanted.limit + 1)
    if wanted.after is not None:
        ordered = ordered.where(order.follows(wanted.after))
    found = db.execute(ordered).all()
    width = len(order.columns)
    rows = [tuple(row[:-width]) for row in found[: wanted.limit]]
    has_more = len(found) > wanted.limit
    return rows, tuple(found[wanted.limit - 1][-width:]) if has_more else None
