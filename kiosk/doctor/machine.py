"""Looks at a Linux machine: its files under /proc and /sys, and its hardware tools."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

_TOOL_S = 5.0
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """How a tool ended.

    Attributes:
        status: exit status; None: it did not end in time and was stopped.
        text: what it printed.
        errors: what it printed on standard error.
    """

    status: int | None
    text: str = ""
    errors: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it ended well."""
        return self.status == 0


@dataclass(frozen=True, slots=True)
class HostMachine:
    """This machine.

    Attributes:
        root: what stands for `/`; tests use another folder.
    """

    root: Path = Path("/")

    def path(self, path: str | Path) -> Path:
        """Return where a path of the machine lies."""
        return self.root / str(path).lstrip("/")

    def text(self, path: str) -> str | None:
        """Return a small text file of the kernel, without spaces around; None: it is not there."""
        try:
            with self.path(path).open("rb") as file:
                return file.read(_MOST_BYTES).decode("utf-8", "replace").strip("\0\n ")
        except OSError:
            return None

    def glob(self, pattern: str) -> list[Path]:
        """Return the paths that a pattern names, sorted."""
        return sorted(self.root.glob(pattern.lstrip("/")))

    def has(self, tool: str) -> bool:
        """Return whether a tool is installed."""
        return shutil.which(tool) is not None

    def run(
        self, tool: str, *arguments: str, limit_s: float = _TOOL_S, told: str = ""
    ) -> ToolOutput | None:
        """Run a tool in English; None: it is not installed.

        Args:
            tool: its name, or its path.
            *arguments: of the tool.
            limit_s: after that it is stopped with everything that it started.
            told: what it reads on its standard input, such as a password.
        """
        found = shutil.which(tool)
        if found is None:
            return None
        command = ["/usr/bin/env", "LC_ALL=C.UTF-8", found, *arguments]
        try:
            process = subprocess.Popen(  # noqa: S603 - fixed tools, no shell
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError:
            return None
        with process:
            return _ended(process, limit_s, told)

    @property
    def model(self) -> str:
        """The board's name; empty where the machine has none."""
        return self.text("/proc/device-tree/model") or ""

    @property
    def is_raspberry_pi(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return self.model.startswith("Raspberry Pi")


def _ended(process: "subprocess.Popen[bytes]", limit_s: float, told: str) -> ToolOutput:
    try:
        out, errors = process.communicate(told.encode(), timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return ToolOutput(None)
    return ToolOutput(
        process.returncode, out.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
    )


def account_name(uid: int) -> str:
    """Return the name of an account; its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def may(uid: int, path: Path, wanted: int) -> bool:
    """Return whether an account may use a file, by its owner, group and mode alone.

    Args:
        uid: of the account.
        path: the file.
        wanted: `os.R_OK`, `os.W_OK`, or both.

    Raises:
        OSError: it cannot be looked at.
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if uid == 0:
        return True
    if found.st_uid == uid:
        return mode >> 6 & wanted == wanted
    if found.st_gid in _groups(uid):
        return mode >> 3 & wanted == wanted
    return mode & wanted == wanted


def _groups(uid: int) -> set[int]:
    try:
        account = pwd.getpwuid(uid)
    except KeyError:
        return set()
    return set(os.getgrouplist(account.pw_name, account.pw_gid))
