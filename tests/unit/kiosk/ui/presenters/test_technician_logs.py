"""Log lines on the technician screen: local times, words for every level, nothing after leaving."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from kiosk.domain.log_lines import LogLevel, LogLine, NewestLines
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.technician_logs import LogsPresenter

AT = datetime(2026, 11, 23, 23, 30, 5, tzinfo=UTC)
WARNING = LogLine(AT - timedelta(hours=2), LogLevel.WARNING, "kiosk.sync.http", "server gone")
INFO = LogLine(AT, LogLevel.INFO, "kiosk.app.main", "The door is open: R12")
NEWEST = NewestLines(AT, (INFO, WARNING), (WARNING,))


class Bench:
    def __init__(self, words: Catalogue) -> None:
        self.logs = LogsPresenter(words)
        self.asked = 0
        self.logs.lines_wanted.connect(self.answer)
        self.newest = NEWEST

    def answer(self) -> None:
        self.asked += 1
        self.logs.show(self.newest)

    @property
    def heads(self) -> list[str]:
        return [item.head for item in self.logs.current.items]


@pytest.fixture
def bench(words: Catalogue) -> Bench:
    return Bench(words)


def test_times_are_those_of_the_school_and_another_day_has_its_date(bench: Bench) -> None:
    """Half past eleven in the evening, UTC, is the next day in Madrid."""
    bench.logs.open()
    assert bench.heads == [
        "00:30:05 · kiosk.app.main",
        "2026-11-23 22:30:05 · kiosk.sync.http",
    ]
    assert "Europe/Madrid" in bench.logs.current.message


def test_every_level_has_its_own_word(words: Catalogue, arabic: Catalogue) -> None:
    levels = tuple(replace(INFO, level=level) for level in LogLevel)
    for catalogue in (words, arabic):
        logs = LogsPresenter(catalogue)
        logs.open()
        logs.show(NewestLines(AT, levels))
        assert len({item.level for item in logs.current.items}) == len(LogLevel)


def test_the_filter_leaves_warnings_and_asks_for_new_lines(bench: Bench) -> None:
    bench.logs.open()
    bench.logs.switch_filter()
    view = bench.logs.current
    assert (view.is_filtered, [item.words for item in view.items]) == (True, ["server gone"])
    bench.logs.switch_filter()
    assert len(bench.logs.current.items) == 2
    assert bench.asked == 3


def test_a_refresh_keeps_the_filter_and_a_new_visit_does_not(bench: Bench) -> None:
    bench.logs.open()
    bench.logs.switch_filter()
    bench.logs.refresh()
    assert bench.logs.current.is_filtered
    bench.logs.leave()
    bench.logs.open()
    assert not bench.logs.current.is_filtered


@pytest.mark.parametrize(
    ("newest", "all_words", "warning_words"),
    [
        (
            NewestLines(AT),
            "There are no lines yet.",
            "There are no warnings and no errors since the last start.",
        ),
        (
            NewestLines(AT, (INFO,)),
            "",
            "There are no warnings and no errors since the last start.",
        ),
        (NEWEST, "", ""),
    ],
    ids=["nothing", "no-warnings", "both"],
)
def test_an_empty_list_says_so(
    bench: Bench, newest: NewestLines, all_words: str, warning_words: str
) -> None:
    bench.newest = newest
    bench.logs.open()
    said = [bench.logs.current.empty]
    bench.logs.switch_filter()
    said.append(bench.logs.current.empty)
    assert said == [all_words, warning_words]


def test_lines_that_come_after_leaving_are_let_go(bench: Bench) -> None:
    bench.logs.open()
    bench.logs.leave()
    bench.logs.show(NEWEST)
    assert bench.logs.current.items == ()
    assert not bench.logs.current.is_open
