"""Logging of the kiosk process: one line a record, for people or as JSON; ids, never names."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

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
