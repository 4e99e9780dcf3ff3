"""Whether the service could embed a face now: found out by doing it, on a drawn picture."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from models.errors import ModelsError
from models.service.errors import ErrorCode, RefusalError
from models.service.pool import RETRY_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.service.faces import FaceEngine
    from models.service.pool import WorkerPool

logger = logging.getLogger(__name__)
DEADLINE_S = 2.0
FRESH_S = 1.0


class Readiness:
    """Runs the test inference, one at a time, and keeps its outcome for a moment.

    Anybody may ask: however many do, they cost one inference of a few milliseconds each second.
    """

    def __init__(
        self,
        pool: WorkerPool[FaceEngine],
        *,
        deadline_s: float = DEADLINE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare, without running anything.

        Args:
            pool: whose workers are asked.
            deadline_s: longest wait for a worker and its answer together, seconds.
            clock: monotonic seconds.
        """
        self._pool = pool
        self._deadline_s = deadline_s
        self._clock = clock
        self._turn = asyncio.Lock()
        self._took_ms: float | None = None
        self._fault: str | None = None
        self._until = float("-inf")

    async def check(self) -> float:
        """Run a test inference, unless one has just been.

        Returns:
            How long it took with the wait for a worker, milliseconds.

        Raises:
            RefusalError: NOT_READY, with the reason.
        """
        async with self._turn:
            if self._clock() >= self._until:
                await self._ask()
                self._until = self._clock() + FRESH_S
        if self._took_ms is None:
            raise RefusalError(ErrorCode.NOT_READY, self._fault or "", retry_after_s=RETRY_AFTER_S)
        return self._took_ms

    async def _ask(self) -> None:
        started = self._clock()
        took_ms, fault = None, None
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._pool.run(lambda engine: engine.prove())
        except (TimeoutError, RefusalError):
            fault = f"No worker finished a test inference within {self._deadline_s:g} s."
        except ModelsError as error:
            logger.warning("a test inference failed: %s", error)
            fault = "The test inference failed; the log says why."
        else:
            took_ms = round((self._clock() - started) * 1000.0, 1)
        self._took_ms, self._fault = took_ms, fault
