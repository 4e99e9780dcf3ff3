"""The test's end of a kiosk process: start it, tell it what to record, cut its power."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
_PROGRAM = Path(__file__).with_name("kiosk_process.py")


@dataclass(frozen=True)
class Mark:
    """One event that a kiosk said is recorded."""

    id: str
    seq: int
    person: str
    lesson: str


@dataclass
class KioskProcess:
    """A kiosk process on one data folder.

    Attributes:
        folder: its data folder.
        server_url: where it finds the server, or what stands before it.
        code: its claim code.
        journal: what it said is recorded; outside of the data folder, so no fault touches it.
        clock_library: shifts its wall clock; None: as it is.
    """

    folder: Path
    server_url: str
    code: str
    journal: Path
    clock_library: Path | None = None
    _child: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self, *, shift_s: int = 0) -> "KioskProcess":
        """Start it (again) and wait until it knows its lesson."""
        self.launch(shift_s=shift_s)
        wait_until(lambda: self.ask("ready"), what="the kiosk's lesson", timeout_s=60)
        return self

    def launch(self, *, shift_s: int = 0) -> None:
        """Start it, its wall clock off by so many seconds."""
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        if shift_s:
            assert self.clock_library is not None
            env |= {"LD_PRELOAD": str(self.clock_library), "WALL_CLOCK_SHIFT_S": str(shift_s)}
        arguments = (self.folder, self.server_url, self.code, self.journal)
        with self.log_path.open("a") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-P", str(_PROGRAM), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=env,
                start_new_session=True,
            )

    @property
    def log_path(self) -> Path:
        """Where its log goes."""
        return self.journal.with_suffix(".log")

    @property
    def log(self) -> str:
        """Everything it has logged so far."""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def ask(self, command: str) -> Any:
        """Send a command and return the answer."""
        assert self._child is not None
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(command + "\n")
        self._child.stdin.flush()
        answer = self._child.stdout.readline()
        assert answer, f"the kiosk ended at {command!r}:\n{self.log[-3000:]}"
        return json.loads(answer)

    def sees(self, *people: str) -> None:
        """Let it record these people."""
        for person in people:
            self.ask(f"see {person}")

    def wait_delivered(self, timeout_s: float = 90.0) -> None:
        """Wait until no event waits for the server."""
        wait_until(lambda: self.ask("waiting") == 0, what="delivery", timeout_s=timeout_s)

    def cut_power(self) -> None:
        """Kill it without warning."""
        if self._child is not None:
            self._child.kill()
            self._end()

    def stop(self) -> None:
        """End it properly."""
        if self._child is not None and self._child.poll() is None:
            assert self._child.stdin is not None
            self._child.stdin.close()
            try:
                self._child.wait(20)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._end()

    def clone(self, folder: Path, journal: Path) -> "KioskProcess":
        """Copy its card while it is off."""
        shutil.copytree(self.folder, folder)
        return KioskProcess(folder, self.server_url, self.code, journal, self.clock_library)

    def marks(self) -> list[Mark]:
        """Everything it said is recorded."""
        if not self.journal.exists():
            return []
        lines = self.journal.read_text(encoding="utf-8").splitlines()
        return [Mark(**json.loads(line)) for line in lines]

    def _end(self) -> None:
        if self._child is not None:
            self._child.wait(20)
            for pipe in (self._child.stdin, self._child.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        continue
            self._child = None
