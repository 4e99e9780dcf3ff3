"""Statements that are built once and asked again and again.

Building a statement of SQLAlchemy costs more than most databases need to answer it, and objects of
tables more than their rows. What pages ask all the time is therefore built once, with names for its
values, and answered with rows.

SQLite gets a list of values as one text of JSON: SQLAlchemy writes a statement anew for each length
of a list, with a place for each value, which costs as much as the answer.
"""

import json
import uuid
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import sqlalchemy
from sqlalchemy import BindParameter, CursorResult, Executable, String, Table, bindparam, func
from sqlalchemy.sql.visitors import replacement_traverse
from sqlmodel import Session, SQLModel


class Prepared:
    """A statement on tables, not on their objects; its values are given by name.

    Args:
        statement: selects columns of `table_of`.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement

    def rows(self, db: Session, **values: Any) -> Sequence[Any]:
        """Return all rows. What the session has not written yet is written before."""
        return self._answer(db, values).all()

    def raw_rows(self, db: Session, **values: Any) -> Sequence[Any]:
        """Return the same as the driver gives it: for thousands of rows that are only compared."""
        answer = self._answer(db, values)
        found: Sequence[Any] = answer.cursor.fetchall()
        answer.close()
        return found

    def values(self, db: Session, **values: Any) -> Sequence[Any]:
        """Return the first column of all rows."""
        return [row[0] for row in self.rows(db, **values)]

    def _answer(self, db: Session, values: dict[str, Any]) -> CursorResult[Any]:
        db.flush()
        connection = db.connection()
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values)
        statement, lists = self._for_sqlite
        values |= {name: _json(values[name]) for name in lists}
        return connection.execute(statement, values)

    @cached_property
    def _for_sqlite(self) -> tuple[Executable, set[str]]:
        """The statement with a place for one text for each list, and the names of the lists."""
        lists: set[str] = set()

        def replaced(element: Any, **_: Any) -> Any:
            if not (isinstance(element, BindParameter) and element.expanding):
                return None
            if element.value is not None:  # written into the statement: it has one length
                return None
            lists.add(element.key)
            values = func.json_each(bindparam(element.key, type_=String))
            # Named, as SQLAlchemy would make up a random name, and another one in each process.
            listed = values.table_valued("value", name=f"{element.key}_listed")
            return sqlalchemy.select(listed.c.value).scalar_subquery()

        given: Any = self._statement
        statement: Executable = replacement_traverse(given, {}, replaced)
        return statement, lists


def _json(values: Sequence[Any]) -> str:
    """Write ids or words as SQLite holds them."""
    return json.dumps([one.hex if isinstance(one, uuid.UUID) else one for one in values])


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a class."""
    found: Table = sqlalchemy.inspect(model).local_table
    return found


def several(name: str) -> BindParameter[Any]:
    """A place in a statement for any number of values, as in `column.in_(several("ids"))`."""
    return bindparam(name, expanding=True)
