"""What `rollcall-server init` runs on a machine."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from server.errors import ConfigurationError


class SetUpMachine(Protocol):
    """Runs the commands of a set-up."""

    def run(self, *command: str | Path, user: str | None = None) -> str:
        """Run a command, as a user where one is named; return what it printed."""


@dataclass(frozen=True)
class ThisMachine:
    """The machine on which we run: its users, its systemd."""

    def run(self, *command: str | Path, user: str | None = None) -> str:
        """Run a command, as a user where one is named; return what it printed.

        Raises:
            ConfigurationError: it is not installed, or it failed, with its own last line.
        """
        try:
            done = subprocess.run(  # noqa: S603 - commands of ours, without a shell
                [str(part) for part in command],
                capture_output=True,
                text=True,
                check=False,
                user=user,
                group=user,
                extra_groups=[] if user else None,
                cwd="/",
            )
        except FileNotFoundError as exc:
            raise ConfigurationError(f"{command[0]} is not installed.") from exc
        if done.returncode:
            raise ConfigurationError(f"`{_words(command)}` failed: {_last_line(done.stderr)}")
        return done.stdout


def require_root_and_systemd() -> None:
    """Refuse before anything is written.

    Raises:
        ConfigurationError: this is not root, or the machine has no systemd.
    """
    if os.geteuid() != 0:
        raise ConfigurationError("This needs an administrator of the machine: run it with sudo.")
    if shutil.which("systemctl") is None or not Path("/run/systemd/system").is_dir():
        raise ConfigurationError(
            "systemd does not run on this machine. Start `rollcall-server broker` and"
            " `rollcall-server serve` with what does (docs/install.md)."
        )


def _words(command: Sequence[str | Path]) -> str:
    return " ".join([Path(command[0]).name, *(str(part) for part in command[1:])])


def _last_line(words: str) -> str:
    return next(iter(reversed(words.strip().splitlines())), "no reason given")
