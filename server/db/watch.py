"""Notice that a transaction of this process changed certain tables, once it is committed."""

import re
import threading
from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import Engine, event

_WRITES = re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) (\w+)")


class TableWatch:
    """Calls back after each commit of a thread that wrote to one of the tables.

    Every statement is looked at, so no writer can forget to tell. A transaction that was rolled
    back may lead to a call too.
    """

    def __init__(
        self, engine: Engine, is_watched: Callable[[str, str, str], bool], call: Callable[[], None]
    ) -> None:
        """Look at every statement from now on.

        Args:
            engine: whose statements.
            is_watched: asked with the verb, the table and the whole statement.
            call: what is called.
        """
        self._is_watched = is_watched
        self._call = call
        self._thread = threading.local()
        event.listen(engine, "before_cursor_execute", self._look)

    def committed(self) -> None:
        """Call back if this thread wrote to one of the tables since the last time."""
        if getattr(self._thread, "has_written", False):
            self._thread.has_written = False
            self._call()

    def _look(self, *given: Any) -> None:
        """Take the arguments of the event: connection, cursor, statement and more."""
        statement: str = given[2]
        found = _WRITES.match(statement)
        if found is not None and self._is_watched(found[1], found[2], statement):
            self._thread.has_written = True


def names(tables: Collection[Any]) -> frozenset[str]:
    """Return the names of table classes."""
    return frozenset(str(table.__tablename__) for table in tables)
