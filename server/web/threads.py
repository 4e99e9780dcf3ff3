"""In which threads endpoints run: kiosks, readers and writers have separate ones.

A request waits for a thread as a coroutine, and holds nothing while it does: its transaction
begins and ends inside the thread. Many writers or many kiosks therefore never take the threads
that a page needs.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from anyio import CapacityLimiter, fail_after, to_thread
from anyio.lowlevel import RunVar
from fastapi.concurrency import run_in_threadpool

from server.db.dependencies import SessionRequest, opened
from server.db.engine import READERS, WRITERS
from server.errors import DatabaseBusyError

T = TypeVar("T")

#: What kiosks call over and over, all of them at once after a restart.
_DEVICE_PATHS = ("/api/v1/sync/", "/api/v1/kiosk/")
#: Kiosks give up reading an answer after 30 s, browsers a little later: work beyond this is wasted.
_QUEUE_S = 60.0


class ThreadLane(StrEnum):
    """Who shares threads."""

    DEVICES = "devices"
    READERS = "readers"
    WRITERS = "writers"


#: Threads of each lane. Those of devices are few: most of their work is computation, and more
#: threads would only slow each other and the pages down.
_THREADS = {
    ThreadLane.DEVICES: READERS // 4,
    ThreadLane.READERS: READERS - READERS // 4,
    ThreadLane.WRITERS: WRITERS,
}
_limiters: RunVar[dict[ThreadLane, CapacityLimiter]] = RunVar("lanes")


async def run_in_lane(lane: ThreadLane, work: Callable[[], T]) -> T:
    """Run something in a thread of a lane; those that wait get one in order of arrival.

    Raises:
        DatabaseBusyError: no thread came free in time.
    """
    limiter = _limiter(lane)
    turn = object()
    try:
        with fail_after(_QUEUE_S):
            await limiter.acquire_on_behalf_of(turn)
    except TimeoutError:
        raise DatabaseBusyError from None
    try:
        return await to_thread.run_sync(work, limiter=CapacityLimiter(1))
    finally:
        limiter.release_on_behalf_of(turn)


def threaded(path: str, endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap an endpoint so that it runs in its lane, with its transaction around it.

    Args:
        path: of the route, with its prefix.
        endpoint: a coroutine function is returned as it is.
    """
    if iscoroutinefunction(endpoint):
        return endpoint
    is_of_devices = path.startswith(_DEVICE_PATHS)

    @wraps(endpoint)
    async def call(**values: Any) -> Any:
        lane = ThreadLane.DEVICES if is_of_devices else _lane_of(values)
        if lane is None:
            return await run_in_threadpool(endpoint, **values)
        return await run_in_lane(lane, partial(_call, endpoint, values))

    return call


def _call(endpoint: Callable[..., Any], values: dict[str, Any]) -> Any:
    with opened(values) as arguments:
        return endpoint(**arguments)


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
