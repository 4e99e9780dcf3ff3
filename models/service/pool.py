"""The workers: a few engines, each used by one thread at a time, and a bounded wait for them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from models.service.errors import ErrorCode, RefusalError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Engine = TypeVar("Engine")
Answer = TypeVar("Answer")
RETRY_AFTER_S = 2


class WorkerPool(Generic[Engine]):
    """Runs jobs off the event loop, as many at a time as there are engines."""

    def __init__(self, engines: Sequence[Engine], wait_s: float) -> None:
        """Start without threads; they come with the first jobs.

        Args:
            engines: one a worker.
            wait_s: longest wait for a worker, seconds.
        """
        self.size = len(engines)
        self._wait_s = wait_s
        self._free: SimpleQueue[Engine] = SimpleQueue()
        for engine in engines:
            self._free.put(engine)
        self._slots = asyncio.Semaphore(self.size)
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="ml-worker")

    async def run(self, job: Callable[[Engine], Answer]) -> Answer:
        """Run a job on a worker's thread with its engine.

        A caller who gives up does not free the worker; the end of the job does.

        Raises:
            RefusalError: OVERLOADED, no worker came free in time.
        """
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError as error:
            raise overloaded() from error
        work = partial(copy_context().run, self._work, job)  # log lines keep the correlation id
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(lambda _done: self._slots.release())
        return await asyncio.shield(future)

    def _work(self, job: Callable[[Engine], Answer]) -> Answer:
        engine = self._free.get_nowait()  # a slot is held, so one is free
        try:
            return job(engine)
        finally:
            self._free.put(engine)

    def close(self) -> None:
        """Wait for running jobs and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)


def overloaded() -> RefusalError:
    """Say that the service has no room now."""
    return RefusalError(
        ErrorCode.OVERLOADED, "The service is busy; try again.", retry_after_s=RETRY_AFTER_S
    )
