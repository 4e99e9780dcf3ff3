"""Kill a process in the middle of a migration, as a power cut does."""

import os
import signal
from collections.abc import Callable
from contextlib import closing
from typing import Any

from sqlalchemy import event

from server.db.engine import Database
from server.migrations import runner

#: Says whether the process ends before a statement of this number and these words.
IsLast = Callable[[int, str], bool]


def killed_at(url: str, is_last: IsLast) -> bool:
    """Migrate in a child process that kills itself before a statement; whether it did."""
    child = os.fork()
    if child == 0:
        try:
            _migrate(url, is_last)
        finally:
            os._exit(0)
    _child, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _migrate(url: str, is_last: IsLast) -> None:
    with closing(Database(url)) as database:
        number = 0

        def count(
            _connection: Any, _cursor: Any, words: str, _values: Any, _context: Any, _many: bool
        ) -> None:
            nonlocal number
            number += 1
            if is_last(number, words):
                os.kill(os.getpid(), signal.SIGKILL)

        event.listen(database.engine, "before_cursor_execute", count)
        runner.upgrade(database)
