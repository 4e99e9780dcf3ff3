"""Take an iCalendar file apart into the lines of its events, within limits.

Only the lines that an import needs are kept, and the library never sees the definitions of time
zones: rules in them can be made to run for hours, and it keeps them for the whole process.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from server.imports.sheets import MOST_ROWS, UnreadableFileError, empty_file
from server.imports.text_files import decoded, guess_encoding

#: A whole school has 20,000 lessons a year; this is twice as many.
MOST_EVENTS = 50_000
#: An event has about ten, of which six with 150 characters are needed.
_MOST_LINES = 2_000_000
_MOST_KEPT_CHARS = 10_000_000
_FIRST_LINE = "BEGIN:VCALENDAR"
_DEEPEST = 8
_LONGEST_LINE = 4_000
#: Some programs write two returns. Any number of them would take time by their square.
_FOLD = re.compile(rb"(?:\r{0,3}\n|\r)[ \t]")
_LINE_END = re.compile(r"[\r\n]+")
_NAME = re.compile(r"([A-Za-z0-9-]+)[;:]")
_USED = frozenset(
    {
        "UID", "SUMMARY", "LOCATION", "DTSTART", "DTEND", "DURATION", "STATUS",
        "RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID", "SEQUENCE",
    }
)  # fmt: skip


@dataclass
class EventText:
    """One event.

    Attributes:
        number: its place among the events of the file, from 1.
        lines: those that an import needs, unfolded.
        is_broken: whether one of them cannot be read.
    """

    number: int
    lines: list[str] = field(default_factory=list)
    is_broken: bool = False


@dataclass
class CalendarText:
    """The events of a file.

    Attributes:
        zones: IANA names of time zones, by what the file calls them; only those that it states.
    """

    encoding: str
    events: list[EventText] = field(default_factory=list)
    zones: dict[str, str] = field(default_factory=dict)


def read_text(data: bytes) -> CalendarText:
    """Return the events of a file.

    Raises:
        UnreadableFileError: it is no calendar, holds no event or too many, or is incomplete.
    """
    if not data.strip():
        raise empty_file()
    text, encoding = _unfolded(data)
    text = text.lstrip("\ufeff \t\r\n")
    if text[: len(_FIRST_LINE)].upper() != _FIRST_LINE:
        raise _no_calendar()
    found = _LineReader(encoding).read(_lines(text))
    if not found.events:
        raise UnreadableFileError(
            "The calendar has no events. Export it again.", problem="calendar_empty"
        )
    return found


def _lines(text: str) -> Iterator[str]:
    """Yield the lines one by one: a list of very short ones would need much memory."""
    start = 0
    for end in _LINE_END.finditer(text):
        yield text[start : end.start()]
        start = end.end()
    yield text[start:]


def _unfolded(data: bytes) -> tuple[str, str]:
    """Return the text with long lines put together, and its encoding.

    Programs fold lines by bytes, also within a letter, so they are put together before they are
    decoded.
    """
    try:
        encoding = guess_encoding(data)
        if encoding.startswith("utf-16"):
            whole = decoded(data, encoding)[0].encode()
            return _FOLD.sub(b"", whole).decode(), encoding
        whole = _FOLD.sub(b"", data)
        encoding = guess_encoding(whole)
        return decoded(whole, encoding)[0], encoding
    except UnreadableFileError as exc:
        raise _no_calendar() from exc


class _LineReader:
    """Follows which component each line is in."""

    def __init__(self, encoding: str) -> None:
        self._found = CalendarText(encoding)
        self._open: list[str] = []
        self._event: EventText | None = None
        self._zone: dict[str, str] = {}
        self._is_used = False
        self._lines_left, self._chars_left = _MOST_LINES, _MOST_KEPT_CHARS

    def read(self, lines: Iterable[str]) -> CalendarText:
        """Return the events of these lines."""
        for line in lines:
            self._lines_left -= 1
            if min(self._lines_left, self._chars_left) < 0:
                raise _too_large()
            if line.strip():
                self._take(line)
        if self._open:
            raise _cut()
        return self._found

    def _take(self, line: str) -> None:
        named = _NAME.match(line)
        name = named[1].upper() if named else ""
        if name == "BEGIN":
            self._begin(line[6:].strip().upper())
        elif name == "END":
            self._end(line[4:].strip().upper())
        elif self._open[1:] == ["VEVENT"] and self._event is not None:
            self._keep(self._event, name, line)
        elif self._open[1:] == ["VTIMEZONE"] and name in ("TZID", "X-LIC-LOCATION"):
            self._zone[name] = line.partition(":")[2].strip()[:_LONGEST_LINE]

    def _begin(self, name: str) -> None:
        if len(self._open) >= _DEEPEST:
            raise _no_calendar()
        self._open.append(name)
        if self._open == ["VCALENDAR", "VEVENT"]:
            if len(self._found.events) >= MOST_EVENTS:
                raise _too_many_events()
            self._event = EventText(len(self._found.events) + 1)
            self._found.events.append(self._event)
            self._is_used = False
        elif name == "VTIMEZONE":
            self._zone = {}

    def _end(self, name: str) -> None:
        if not self._open or self._open.pop() != name:
            raise _cut()
        if name == "VTIMEZONE" and self._zone.keys() == {"TZID", "X-LIC-LOCATION"}:
            self._found.zones[self._zone["TZID"]] = self._zone["X-LIC-LOCATION"]

    def _keep(self, event: EventText, name: str, line: str) -> None:
        """Keep a line that is needed; one without a name belongs to the line before it."""
        if not name:
            event.is_broken |= self._is_used
            return
        self._is_used = name in _USED
        if self._is_used and len(line) > _LONGEST_LINE:
            event.is_broken = True
        elif self._is_used:
            self._chars_left -= len(line)
            event.lines.append(line)


def too_many_lessons() -> UnreadableFileError:
    """Return the error for a calendar whose events repeat too often."""
    return UnreadableFileError(
        f"The calendar has more than {MOST_ROWS} lessons. Export a shorter time.",
        problem="calendar_lessons",
        most=MOST_ROWS,
    )


def _too_many_events() -> UnreadableFileError:
    return UnreadableFileError(
        f"The calendar has more than {MOST_EVENTS} events. Export a shorter time.",
        problem="calendar_events",
        most=MOST_EVENTS,
    )


def _too_large() -> UnreadableFileError:
    return UnreadableFileError(
        "The calendar is too large. Export a shorter time.", problem="calendar_large"
    )


def _no_calendar() -> UnreadableFileError:
    return UnreadableFileError(
        "This is not an iCalendar file (.ics). Export the calendar as .ics.", problem="no_calendar"
    )


def _cut() -> UnreadableFileError:
    return UnreadableFileError(
        "The calendar is incomplete: its end is missing. Export it again.", problem="calendar_cut"
    )
