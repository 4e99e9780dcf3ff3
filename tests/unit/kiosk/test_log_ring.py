"""The newest log lines in memory: bounded, private, and never in anybody's way."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from kiosk.domain.log_lines import MOST_LETTERS, MOST_LINES, LogLevel, shown
from kiosk.logs import LogRing, keep_newest_lines

WAIT_S = 30.0


@pytest.fixture
def ring() -> Iterator[LogRing]:
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    ring = keep_newest_lines()
    yield ring
    root.removeHandler(ring)
    root.setLevel(level)


@pytest.fixture
def logger(ring: LogRing) -> logging.Logger:
    del ring
    return logging.getLogger("kiosk.test")


def words(lines: tuple[object, ...]) -> list[str]:
    return [str(getattr(line, "words", "")) for line in lines]


def test_the_newest_line_comes_first_with_its_time_level_and_source(
    ring: LogRing, logger: logging.Logger
) -> None:
    before = datetime.now(UTC)
    logger.info("door open room=%s", "R12")
    logger.warning("camera is gone")
    newest = ring.newest()
    assert words(newest.lines) == ["camera is gone", "door open room=R12"]
    line = newest.lines[0]
    assert (line.level, line.source) == (LogLevel.WARNING, "kiosk.test")
    assert before <= line.at <= newest.taken_at


@pytest.mark.parametrize(
    ("number", "level"),
    [
        (logging.CRITICAL, LogLevel.ERROR),
        (logging.ERROR, LogLevel.ERROR),
        (logging.WARNING, LogLevel.WARNING),
        (logging.INFO, LogLevel.INFO),
    ],
)
def test_every_level_has_its_place(
    ring: LogRing, logger: logging.Logger, number: int, level: LogLevel
) -> None:
    logger.log(number, "said")
    assert ring.newest().lines[0].level is level
    assert bool(ring.newest().warnings) == (level in (LogLevel.ERROR, LogLevel.WARNING))


def test_the_ring_is_bounded_and_many_lines_push_no_warning_out(
    ring: LogRing, logger: logging.Logger
) -> None:
    logger.error("disk is full")
    for number in range(5 * MOST_LINES):
        logger.info("line %d", number)
    newest = ring.newest()
    assert len(newest.lines) == MOST_LINES
    assert newest.lines[0].words == f"line {5 * MOST_LINES - 1}"
    assert words(newest.warnings) == ["disk is full"]
    for number in range(2 * MOST_LINES):
        logger.warning("warning %d", number)
    assert len(ring.newest().warnings) == MOST_LINES


def test_a_long_line_is_cut_and_control_letters_are_left_out() -> None:
    assert len(shown("x" * 100_000)) == MOST_LETTERS
    assert shown("x" * MOST_LETTERS) == "x" * MOST_LETTERS
    assert shown("a\x1b[31m\u202eb\tc\nd") == "a [31m b c\nd"


def test_a_traceback_says_where_and_quotes_no_data(ring: LogRing, logger: logging.Logger) -> None:
    secret = "Ada Lovelace"
    try:
        int(secret)
    except ValueError:
        logger.exception("mark failed")
    said = ring.newest().lines[0].words
    assert said.startswith("mark failed\nbuiltins.ValueError")
    assert "test_log_ring.py" in said
    assert secret not in said


def test_a_wrong_log_call_ends_nothing(ring: LogRing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    wrong = logging.LogRecord("kiosk.test", logging.INFO, __file__, 1, "%d lines", ("no",), None)
    ring.handle(wrong)
    assert ring.newest().lines == ()


def test_reading_waits_for_no_line_that_is_being_written(
    ring: LogRing, logger: logging.Logger
) -> None:
    """The GUI reads; a line may hang in a slow disk while its traceback is put together."""
    entered, gate = threading.Event(), threading.Event()

    class Slow:
        def __str__(self) -> str:
            entered.set()
            gate.wait(WAIT_S)
            return "slow"

    writer = threading.Thread(target=logger.info, args=("%s", Slow()))
    writer.start()
    assert entered.wait(WAIT_S)
    while_it_hangs = ring.newest().lines
    gate.set()
    writer.join(WAIT_S)
    assert while_it_hangs == ()
    assert words(ring.newest().lines) == ["slow"]


def test_many_threads_write_while_one_reads(ring: LogRing, logger: logging.Logger) -> None:
    def write() -> None:
        for number in range(300):
            logger.warning("line %d", number)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    sizes = {len(ring.newest().lines) <= MOST_LINES for _ in range(300)}
    for writer in writers:
        writer.join(WAIT_S)
    assert sizes == {True}
    assert len(ring.newest().lines) == MOST_LINES
