"""Statements that are built once and asked again and again.

Building a statement of SQLAlchemy costs more than most databases need to answer it, and objects of
tables more than their rows. What pages ask all the time is therefore built once, with names for its
values, and answered with rows.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy
from sqlalchemy import BindParameter, Executable, Table, bindparam
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
        db.flush()
        return db.connection().execute(self._statement, values).all()

    def values(self, db: Session, **values: Any) -> Sequence[Any]:
        """Return the first column of all rows."""
        return [row[0] for row in self.rows(db, **values)]


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a class."""
    found: Table = sqlalchemy.inspect(model).local_table
    return found


def several(name: str) -> BindParameter[Any]:
    """A place in a statement for any number of values, as in `column.in_(several("ids"))`."""
    return bindparam(name, expanding=True)
