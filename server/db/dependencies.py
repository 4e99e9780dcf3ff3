"""One transaction per request: the dependencies through which endpoints reach the database.

Nothing outside this package commits. `DBDep` commits when the endpoint has returned and before
the answer is sent, and rolls back when it raises, so an answer of success is always on disk.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel import Session

from server.db.engine import Database


def get_database(request: Request) -> Database:
    """The database of this application."""
    database: Database = request.app.state.database
    return database


def _write_db(database: Annotated[Database, Depends(get_database)]) -> Iterator[Session]:
    with database.transaction() as db:
        yield db


def _read_db(database: Annotated[Database, Depends(get_database)]) -> Iterator[Session]:
    with database.reading() as db:
        yield db


DatabaseDep = Annotated[Database, Depends(get_database)]
#: For endpoints that change something (and for views that are themselves audited).
DBDep = Annotated[Session, Depends(_write_db, scope="function")]
#: For endpoints that only read: never blocks or waits for a writer.
ReadDBDep = Annotated[Session, Depends(_read_db, scope="function")]
