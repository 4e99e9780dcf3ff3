"""Log lines as a technician sees them. They hold ids, never names, as every log of the kiosk."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

MOST_LINES = 200
"""So many lines are kept, and as many warnings and errors beside them."""
MOST_LETTERS = 1500
"""A longer line is cut: a traceback of ten frames has about as many letters."""


class LogLevel(StrEnum):
    """How bad a line is. ERROR: an operation was abandoned. WARNING: it continued degraded."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    DEBUG = "debug"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line.

    Attributes:
        at: UTC, by the clock of the machine.
        level: how bad it is.
        source: the logger that wrote it.
        words: in English, with its traceback; at most `MOST_LETTERS` letters.
    """

    at: datetime
    level: LogLevel
    source: str
    words: str


@dataclass(frozen=True, slots=True)
class NewestLines:
    """What the kiosk logged last, the newest first.

    Attributes:
        taken_at: UTC.
        lines: of every level; at most `MOST_LINES`.
        warnings: warnings and errors alone, which many other lines do not push out; likewise.
    """

    taken_at: datetime
    lines: tuple[LogLine, ...] = ()
    warnings: tuple[LogLine, ...] = ()


def shown(text: str) -> str:
    """Return a text that cannot disturb the screen: no control letters, and not too long."""
    whole = "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text)
    return whole if len(whole) <= MOST_LETTERS else f"{whole[: MOST_LETTERS - 1]}…"
