import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from kiosk.logs import configure_logging


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def _logged(form: Literal["text", "json"]) -> str:
    stream = io.StringIO()
    configure_logging("info", form, stream)
    logger = logging.getLogger("kiosk.test")
    logger.debug("not this")
    logger.warning("events wait: %d", 3)
    return stream.getvalue()


def test_text_is_one_readable_line() -> None:
    assert _logged("text").strip().endswith("WARNING kiosk.test: events wait: 3")


def test_json_is_one_object_a_line() -> None:
    line = json.loads(_logged("json"))

    assert (line["level"], line["logger"], line["message"]) == (
        "warning",
        "kiosk.test",
        "events wait: 3",
    )


def _traceback(form: Literal["text", "json"], error: Exception) -> str:
    stream = io.StringIO()
    configure_logging("info", form, stream)
    logging.getLogger("kiosk.test").error("it failed", exc_info=error)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
def test_traceback_says_where_and_which_error_but_quotes_no_data(
    form: Literal["text", "json"],
) -> None:
    secret = "Ada Lovelace"
    try:
        try:
            int(secret)
        except ValueError as exc:
            exc.add_note(secret)
            raise RuntimeError(f"no mark for {secret}") from exc
    except RuntimeError as exc:
        logged = _traceback(form, exc)

    assert "builtins.RuntimeError" in logged
    assert "caused by builtins.ValueError" in logged
    assert "test_logs.py" in logged
    assert secret not in logged


def test_traceback_keeps_the_words_of_a_full_disk() -> None:
    line = json.loads(_traceback("json", OSError(28, "No space left on device")))

    assert "OSError: [Errno 28] No space left on device" in line["traceback"]


def test_scheduler_does_not_chatter() -> None:
    stream = io.StringIO()
    configure_logging("info", "text", stream)
    logging.getLogger("apscheduler.scheduler").warning("running already")

    assert stream.getvalue() == ""
