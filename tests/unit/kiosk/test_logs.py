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


def test_traceback_is_part_of_the_json_line() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    logging.getLogger("kiosk.test").error("it failed", exc_info=ValueError("broken"))

    assert "ValueError: broken" in json.loads(stream.getvalue())["traceback"]


def test_scheduler_does_not_chatter() -> None:
    stream = io.StringIO()
    configure_logging("info", "text", stream)
    logging.getLogger("apscheduler.scheduler").warning("running already")

    assert stream.getvalue() == ""
