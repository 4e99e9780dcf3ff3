"""Start real processes for a test and leave none behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.nursery import Child, start
from tests.support.waiting import wait_until

BIN = Path(sys.executable).parent


@dataclass
class Process:
    """One child process, its whole process group and its log file."""

    args: Sequence[str]
    log_path: Path
    env: Mapping[str, str] = field(default_factory=dict)
    _child: Child | None = None

    @property
    def pid(self) -> int:
        """Process id of the running child."""
        assert self._child is not None
        return self._child.pid

    @property
    def log(self) -> str:
        """Everything it has printed so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def start(self, ready: Callable[[], bool], *, timeout_s: float = 60.0) -> "Process":
        """Start it (again) and wait until `ready` is true."""
        with self.log_path.open("ab") as log:
            self._child = start(self.args, {**os.environ, **self.env}, log.fileno())
        wait_until(lambda: self._ready_or_dead(ready), what=f"{self.args[0]}", timeout_s=timeout_s)
        return self

    def _ready_or_dead(self, ready: Callable[[], bool]) -> bool:
        assert self._child is not None
        if self._child.poll() is not None:
            raise RuntimeError(f"{self.args[0]} ended with {self._child.returncode}:\n{self.log}")
        return ready()

    def is_running(self) -> bool:
        """Whether the child has not ended yet."""
        return self._child is not None and self._child.poll() is None

    def kill(self) -> None:
        """SIGKILL to the whole process group, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self, timeout_s: float = 15.0) -> int | None:
        """SIGTERM, then SIGKILL for what stays; returns the exit status."""
        if self._child is None:
            return None
        self._signal(signal.SIGTERM, wait=False)
        try:
            self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
        return self._child.returncode

    def wait(self, timeout_s: float) -> int:
        """Wait for it to end by itself; returns the exit status."""
        assert self._child is not None
        return self._child.wait(timeout_s)

    def _signal(self, number: signal.Signals, *, wait: bool = True) -> None:
        if self._child is None:
            return
        try:
            os.killpg(self._child.pid, number)
        except ProcessLookupError:
            return
        if wait:
            self._child.wait(15)


@contextmanager
def running(
    args: Sequence[str],
    *,
    log_path: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    timeout_s: float = 60.0,
) -> Iterator[Process]:
    """A process that is up inside the block and gone after it."""
    process = Process(args, log_path, env or {})
    try:
        yield process.start(ready, timeout_s=timeout_s)
    finally:
        process.stop()
        process.kill()
