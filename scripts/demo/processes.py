"""Run the demo's processes: one log with prefixes, health checks, and nothing left behind."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

_COLOURS = {"server": 34, "ml": 35, "broker": 33, "kiosk": 32, "demo": 36}
_STOP_S = 10.0
_SETTINGS = ("ROLLCALL_SERVER_", "ROLLCALL_ML_", "ROLLCALL_KIOSK_", "ML_SERVICE_")


class DemoError(Exception):
    """The demo cannot go on; the message says why in one sentence."""


def require_free_port(port: int, owner: str) -> None:
    """Name the port when something else holds it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as exc:
            raise DemoError(
                f"port {port}, which the {owner} needs, is taken by another program; "
                f"end it, or choose another: make demo ARGS=--{owner}-port=N"
            ) from exc


def answers(url: str) -> bool:
    """Whether `url` answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - our own loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def listens(port: int) -> bool:
    """Whether something accepts connections on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass
class Supervisor:
    """Starts processes in their own groups and ends all of them."""

    log_path: Path
    echo: bool = True
    _children: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    _orders: dict[str, tuple[list[str], dict[str, str]]] = field(default_factory=dict)
    _pumps: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _log: TextIO | None = None

    def start(self, name: str, args: Sequence[str], env: Mapping[str, str]) -> None:
        """Start one process; its lines appear in the log behind its name."""
        self._orders[name] = (list(args), dict(env))
        child = subprocess.Popen(
            list(args),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**_environment(), **env},
            start_new_session=True,
            text=True,
            errors="replace",
        )
        self._children[name] = child
        pump = threading.Thread(target=self._pump, args=(name, child), daemon=True)
        self._pumps.append(pump)
        pump.start()

    def _pump(self, name: str, child: subprocess.Popen[str]) -> None:
        assert child.stdout is not None
        with child.stdout as lines:
            for line in lines:
                self.say(name, line.rstrip("\n"))

    def say(self, name: str, line: str) -> None:
        """Write one line of `name` to the log file and, if echoing, to the terminal."""
        with self._lock:
            if self._log is None:
                self._log = self.log_path.open("a", encoding="utf-8")
            self._log.write(f"{name:<7}| {line}\n")
            self._log.flush()
            if self.echo:
                sys.stdout.write(f"{_prefix(name)} {line}\n")
                sys.stdout.flush()

    def wait_healthy(self, name: str, is_healthy: Callable[[], bool], timeout_s: float) -> None:
        """Block until `is_healthy`; raise DemoError when the process ends or is too slow."""
        deadline = time.monotonic() + timeout_s
        pause = threading.Event()
        while not is_healthy():
            status = self._children[name].poll()
            if status is not None:
                raise DemoError(f"the {name} ended with status {status}; see {self.log_path}")
            if time.monotonic() > deadline:
                raise DemoError(f"the {name} was not ready after {timeout_s:.0f} s")
            pause.wait(0.1)

    def kill(self, name: str) -> None:
        """End one process and its children at once, as a power cut would."""
        _signal(self._children[name], signal.SIGKILL)
        self._children[name].wait()

    def restart(self, name: str) -> None:
        """Start a process again, exactly as it was started before."""
        self.start(name, *self._orders[name])

    def wait_ended(self, name: str, timeout_s: float) -> int:
        """Wait for a process to end by itself; its exit status."""
        try:
            return self._children[name].wait(timeout_s)
        except subprocess.TimeoutExpired as exc:
            raise DemoError(f"the {name} was still running after {timeout_s:.0f} s") from exc

    def ended_within(self, timeout_s: float) -> str | None:
        """Wait until one of the processes has ended; its name, None if none has by then."""
        pause = threading.Event()
        deadline = time.monotonic() + timeout_s
        while True:
            for name, child in self._children.items():
                if child.poll() is not None:
                    return name
            if time.monotonic() > deadline:
                return None
            pause.wait(0.1)

    def stop_all(self) -> None:
        """Ask every group to end, in reverse order of start, then make sure of it."""
        for child in reversed(self._children.values()):
            _signal(child, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        for child in reversed(self._children.values()):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(0.1, deadline - time.monotonic()))
            _signal(child, signal.SIGKILL)
            child.wait()
        for pump in self._pumps:
            pump.join()
        if self._log is not None:
            self._log.close()


def _environment() -> dict[str, str]:
    """The caller's environment without the settings of an installation: its database, its keys."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


def _signal(child: subprocess.Popen[str], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def _prefix(name: str) -> str:
    if not sys.stdout.isatty():
        return f"{name:<7}|"
    return f"\033[{_COLOURS.get(name, 37)}m{name:<7}|\033[0m"


@contextlib.contextmanager
def libraries_write_to(log_path: Path) -> Iterator[None]:
    """Send to the log what libraries of C write past Python to standard error."""
    sys.stderr.flush()
    standard = os.dup(2)
    with log_path.open("ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(standard, 2)
        os.close(standard)


def console_script(name: str) -> str:
    """Path of one of our console scripts in this environment."""
    path = shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        raise DemoError(f"{name} is not installed beside {sys.executable}; run scripts/bootstrap")
    return path
