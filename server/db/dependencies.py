"""One transaction per request: the dependencies through which endpoints reach the database.

Nothing outside this package commits. An endpoint declares `db: DBDep`; `server.web.threads` opens
the session in the endpoint's thread, commits there when the endpoint has returned, and rolls back
when it raises. So an answer of success is always on disk, and nobody holds a connection or the
write lock while waiting for a thread or while an answer is built.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from fastapi import Depends, Request
from sqlmodel import Session

from server.db.engine import Database


@dataclass(frozen=True)
class SessionRequest:
    """Stands for the session of an endpoint until its thread opens it.

    Attributes:
        database: where.
        is_writing: whether it is a transaction that commits.
    """

    database: Database
    is_writing: bool


class _HasDatabase(Protocol):
    """What this package needs of `server.web.state.Services`, which lies above it."""

    @property
    def database(self) -> Database:
        """The database of this application."""


def get_database(request: Request) -> Database:
    """The database of this application."""
    services: _HasDatabase = request.app.state.services
    return services.database


@contextmanager
def opened(values: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Open the sessions that the arguments of an endpoint ask for, and end them with the block."""
    with ExitStack() as stack:
        made = dict(values)
        for name, value in values.items():
            if isinstance(value, SessionRequest):
                one = value.database
                session = one.transaction() if value.is_writing else one.reading()
                made[name] = stack.enter_context(session)
        yield made


def is_writing(call: object) -> bool:
    """Whether a dependency is the one of an endpoint's transaction."""
    return call is _write_db


def is_reading(call: object) -> bool:
    """Whether a dependency is the one of an endpoint's snapshot."""
    return call is _read_db


# None of these waits, so none needs a thread.
async def _database(request: Request) -> Database:
    return get_database(request)


async def _write_db(request: Request) -> SessionRequest:
    return SessionRequest(get_database(request), is_writing=True)


async def _read_db(request: Request) -> SessionRequest:
    return SessionRequest(get_database(request), is_writing=False)


DatabaseDep = Annotated[Database, Depends(_database)]
#: For endpoints that change something (and for views that are themselves audited).
DBDep = Annotated[Session, Depends(_write_db)]
#: For endpoints that only read: never blocks or waits for a writer.
ReadDBDep = Annotated[Session, Depends(_read_db)]
