"""One transaction per request: the dependencies through which endpoints reach the database.

Nothing outside this package commits. `SessionDep` commits when the endpoint has returned and before
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


def _write_session(database: Annotated[Database, Depends(get_database)]) -> Iterator[Session]:
    with database.transaction() as session:
        yield session


def _read_session(database: Annotated[Database, Depends(get_database)]) -> Iterator[Session]:
    with database.reading() as session:
        yield session


DatabaseDep = Annotated[Database, Depends(get_database)]
#: For endpoints that change something (and for views that are themselves audited).
SessionDep = Annotated[Session, Depends(_write_session, scope="function")]
#: For endpoints that only read: never blocks or waits for a writer.
ReadSessionDep = Annotated[Session, Depends(_read_session, scope="function")]
