"""Make the engine: SQLite that survives a power cut, or PostgreSQL."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from server.config import SchoolZone
from server.db.address import parsed_address
from server.db.full import is_disk_full
from server.db.lock import MIGRATION_LOCK
from server.db.private import private_file
from server.db.turns import Turns
from server.db.watch import TableWatch
from server.db.zone import zone_entry

BUSY_TIMEOUT_MS = 5000
#: Threads of requests that may read or write at a time (`server.web.threads`), and what remains
#: for guards, jobs and the broker. Every thread that needs a connection gets one at once.
READERS, WRITERS, _OTHERS = 16, 8, 16
_CONNECTIONS = READERS + WRITERS + _OTHERS
_KEPT_CONNECTIONS = 10
_READ_ONLY = "rollcall_read_only"
#: How long a refused write counts as "the disk is full" when nothing was written since.
_FULL_FOR_S = 60.0
#: Longer than anything holds the write lock; who waits this long meets a fault, not a queue.
_TURN_WAIT_S = 30.0


class Database:
    """The engine and the two ways to talk through it. Safe to share between threads.

    Attributes:
        engine: the SQLAlchemy engine.
        is_sqlite: whether the database is SQLite.
        turns: in which order the writers of this process write to SQLite.
        turn_wait_s: the longest wait for a turn, seconds.

    Args:
        url: where it is, in SQLAlchemy's words.
        zone: asks for the school's time zone, which sessions know then (`zone_of`); None for
            commands that do without.
    """

    def __init__(self, url: str, *, zone: SchoolZone | None = None) -> None:
        self.engine = make_engine(url)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        self.turns = Turns()
        self.turn_wait_s = _TURN_WAIT_S
        self._reader = self.engine.execution_options(**{_READ_ONLY: True})
        self._full_at_s: float | None = None
        self._watches: list[TableWatch] = []
        self._info = zone_entry(zone)

    @contextmanager
    def transaction(self, wait_s: float | None = None) -> Iterator[Session]:
        """One transaction: commits when the block ends, rolls back when it raises.

        On SQLite writers take turns, and one takes the write lock at its first statement, so it
        never fails half way because it cannot get the lock.

        Args:
            wait_s: longest wait for the turn on SQLite, seconds; None: `turn_wait_s`.

        Raises:
            OperationalError: the turn did not come in time, or the database refuses.
        """
        with self._turn(self.turn_wait_s if wait_s is None else wait_s), self._noting_room():
            with Session(self.engine, expire_on_commit=False, info=self._info) as db, db.begin():
                written = self._watch_for_room(db)
                yield db
            if written:
                self._full_at_s = None
        for one in self._watches:
            one.committed()

    def watch(self, is_watched: Callable[[str, str, str], bool], call: Callable[[], None]) -> None:
        """Call back after each commit of this process that wrote something; see `TableWatch`."""
        self._watches.append(TableWatch(self.engine, is_watched, call))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One snapshot for reading. Nothing is ever committed, and writers are not blocked."""
        with Session(self._reader, expire_on_commit=False, info=self._info) as db:
            yield db

    @contextmanager
    def snapshot(self, *, is_migrating: bool = False) -> Iterator[Connection]:
        """The whole database as of one moment, for minutes. Writers go on, migrations wait.

        Args:
            is_migrating: whether the caller holds the lock of migrations.
        """
        with ExitStack() as stack:
            reader = self._reader
            if not self.is_sqlite:
                # On another connection: the moment is that of the first statement, before its wait.
                if not is_migrating:
                    guard = stack.enter_context(self._reader.connect())
                    shared = text("SELECT pg_advisory_xact_lock_shared(:n)")
                    guard.execute(shared, {"n": MIGRATION_LOCK})
                reader = reader.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            yield stack.enter_context(reader.connect())

    @property
    def was_full_lately(self) -> bool:
        """Whether a write failed within the last minute because a disk was full."""
        return self._full_at_s is not None and time.monotonic() - self._full_at_s < _FULL_FOR_S

    @contextmanager
    def _turn(self, wait_s: float) -> Iterator[None]:
        """Wait for the other writers of this process, on SQLite."""
        with ExitStack() as stack:
            if self.is_sqlite:
                try:
                    stack.enter_context(self.turns.taken(wait_s))
                except TimeoutError as exc:
                    locked = sqlite3.OperationalError("database is locked")
                    raise OperationalError("BEGIN IMMEDIATE", None, locked) from exc
            yield

    @contextmanager
    def _noting_room(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            if is_disk_full(exc):
                self._full_at_s = time.monotonic()
            raise

    def _watch_for_room(self, db: Session) -> list[object]:
        """Return a list that gets an entry when something is written, if the disk was full."""
        written: list[object] = []
        if self._full_at_s is not None:
            event.listen(db, "after_flush", lambda session, _: written.append(session))
        return written

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def make_engine(url: str) -> Engine:
    """Open the database; nothing is connected yet. A new SQLite file is for its owner only.

    Raises:
        ConfigurationError: the address cannot be read.
    """
    address = parsed_address(url)
    sizes = {"pool_size": _KEPT_CONNECTIONS, "max_overflow": _CONNECTIONS - _KEPT_CONNECTIONS}
    if address.get_backend_name() == "sqlite":
        engine = create_engine(address, hide_parameters=True, **sizes)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        if engine.url.database not in (None, "", ":memory:"):
            private_file(Path(engine.url.database))
        return engine
    return create_engine(address, pool_pre_ping=True, hide_parameters=True, **sizes)


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # The driver's own transaction handling is switched off; _begin_sqlite replaces it.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    # Deleted photos and templates are overwritten, not just unlinked.
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
