"""The workers: a few engines, each used by one thread at a time, and a bounded wait for them."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from models.service.errors import ErrorCode, RefusalError
from models.service.sharing import Engine, Job, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

Answer = TypeVar("Answer")
RETRY_AFTER_S = 2


class _Free(Generic[Engine]):
    """The engines that nobody uses. For any thread."""

    def __init__(self, engines: Sequence[Engine]) -> None:
        self._engines = list(engines)
        self._waiting = 0
        self._changed = threading.Condition()

    def get(self, timeout: float | None = None) -> Engine:
        """Take one, waiting for it."""
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: self._engines, timeout)
            self._waiting -= 1
            return self._engines.pop()

    def spare(self) -> Engine | None:
        """Take one that nobody waits for."""
        with self._changed:
            return None if self._waiting or not self._engines else self._engines.pop()

    def put(self, engine: Engine) -> None:
        """Give one back."""
        with self._changed:
            self._engines.append(engine)
            self._changed.notify()


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
        self._free = _Free(engines)
        self._slots = asyncio.Semaphore(self.size)
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="ml-worker")
        self._helpers = ThreadPoolExecutor(self.size, thread_name_prefix="ml-helper")

    async def run(self, job: Job[Engine, Answer]) -> Answer:
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

    def share(self, engine: Engine, jobs: Sequence[Job[Engine, Part]]) -> list[Part]:
        """Run the parts of a job, on its own engine and on idle ones.

        Args:
            engine: of the job that asks, in its thread.
            jobs: parts that do not depend on each other, a few milliseconds each: another request
                that arrives meanwhile waits for the end of one part.

        Returns:
            Their answers, in order.
        """
        answers: dict[int, Part] = {}
        todo = deque(enumerate(jobs))
        count = min(self.size, len(jobs)) - 1
        helpers = [
            self._helpers.submit(copy_context().run, self._help, todo, answers)
            for _ in range(count)
        ]
        try:
            while _do_next(engine, todo, answers):
                pass
        finally:
            todo.clear()  # where one failed, the rest is not wanted
            for helper in helpers:
                if not helper.cancel():
                    helper.result()
        return [answers[number] for number in range(len(jobs))]

    def _help(self, todo: deque[tuple[int, Job[Engine, Part]]], answers: dict[int, Part]) -> None:
        has_more = True
        while has_more and (engine := self._free.spare()) is not None:
            try:
                has_more = _do_next(engine, todo, answers)
            finally:
                self._free.put(engine)

    def _work(self, job: Job[Engine, Answer]) -> Answer:
        engine = self._free.get()  # a slot is held, so one is free, or will be in a moment
        try:
            return job(engine)
        finally:
            self._free.put(engine)

    def close(self) -> None:
        """Wait for running jobs and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._helpers.shutdown(wait=True)


def _do_next(
    engine: Engine,
    todo: deque[tuple[int, Job[Engine, Part]]],
    answers: dict[int, Part],
) -> bool:
    """Do one part; False where there is none left."""
    try:
        number, job = todo.popleft()
    except IndexError:
        return False
    answers[number] = job(engine)
    return True


def overloaded() -> RefusalError:
    """Say that the service has no room now."""
    return RefusalError(
        ErrorCode.OVERLOADED, "The service is busy; try again.", retry_after_s=RETRY_AFTER_S
    )
