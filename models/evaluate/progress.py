"""Says on stderr how far a long computation is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO

_WIDTH = 30
_STEPS = 20  # so many lines where stderr is not a terminal


class Progress:
    """A bar on a terminal, a line every 5 % elsewhere."""

    def __init__(self, title: str, total: int, stream: TextIO | None = None) -> None:
        """Show nothing yet.

        Args:
            title: what is being done.
            total: count of steps.
            stream: stderr where None.
        """
        self._title, self._total = title, total
        self._stream = sys.stderr if stream is None else stream
        self._done = 0
        self._shown = -1

    def advance(self) -> None:
        """Count one step."""
        self._done += 1
        share = min(self._done / max(self._total, 1), 1.0)
        is_terminal = self._stream.isatty()
        level = int(share * (100 if is_terminal else _STEPS))
        if level == self._shown:
            return
        self._shown = level
        if is_terminal:
            bar = "#" * int(share * _WIDTH)
            end = "\n" if share == 1.0 else ""
            self._stream.write(f"\r{self._title} [{bar:<{_WIDTH}}] {share:4.0%}{end}")
        else:
            self._stream.write(f"{self._title}: {share:.0%}\n")
        self._stream.flush()
