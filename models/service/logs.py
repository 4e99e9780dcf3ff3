"""Structured logs: one JSON object a line, with the correlation id of the request behind it.

Never in a log line: a picture, an embedding, a student's id, a key, a request's or answer's body.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
import uuid
from contextvars import ContextVar
from typing import Any, TextIO

import structlog

AUDIT_LOGGER = "models.service.audit"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_correlation_id: ContextVar[str] = ContextVar("ml_correlation_id", default="")
# Libraries whose lines say what ours already say; and Pillow, whose debug lines hold the EXIF
# fields of photos, among them names and places.
_QUIET = ("uvicorn.access", "asyncio", "PIL")


def adopt_correlation_id(offered: str | None) -> str:
    """Continue the caller's chain of log lines, or start one.

    Args:
        offered: the caller's X-Correlation-ID; replaced unless it is 1 to 64 letters, digits,
            dots, underscores and hyphens.

    Returns:
        The id that every line of this request carries.
    """
    is_good = offered is not None and _ACCEPTED.fullmatch(offered) is not None
    value = offered if is_good and offered is not None else uuid.uuid4().hex
    _correlation_id.set(value)
    return value


def configure_logging(level: str, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to one stream as JSON lines.

    Args:
        level: debug, info, warning or error.
        stream: where to; default standard error.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.stdlib.ExtraAdder(),
        _drop_colour,
        _add_correlation_id,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(_describe_exception),
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.getLogger(AUDIT_LOGGER).setLevel(logging.INFO)  # whatever the level of the rest
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


#: Errors whose messages hold no data of people. Others quote what they choke on.
_SAFE_MESSAGES = (OSError, ImportError, AttributeError)
_MAX_CAUSES = 5


def _describe_exception(exc_info: structlog.typing.ExcInfo) -> list[dict[str, Any]]:
    """Say where it happened, without local variables, and the message only where it is safe."""
    chain: list[dict[str, Any]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(chain) < _MAX_CAUSES:
        frames = traceback.extract_tb(error.__traceback__)
        entry: dict[str, Any] = {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(error, _SAFE_MESSAGES):
            entry["message"] = str(error)
        chain.append(entry)
        error = error.__cause__ or error.__context__
    return chain


def _drop_colour(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    event.pop("color_message", None)  # uvicorn's line again, for terminals
    return event


def _add_correlation_id(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if value := _correlation_id.get():
        event.setdefault("correlation_id", value)
    return event
