"""What the demo tells on the terminal: what started, how to get in, who was recognised."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_HEAD = 13  # columns of what a line is about
_HERE = ("present", "late")


def print_line(line: str) -> None:
    """Write one line to the terminal at once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass
class Story:
    """The demo's lines; a person reads them while the demo runs.

    Attributes:
        write: takes one line.
    """

    write: Callable[[str], None] = print_line
    _told: set[str] = field(default_factory=set)

    def begin(self, *, headless: bool, has_display: bool, log: str) -> None:
        """Say what is about to run, and where its details are."""
        self.write("\nRollcall demo: one school, one kiosk, and people who walk up to it.\n")
        if not has_display:
            self.tell("Display", "none found. The demo runs headless, and ends automatically.")
        elif headless:
            self.tell("Display", "not used, as asked. The demo ends automatically.")
        self.tell("Details", f"in {log}. With VERBOSE=1 they are shown here.")

    def tell(self, about: str, words: str) -> None:
        """Write one line of the story."""
        self.write(f"  {about:<{_HEAD}}{words}")

    def started(self, name: str, words: str) -> None:
        """Say that a process is ready."""
        self.tell("Started", f"{name:<12}{words}")

    def sign_in(self, address: str, name: str, password: str) -> None:
        """Say where the pages are, and how to get in."""
        self.write("")
        self.tell("Pages", address)
        self.tell("Sign in", f"{name} / {password}")
        self.write("")

    def marks(self, register: Mapping[str, Any]) -> None:
        """Tell each mark of a register that was not told before."""
        for row in register["rows"]:
            number = row["student_number"]
            if row["status"] not in _HERE or number in self._told:
                continue
            self._told.add(number)
            at = local_time(row["first_seen_at"])
            self.tell("Recognised", f"{at:<10}{row['display_name']}, {row['status']}")


def local_time(moment: str | None) -> str:
    """Return the time of day of a moment of the API, as this machine's clock shows it."""
    if not moment:
        return ""
    return f"{datetime.fromisoformat(moment).astimezone():%H:%M:%S}"
