"""Ask the database and the disk how they are, without ever keeping the asker waiting."""

import asyncio
import logging
import time
from dataclasses import dataclass

from anyio import CapacityLimiter, to_thread
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from server.config import Settings
from server.db.engine import Database
from server.web.disk import Disk, disk_of

_logger = logging.getLogger(__name__)

_ANSWER_S = 1.0
#: Reads a table: a database whose file or tables are locked does not answer it.
_QUESTION = text("SELECT version_num FROM alembic_version")
#: A database that has not answered for this long is down, not slow.
_SLOW_FOR_S = 10.0


@dataclass(frozen=True)
class VitalSigns:
    """What is known now.

    Attributes:
        database: up, down, or slow where the question asked last is not answered yet.
        disk: as of the last answer; None: there was none yet.
    """

    database: str
    disk: Disk | None


class Vitals:
    """Asks in one thread that is kept for this; one question at a time for all callers.

    Args:
        database: asked whether it answers.
        settings: say where the data folder is.
    """

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._limiter = CapacityLimiter(1)
        self._question: asyncio.Task[None] | None = None
        self._last = VitalSigns("slow", None)
        self._answered_at_s = time.monotonic()

    async def look(self) -> VitalSigns:
        """Return how database and disk are; takes at most a second."""
        if self._question is None or self._question.done():
            self._question = asyncio.create_task(self._ask())
        answered, _ = await asyncio.wait({self._question}, timeout=_ANSWER_S)
        if answered:
            return self._last
        is_down = time.monotonic() - self._answered_at_s > _SLOW_FOR_S
        return VitalSigns("down" if is_down else "slow", self._last.disk)

    async def _ask(self) -> None:
        self._last = await to_thread.run_sync(
            self._signs, limiter=self._limiter, abandon_on_cancel=True
        )
        self._answered_at_s = time.monotonic()

    def _signs(self) -> VitalSigns:
        try:
            with self._database.reading() as db:
                db.execute(_QUESTION)
            answer = "up"
        except SQLAlchemyError:
            _logger.exception("database check failed")
            answer = "down"
        try:
            disk = disk_of(self._database, self._settings)
        except OSError:
            _logger.exception("disk check failed")
            disk = None
        return VitalSigns(answer, disk)
