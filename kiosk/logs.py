"""Logging of the kiosk process: one line a record, for people or as JSON; ids, never names."""

import json
import logging
import sys
import threading
import traceback
from collections import deque
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

from kiosk.domain.log_lines import MOST_LINES, LogLevel, LogLine, NewestLines, shown

_QUIET = {"apscheduler": logging.ERROR, "urllib3": logging.ERROR}
_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

#: Errors whose messages hold no data of people. Others quote what they choke on: a name, a code.
_SAFE_MESSAGES = (OSError, ImportError, AttributeError)
_MAX_CAUSES = 5
_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class PrivateFormatter(logging.Formatter):
    """A line for people; a traceback says where and of what kind, its words only where safe."""

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the name that logging calls
        """Return the frames and types of an error and of what caused it, newest first."""
        parts: list[str] = []
        error = ei[1]
        while error is not None and len(parts) < _MAX_CAUSES:
            words = f": {error}" if isinstance(error, _SAFE_MESSAGES) else ""
            kind = f"{type(error).__module__}.{type(error).__qualname__}"
            frames = "".join(traceback.format_tb(error.__traceback__))
            parts.append(f"{kind}{words}\n{frames}".rstrip())
            error = error.__cause__ or error.__context__
        return "\ncaused by ".join(parts)


class JSONFormatter(PrivateFormatter):
    """A record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (UTC), level, logger, message and, where there is one, the traceback."""
        at = datetime.fromtimestamp(record.created, tz=UTC)
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class LogRing(logging.Handler):
    """Keeps the newest lines in memory for the technician screen; they are gone at the end.

    The kiosk's own account cannot read the journal that its standard error goes to. ``newest`` may
    be called from any thread and never waits for a line that is being written.
    """

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        super().__init__()
        self._lines: deque[LogLine] = deque(maxlen=most_lines)
        self._warnings: deque[LogLine] = deque(maxlen=most_lines)
        self._guard = threading.Lock()
        self._private = PrivateFormatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, with the same words as on standard error."""
        try:
            line = self._line(record)
        except Exception:  # noqa: BLE001 - as every handler: a wrong log call ends nothing
            self.handleError(record)
            return
        with self._guard:
            self._lines.append(line)
            if record.levelno >= logging.WARNING:
                self._warnings.append(line)

    def newest(self) -> NewestLines:
        """Return what was logged last; takes microseconds."""
        with self._guard:
            lines, warnings = tuple(self._lines), tuple(self._warnings)
        return NewestLines(datetime.now(UTC), lines[::-1], warnings[::-1])

    def _line(self, record: logging.LogRecord) -> LogLine:
        words = record.getMessage()
        if record.exc_info:
            words = f"{words}\n{self._private.formatException(record.exc_info)}"
        at = datetime.fromtimestamp(record.created, tz=UTC)
        return LogLine(at, _level(record.levelno), record.name, shown(words))


def _level(number: int) -> LogLevel:
    if number >= logging.ERROR:
        return LogLevel.ERROR
    if number >= logging.WARNING:
        return LogLevel.WARNING
    return LogLevel.INFO if number >= logging.INFO else LogLevel.DEBUG


def keep_newest_lines() -> LogRing:
    """Keep what this process logs from now on, beside where it goes already."""
    ring = LogRing()
    logging.getLogger().addHandler(ring)
    return ring


def configure_logging(
    level: str, form: Literal["text", "json"], stream: TextIO | None = None
) -> None:
    """Send every record of this process to one stream.

    Args:
        level: least severe level: debug, info, warning, error.
        form: text for people, json for machines.
        stream: standard error where left out.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JSONFormatter() if form == "json" else PrivateFormatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, quiet_level in _QUIET.items():
        logging.getLogger(name).setLevel(quiet_level)
