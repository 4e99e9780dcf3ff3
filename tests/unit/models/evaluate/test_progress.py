"""Progress is a bar on a terminal and a few lines elsewhere."""

from __future__ import annotations

import io

from models.evaluate.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_a_line_every_twentieth() -> None:
    stream = io.StringIO()
    progress = Progress("faces", 1000, stream)

    for _ in range(1000):
        progress.advance()

    lines = stream.getvalue().splitlines()
    assert len(lines) == 21
    assert lines[-1] == "faces: 100%"


def test_a_terminal_gets_one_line_that_ends_when_all_is_done() -> None:
    stream = Terminal()
    progress = Progress("faces", 3, stream)

    for _ in range(3):
        progress.advance()

    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith(f"[{'#' * 30}] 100%\n")
