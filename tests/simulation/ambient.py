"""Replace time, chance, threads, disk errors and sockets of this process by the simulated ones.

Product code is not changed: it calls `time.monotonic`, `sqlite3.connect`, `os.fsync` and
`requests` as always, and the world answers for the machine whose code runs.
"""

import asyncio
import errno
import os
import random
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
import requests.adapters
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.simulation.errors import Suspended
from tests.simulation.world import Host, World

_OWN = ("kiosk.", "server.", "protocol.")
_real_time = time.time


class _Here:
    """The world of the run at hand; one at a time in a process."""

    world: World | None = None


def _host() -> Host | None:
    return _Here.world.host if _Here.world else None


def _clock_point(host: Host) -> None:
    """Crash here, perhaps; libraries ask for the time too, but not equally often in each run."""
    caller = sys._getframe(2).f_globals.get("__name__", "")
    if host.fuse is not None and caller.startswith(_OWN):
        host.point("clock")


def _now_s() -> float:
    host = _host()
    if host is not None:
        _clock_point(host)
        return host.wall().timestamp()
    return _Here.world.now.timestamp() if _Here.world else _real_time()


def _monotonic_s() -> float:
    host = _host()
    if host is not None:
        _clock_point(host)
        return host.monotonic_s()
    return _Here.world.now.timestamp() if _Here.world else 0.0


class _Kind(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class SimulatedDatetime(datetime, metaclass=_Kind):
    """`datetime` whose `now` is the machine's wall clock."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        host = _host()
        if host is not None:
            host.point("clock")
            return datetime.fromtimestamp(host.wall().timestamp(), tz)
        return datetime.fromtimestamp(_now_s(), tz)


class SimulatedConnection(sqlite3.Connection):
    """A database connection whose commits can crash, or fail because the disk is full."""

    host: Host | None = None
    path: Path

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql == "COMMIT":
            cursor: sqlite3.Cursor = self._committing(partial(super().execute, sql))
            return cursor
        return super().execute(sql, *parameters)

    def commit(self) -> None:
        if self.in_transaction:
            self._committing(super().commit)

    def _committing(self, commit: Callable[[], Any]) -> Any:
        host = self.host
        if host is None or _host() is None:
            return commit()
        host.point(f"before commit of {self.path.name}")
        if not host.has_room(self.path.with_name(self.path.name + ".reserve")):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            error.sqlite_errorname = "SQLITE_FULL"
            raise error
        outcome = commit()
        host.point(f"after commit of {self.path.name}")
        return outcome


def _connect(database: Any, *args: Any, **options: Any) -> sqlite3.Connection:
    connection = sqlite3.Connection.__new__(SimulatedConnection)
    connection.__init__(database, *args, **options)  # type: ignore[misc]
    host = _host()
    text = str(database).removeprefix("file://").partition("?")[0]
    connection.path = Path(text)
    connection.host = host
    if host is not None:
        host.connections.append(connection)
    return connection


def _on_disk(real: Callable[..., Any], name: str, *, needs_room: bool) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        host = _host()
        if host is None:
            return real(*args, **options)
        host.point(f"before {name}")
        if needs_room and host.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        outcome = real(*args, **options)
        host.point(f"after {name}")
        return outcome

    return call


def _wait(self: threading.Event, timeout: float | None = None) -> bool:
    del timeout
    if self.is_set():
        return True
    raise Suspended


async def _inline(call: Callable[..., Any], *args: Any, **_options: Any) -> Any:
    return call(*args)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs one request at a time; its clock is the world's."""

    def time(self) -> float:
        return _Here.world.now.timestamp() if _Here.world else _real_time()


@contextmanager
def simulated(world: World, exchange: Callable[..., requests.Response]) -> Iterator[None]:
    """Run product code in this world; everything is put back at the end.

    Args:
        world: answers for time and chance.
        exchange: carries an HTTP request of `requests` and returns its answer.
    """
    before = _Here.world
    with pytest.MonkeyPatch.context() as patch:
        _Here.world = world
        try:
            _replace_time(patch)
            _replace_chance(patch, world)
            _replace_threads(patch)
            _replace_disk(patch)
            patch.setattr(requests.adapters.HTTPAdapter, "send", _sender(exchange))
            yield
        finally:
            _Here.world = before


def _sender(exchange: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    def send(
        _self: object, request: requests.PreparedRequest, **_options: Any
    ) -> requests.Response:
        return exchange(request)

    return send


def _replace_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(time, "time", _now_s)
    patch.setattr(time, "time_ns", lambda: int(_now_s() * 1000) * 1_000_000)
    patch.setattr(time, "monotonic", _monotonic_s)
    patch.setattr(time, "clock_gettime", lambda _clock: _monotonic_s())
    for name, module in list(sys.modules.items()):
        if name.startswith(_OWN) and getattr(module, "datetime", None) is datetime:
            patch.setattr(module, "datetime", SimulatedDatetime)


def _replace_chance(patch: pytest.MonkeyPatch, world: World) -> None:
    noise = world.noise.randbytes
    patch.setattr(os, "urandom", noise)
    patch.setattr(random, "_urandom", noise)
    for kind in (Ed25519PrivateKey, X25519PrivateKey):
        patch.setattr(kind, "generate", lambda kind=kind: kind.from_private_bytes(noise(32)))


def _replace_threads(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(threading.Thread, "start", lambda _self: None)
    patch.setattr(threading.Thread, "join", lambda _self, timeout=None: None)
    patch.setattr(threading.Event, "wait", _wait)
    patch.setattr(
        threading.Condition, "wait_for", lambda _self, predicate, timeout=None: predicate()
    )
    patch.setattr(anyio.to_thread, "run_sync", _inline)


def _replace_disk(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sqlite3, "connect", _connect)
    patch.setattr(sqlite3.dbapi2, "connect", _connect)
    patch.setattr(os, "fsync", _on_disk(os.fsync, "fsync", needs_room=True))
    patch.setattr(os, "fdatasync", _on_disk(os.fdatasync, "fdatasync", needs_room=True))
    patch.setattr(os, "replace", _on_disk(os.replace, "replace", needs_room=False))
    reserve = _on_disk(os.posix_fallocate, "fallocate", needs_room=True)
    patch.setattr(os, "posix_fallocate", reserve)
