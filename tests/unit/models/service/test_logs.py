"""What stands in the log of a request that failed in a way nobody foresaw."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from models.service.logs import configure_logging
from models.service.schemas import StudentDistance


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging("info", stream)
    yield stream
    root.handlers, root.level = handlers, level


def test_validator_is_named_without_what_it_refused(log: io.StringIO) -> None:
    embedding = [0.123456789]
    try:
        StudentDistance(student_id="S-4711", min_distance=embedding)
    except ValidationError:
        logging.getLogger("models.service.edge").exception("a request failed")

    line = json.loads(log.getvalue())
    assert line["exception"][0]["type"].endswith(".ValidationError")
    assert line["exception"][0]["at"]
    assert "0.123456789" not in log.getvalue()


def test_errors_of_the_system_keep_their_words(log: io.StringIO) -> None:
    full = OSError(28, "No space left on device")
    logging.getLogger("models.service.edge").error("a request failed", exc_info=full)

    assert "No space left" in json.loads(log.getvalue())["exception"][0]["message"]
