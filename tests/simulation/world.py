"""One timeline for all machines: virtual time, one seeded scheduler, and the trace of a run."""

import hashlib
import heapq
import itertools
import random
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.simulation.errors import Crash

if TYPE_CHECKING:
    import sqlite3

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # a Monday
TRACE_KEPT = 400


class World:
    """Time, chance and order of everything in one run.

    Attributes:
        now: true time, which no machine sees.
        chance: every decision of the run is drawn from it.
        host: the machine whose code runs; None for the simulation's code.
        tail: the last lines of the trace.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed = seed
        self.folder = folder
        self.now = START
        self.chance = random.Random(seed)
        self.noise = random.Random(seed ^ 0x5EED)
        self.host: Host | None = None
        self.steps = 0
        self.tail: deque[str] = deque(maxlen=TRACE_KEPT)
        self._hash = hashlib.sha256()
        self._numbers = itertools.count()
        self._queue: list[tuple[datetime, int, str, Callable[[], None]]] = []

    @property
    def digest(self) -> str:
        """Hash of the whole trace: equal for equal runs."""
        return self._hash.hexdigest()

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        who = self.host.name if self.host else "world"
        line = f"{self.now:%d %H:%M:%S}.{self.now.microsecond // 1000:03} {who}: {text}"
        self._hash.update(line.encode())
        self.tail.append(line)

    def later(self, delay_s: float, label: str, action: Callable[[], None]) -> None:
        """Do something after a delay of virtual seconds."""
        self.at(self.now + timedelta(seconds=max(delay_s, 0.0)), label, action)

    def at(self, moment: datetime, label: str, action: Callable[[], None]) -> None:
        """Do something at a moment of true time."""
        heapq.heappush(self._queue, (moment, next(self._numbers), label, action))

    def run_until(self, moment: datetime) -> None:
        """Do everything that is due by a moment, in order."""
        while self._queue and self._queue[0][0] <= moment:
            due, _, _label, action = heapq.heappop(self._queue)
            self.now = max(self.now, due)
            self.steps += 1
            action()
        self.now = max(self.now, moment)

    def pass_time(self, seconds: float) -> None:
        """Let time pass inside a step, as a call over the network does."""
        self.now += timedelta(seconds=seconds)

    def happens(self, probability: float) -> bool:
        """Draw one decision."""
        return self.chance.random() < probability


class Host:
    """A machine with a folder, clocks, a disk, and a process that can be killed at any point.

    Attributes:
        wall_offset: wall clock minus true time.
        fuse: how many points from now the process crashes; None where it does not.
        is_full: the disk is full.
        incarnation: counts starts; work scheduled for an earlier one is void.
    """

    def __init__(self, world: World, name: str, folder: Path) -> None:
        self.world = world
        self.name = name
        self.folder = folder
        self.wall_offset = timedelta(0)
        self.booted_at = world.now
        self.fuse: int | None = None
        self.is_full = False
        self.allowance = 0
        self.is_up = False
        self.incarnation = 0
        self.connections: list[sqlite3.Connection] = []
        self._frozen: Path | None = None

    def wall(self) -> datetime:
        """What this machine's clock says."""
        return self.world.now + self.wall_offset

    def monotonic_s(self) -> float:
        """Seconds since this machine was switched on, plus a minute."""
        return (self.world.now - self.booted_at).total_seconds() + 60.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run code of this machine."""
        before, self.world.host = self.world.host, self
        try:
            yield
        finally:
            self.world.host = before

    def point(self, name: str) -> None:
        """Mark a place where a crash may happen: a call of clock, store or transport."""
        if self.fuse is None:
            return
        self.fuse -= 1
        if self.fuse <= 0:
            self.fuse = None
            self.world.note(f"{self.name} crashes at {name}")
            self.freeze()
            raise Crash(self.name, name)

    def freeze(self) -> None:
        """Remember the files as they are: what runs while the crash unwinds cannot change them."""
        self._frozen = self.folder.with_name(f"{self.folder.name}.frozen")
        copy_folder(self.folder, self._frozen)

    def thaw(self) -> None:
        """Put the files back as they were at the crash."""
        if self._frozen is not None:
            copy_folder(self._frozen, self.folder)
            self._frozen = None

    def has_room(self, held_back: Path | None) -> bool:
        """Whether the disk takes one more commit; a released reserve gives room for a few."""
        if not self.is_full:
            return True
        if held_back is None or held_back.exists() or self.allowance <= 0:
            return False
        self.allowance -= 1
        return True

    def close_files(self) -> None:
        """Close every database that the process had open."""
        for connection in self.connections:
            connection.close()
        self.connections.clear()


def copy_folder(source: Path, target: Path) -> None:
    """Copy a folder over another; shared-memory files are left out, SQLite makes them anew."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*-shm"))
