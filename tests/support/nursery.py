"""A nursery: a process that has loaded a program once, and forks for each start of it.

The server needs four seconds of CPU to load its code, kiosk and recognition service two, and tests
start them hundreds of times. What is forked is a process like any other: its own pid and process
group, its own environment, its log; it ends by the same signals and with the same status.
"""

import atexit
import importlib
import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: Programs that are slow to load: the modules to load, the command's own last.
_PROGRAMS = {
    str(Path(sys.executable).with_name(name)): modules
    for name, modules in {
        "rollcall-server": ["server.main"],
        "rollcall-ml": ["models.service.main"],
        "rollcall-kiosk": ["kiosk.app.main", "kiosk.__main__"],
    }.items()
}
#: What the interpreter or the loader reads before any code of ours runs.
_READ_AT_START = ("PYTHON", "LD_")
_MESSAGE_BYTES = 1 << 18
_started: "dict[str, Nursery]" = {}


class Child(Protocol):
    """What a test needs of a child process; `subprocess.Popen` has it too."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal; None while it runs, and before it was asked for."""

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises `subprocess.TimeoutExpired`."""


def start(args: Sequence[str], env: Mapping[str, str], log: int) -> Child:
    """Start a program in a new session. All that it prints goes to one file descriptor."""
    changed = {key for key in {*env, *os.environ} if env.get(key) != os.environ.get(key)}
    if args[0] in _PROGRAMS and not any(key.startswith(_READ_AT_START) for key in changed):
        if args[0] not in _started:
            _started[args[0]] = Nursery(_PROGRAMS[args[0]])
        return _started[args[0]].start(args, env, log)
    return subprocess.Popen(
        list(args),
        stdout=log,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=dict(env),
        start_new_session=True,
    )


@dataclass
class Forked:
    """A child of a nursery, whose end the nursery reports."""

    args: Sequence[str]
    pid: int
    returncode: int | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        if not self.ended.wait(timeout):
            raise subprocess.TimeoutExpired(list(self.args), timeout or 0.0)
        assert self.returncode is not None
        return self.returncode


class Nursery:
    """This side of the process that forks. Safe to share between threads."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno())]
        self._process = subprocess.Popen(
            [*command, *modules],
            pass_fds=[theirs.fileno()],
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
        theirs.close()
        self._asking = threading.Lock()
        self._answered: list[int] = []
        self._has_answered = threading.Event()
        self._children: dict[int, Forked] = {}
        self._reader = threading.Thread(target=self._read, name="nursery", daemon=True)
        self._reader.start()
        atexit.register(self.close)

    def start(self, args: Sequence[str], env: Mapping[str, str], log: int) -> Forked:
        """Fork; see the function of this name."""
        asked = json.dumps({"args": list(args), "env": dict(env), "folder": str(Path.cwd())})
        with self._asking:
            self._has_answered.clear()
            self._begun = Forked(args, 0)
            socket.send_fds(self._ours, [asked.encode()], [log])
            if not self._has_answered.wait(60):
                raise RuntimeError("the nursery does not answer")
            return self._begun

    def close(self) -> None:
        """End it; its children go on."""
        self._ours.shutdown(socket.SHUT_RDWR)
        self._process.wait(10)
        self._reader.join(10)
        self._ours.close()

    def _read(self) -> None:
        while text := self._ours.recv(_MESSAGE_BYTES):
            told = json.loads(text)
            if "started" in told:
                self._begun.pid = told["started"]
                self._children[self._begun.pid] = self._begun
                self._has_answered.set()
            else:
                child = self._children.pop(told["ended"])
                child.returncode = told["status"]
                child.ended.set()


def _serve(link: socket.socket, modules: Sequence[str]) -> None:
    """Fork on request, and report ends, until the other side is gone. Returns in each child."""
    main: Callable[[], Any] = [importlib.import_module(name) for name in modules][-1].main
    woken, waker = socket.socketpair()
    woken.settimeout(0)
    waker.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(waker.fileno())
    with selectors.DefaultSelector() as selector:
        selector.register(link, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _report(link)
            if link not in ready:
                continue
            text, files, _, _ = socket.recv_fds(link, _MESSAGE_BYTES, 1)
            if not text:
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for mine in (link, woken, waker):
                    mine.close()
                break
            os.close(files[0])
            link.send(json.dumps({"started": pid}).encode())
    _become(json.loads(text), files[0])
    sys.exit(main())


def _report(link: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        told = {"ended": pid, "status": os.waitstatus_to_exitcode(status)}
        link.send(json.dumps(told).encode())


def _become(asked: dict[str, Any], log: int) -> None:
    """Be the process that was asked for, as if it had just been started."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["folder"])
    time.tzset()
    random.seed()
    sys.argv = asked["args"]
    sys.orig_argv = [sys.executable, *asked["args"]]  # what a kiosk starts itself again with


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
