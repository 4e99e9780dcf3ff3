"""Logging of the kiosk process: one line a record, for people or as JSON; ids, never names."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

_QUIET = {"apscheduler": logging.ERROR, "urllib3": logging.ERROR}
_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class JSONFormatter(logging.Formatter):
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
    handler.setFormatter(JSONFormatter() if form == "json" else logging.Formatter(_TEXT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name, quiet_level in _QUIET.items():
        logging.getLogger(name).setLevel(quiet_level)
