"""In which threads endpoints run: kiosks, readers, writers and passwords have separate ones.

A request waits for a thread as a coroutine, and holds nothing while it does: its transaction
begins and ends inside the thread. Many writers or many kiosks therefore never take the threads
that a page needs.

Each check of a password takes 19 MiB and a core for a moment. Their threads leave half of the cores
to everybody else, and a request that finds their queue full is refused at once: guessing may keep
others from signing in, but not from working.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from anyio.lowlevel import RunVar
from fastapi.concurrency import run_in_threadpool

from server.db.dependencies import SessionRequest, opened
from server.db.engine import READERS, WRITERS
from server.errors import DatabaseBusyError, SignInBusyError
from server.web.once import call_once

T = TypeVar("T")
E = TypeVar("E", bound=Callable[..., Any])

#: What kiosks call over and over, all of them at once after a restart.
_DEVICE_PATHS = ("/api/v1/sync/", "/api/v1/kiosk/")
#: Kiosks give up reading an answer after 30 s, browsers a little later: work beyond this is wasted.
_QUEUE_S = 60.0


class ThreadLane(StrEnum):
    """Who shares threads."""

    DEVICES = "devices"
    READERS = "readers"
    WRITERS = "writers"
    PASSWORDS = "passwords"


#: Threads of each lane. Those of devices are few: most of their work is computation, and more
#: threads would only slow each other and the pages down.
_THREADS = {
    ThreadLane.DEVICES: READERS // 4,
    ThreadLane.READERS: READERS - READERS // 4,
    ThreadLane.WRITERS: WRITERS,
    ThreadLane.PASSWORDS: max(1, min(4, len(os.sched_getaffinity(0)) // 2)),
}
#: Requests that may wait for a thread that checks passwords. At 30 ms each the last one waits for a
#: second.
_PASSWORDS_WAITING = 32
#: How many of them may come from one browser or address, so that none fills the queue alone.
_WAITING_OF_ONE = _PASSWORDS_WAITING // 4
_LANE = "thread_lane"
_limiters: RunVar[dict[ThreadLane, CapacityLimiter]] = RunVar("lanes")
_held: RunVar[Counter[str]] = RunVar("waiting_of_one")


async def run_in_lane(lane: ThreadLane, work: Callable[[], T], *, holder: str = "") -> T:
    """Run something in a thread of a lane; those that wait get one in order of arrival.

    Args:
        lane: whose threads.
        work: what to run.
        holder: where a guess at a password comes from; only few of one place may wait.

    Raises:
        DatabaseBusyError: no thread came free in time.
        SignInBusyError: too many wait for one that checks passwords.
    """
    limiter = _limiter(lane)
    is_full = limiter.statistics().tasks_waiting >= _PASSWORDS_WAITING
    if lane is ThreadLane.PASSWORDS and is_full:
        raise SignInBusyError
    turn = object()
    try:
        with _place_of(holder), fail_after(_QUEUE_S):
            await limiter.acquire_on_behalf_of(turn)
    except TimeoutError:
        raise DatabaseBusyError from None
    try:
        return await to_thread.run_sync(work, limiter=CapacityLimiter(1))
    finally:
        limiter.release_on_behalf_of(turn)


@contextmanager
def _place_of(holder: str) -> Iterator[None]:
    """Hold one of the places in which those of one holder wait; nobody in particular has no limit.

    Raises:
        SignInBusyError: all of them are taken.
    """
    try:
        held = _held.get()
    except LookupError:
        held = Counter()
        _held.set(held)
    if holder and held[holder] >= _WAITING_OF_ONE:
        raise SignInBusyError
    held[holder] += 1
    try:
        yield
    finally:
        held[holder] -= 1
        if not held[holder]:
            del held[holder]


def hashes_passwords(endpoint: E) -> E:
    """Let an endpoint run in the threads that check and hash passwords."""
    setattr(endpoint, _LANE, ThreadLane.PASSWORDS)
    return endpoint


def threaded(path: str, endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an endpoint so that it runs in its lane, with its transaction around it.

    Args:
        path: of the route, with its prefix.
        endpoint: a coroutine function is returned as it is.
    """
    if iscoroutinefunction(endpoint):
        return endpoint
    fixed = ThreadLane.DEVICES if path.startswith(_DEVICE_PATHS) else getattr(endpoint, _LANE, None)

    @wraps(endpoint)
    async def call(**values: Any) -> Any:
        lane = fixed or _lane_of(values)
        if lane is None:
            return await run_in_threadpool(endpoint, **values)
        return await run_in_lane(lane, partial(_call, endpoint, values))

    return call


def _call(endpoint: Callable[..., Any], values: dict[str, Any]) -> Any:
    with opened(values) as arguments:
        return call_once(endpoint, arguments)


def _lane_of(values: dict[str, Any]) -> ThreadLane | None:
    asked = [one.is_writing for one in values.values() if isinstance(one, SessionRequest)]
    if not asked:
        return None
    return ThreadLane.WRITERS if any(asked) else ThreadLane.READERS


def _limiter(lane: ThreadLane) -> CapacityLimiter:
    """Return the limiter of a lane in this event loop."""
    try:
        found = _limiters.get()
    except LookupError:
        found = {one: CapacityLimiter(count) for one, count in _THREADS.items()}
        _limiters.set(found)
    return found[lane]
