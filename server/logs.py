"""Structured logs: one JSON object a line, with the correlation id of the request."""

import logging
import re
import sys
import traceback
import uuid
from contextvars import ContextVar
from typing import TextIO

import structlog

from server.errors import ServerError

_ACCEPTED = re.compile(r"^[A-Za-z0-9._-]{1,64}$")
_correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")
_acting_token: ContextVar[str] = ContextVar("acting_token", default="")

#: Errors whose messages hold no data of people.
_SAFE_MESSAGES = (ServerError, OSError, ImportError, AttributeError)
_MAX_CAUSES = 5

#: Libraries whose info lines say what ours already say, or would quote URLs.
_QUIET = ("uvicorn.access", "urllib3", "alembic.runtime.plugins", "httpx", "multipart")


def correlation_id() -> str:
    """The id of the request or task at hand; empty outside of one."""
    return _correlation_id.get()


def new_correlation_id() -> str:
    """Start a chain of log lines that belong together, for a task; returns its id."""
    value = uuid.uuid4().hex
    _correlation_id.set(value)
    return value


def adopt_correlation_id(value: str) -> str:
    """Continue the chain another process started, if its id is well formed; returns the id."""
    if not _ACCEPTED.match(value):
        return new_correlation_id()
    _correlation_id.set(value)
    return value


def acting_token() -> str:
    """The id of the API token with which the request at hand came; empty where with none."""
    return _acting_token.get()


def act_by_token(token_id: str) -> None:
    """Say with which API token the request at hand came; empty: with none."""
    _acting_token.set(token_id)


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
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _describe_exception(exc_info: "structlog.typing.ExcInfo") -> list[dict[str, object]]:
    """Say where it happened, without local variables, and the message only where it is safe.

    Messages of drivers and validators quote what they choke on: a name, a password.
    """
    chain: list[dict[str, object]] = []
    error: BaseException | None = exc_info[1]
    while error is not None and len(chain) < _MAX_CAUSES:
        frames = traceback.extract_tb(error.__traceback__)
        entry: dict[str, object] = {
            "type": f"{type(error).__module__}.{type(error).__qualname__}",
            "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
        }
        if isinstance(error, _SAFE_MESSAGES):
            entry["message"] = str(error)
        chain.append(entry)
        error = error.__cause__ or error.__context__
    return chain


def _add_correlation_id(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if value := _correlation_id.get():
        event.setdefault("correlation_id", value)
    return event
