"""The newest log lines on the technician screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import Signal, Slot

from kiosk.domain.log_lines import LogLine, NewestLines
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter


@dataclass(frozen=True, slots=True)
class LogItem:
    """One line: when and where, how bad in words, and what."""

    head: str
    level: str
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class LogsView:
    """What is shown.

    Attributes:
        is_open: it is in front of the technician screen.
        message: which lines these are, and in which zone the times are.
        empty: said in place of the list; empty while there are lines.
        is_filtered: only warnings and errors are shown.
        filter: the button that changes it.
    """

    is_open: bool = False
    title: str = ""
    message: str = ""
    items: tuple[LogItem, ...] = ()
    empty: str = ""
    is_filtered: bool = False
    filter: str = ""
    again: str = ""
    back: str = ""


def log_items(lines: Sequence[LogLine], taken_at: datetime, words: Catalogue) -> list[LogItem]:
    """Write the lines for people; a line of another day has its date."""
    today = taken_at.astimezone(words.zone).date()
    return [
        _item(line, words, is_today=line.at.astimezone(words.zone).date() == today)
        for line in lines
    ]


def _item(line: LogLine, words: Catalogue, *, is_today: bool) -> LogItem:
    at = line.at.astimezone(words.zone)
    moment = at.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")
    return LogItem(
        head=f"{moment} · {line.source}",
        level=words(f"logs.level.{line.level.value}"),
        tone=line.level.value,
        words=line.words,
    )


class LogsPresenter(ViewPresenter[LogsView]):
    """Shows what the kiosk logged last, when it is opened and when it is asked again.

    Signals:
        lines_wanted: the newest lines must be shown.
        touched: a button was pressed.
    """

    lines_wanted = Signal()
    touched = Signal()

    def __init__(self, words: Catalogue) -> None:
        super().__init__(LogsView(), words)
        self._newest: NewestLines | None = None
        self._is_open = False
        self._is_filtered = False

    @Slot()
    def open(self) -> None:
        """Show all lines."""
        self._is_open, self._is_filtered = True, False
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        """Show the lines of now."""
        self.touched.emit()
        self._draw()
        self.lines_wanted.emit()

    @Slot()
    def switch_filter(self) -> None:
        """Show only warnings and errors, or all lines again."""
        self._is_filtered = not self._is_filtered
        self.refresh()

    @Slot()
    def leave(self) -> None:
        """Go back to the technician screen, and let the lines go."""
        if self._is_open:
            self._is_open, self._newest = False, None
            self._draw()

    def show(self, newest: NewestLines) -> None:
        """Show these lines, unless the list was left meanwhile."""
        if self._is_open:
            self._newest = newest
            self._draw()

    def use_words(self, words: Catalogue) -> None:
        """See ``ViewPresenter.use_words``."""
        super().use_words(words)
        self._draw()

    def _draw(self) -> None:
        if not self._is_open:
            self.replace(LogsView())
            return
        words, kind = self._words, "warnings" if self._is_filtered else "all"
        items = self._items()
        self.replace(
            LogsView(
                is_open=True,
                title=words("logs.title"),
                message=words(f"logs.{kind}", zone=words.zone.key),
                items=tuple(items),
                empty="" if items else words(f"logs.none.{kind}"),
                is_filtered=self._is_filtered,
                filter=words("logs.filter"),
                again=words("logs.again"),
                back=words("pin.back"),
            )
        )

    def _items(self) -> list[LogItem]:
        newest = self._newest
        if newest is None:
            return []
        lines = newest.warnings if self._is_filtered else newest.lines
        return log_items(lines, newest.taken_at, self._words)
