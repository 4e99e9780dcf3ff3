"""Read one event of a calendar: when it is, how it repeats, and what it replaces."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from icalendar.parser import Contentline
from icalendar.prop import vDDDTypes

from server.imports.calendars.rules import WeeklyRule, read_rule
from server.imports.calendars.text import EventText, too_many_lessons
from server.imports.calendars.zones import Zones
from server.imports.findings import RowError
from server.imports.sheets import MOST_ROWS

#: Lines and dates that are remembered: many events share names, rooms and times.
_REMEMBERED = 4096
_EARLIEST, _LATEST = 1970, 2100
_STAMP = re.compile(r"^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\dZ?$")
_SEQUENCE = re.compile(r"^[0-9]{1,9}$")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
#: Of texts that are only shown or compared: longer names are none of ours.
_LONGEST_TEXT = 200
#: The library's own types end here.
_parsed_value: Callable[[str], Any] = vDDDTypes.from_ical
_parsed_line: Callable[[str], Any] = Contentline


@dataclass(frozen=True)
class CalendarEvent:
    """One event.

    Attributes:
        starts: a date, or a moment in the event's zone.
        ends: likewise; not included.
        rule: how it repeats; None: once.
        left_out: moments (UTC) and dates at which it does not repeat.
        replaces: the start of the lesson of the series that this one replaces; None: of none.
        sequence: a higher number is a newer version.
    """

    number: int
    uid: str
    summary: str
    location: str
    starts: date
    ends: date
    rule: WeeklyRule | None
    left_out: frozenset[date]
    replaces: date | None
    is_cancelled: bool
    sequence: int = 0


@dataclass(frozen=True)
class _Line:
    """A line of an event, by its parts."""

    params: Any
    text: str

    @property
    def zone(self) -> str:
        return str(self.params.get("TZID", ""))


class EventReader:
    """Reads the events of one file."""

    def __init__(self, zones: Zones) -> None:
        self._zones = zones
        self._dates_left = MOST_ROWS

    def about(self, event: EventText) -> str:
        """Return what a report calls an event that cannot be read."""
        lines = _lines(event, ("SUMMARY", "DTSTART"))
        texts = [_plain(lines[name].text) for name in ("SUMMARY", "DTSTART") if name in lines]
        return " · ".join(_STAMP.sub(r"\1-\2-\3 \4:\5", text) for text in texts if text)

    def uid(self, event: EventText) -> str:
        """Return the id of an event, also of one that cannot be read."""
        found = _lines(event, ("UID",)).get("UID")
        return found.text[:_LONGEST_TEXT] if found else ""

    def read(self, event: EventText) -> CalendarEvent:
        """Return an event.

        Raises:
            RowError: it cannot be imported.
        """
        if event.is_broken:
            raise RowError("calendar_broken")
        lines = _lines(event)
        if "RDATE" in lines or "EXRULE" in lines:
            raise RowError("calendar_dates")
        replaced = lines.get("RECURRENCE-ID")
        if replaced is not None and "RANGE" in replaced.params:
            raise RowError("calendar_future")
        if "DTSTART" not in lines:
            raise RowError("calendar_broken")
        starts = self._moment(lines["DTSTART"])
        return CalendarEvent(
            number=event.number,
            uid=lines["UID"].text[:_LONGEST_TEXT] if "UID" in lines else "",
            summary=_plain(lines["SUMMARY"].text) if "SUMMARY" in lines else "",
            location=_plain(lines["LOCATION"].text) if "LOCATION" in lines else "",
            starts=starts,
            ends=self._end(lines, starts),
            rule=_rule(lines, starts),
            left_out=frozenset(self._left_out(event)),
            replaces=None if replaced is None else as_key(self._moment(replaced)),
            is_cancelled="STATUS" in lines and lines["STATUS"].text.upper() == "CANCELLED",
            sequence=_sequence(lines),
        )

    def _end(self, lines: dict[str, _Line], starts: date) -> date:
        """Return when it ends.

        Raises:
            RowError: nothing says so, or it ends before it starts.
        """
        is_timed = isinstance(starts, datetime)
        if "DTEND" in lines:
            ends = self._moment(lines["DTEND"])
            if isinstance(ends, datetime) is not is_timed:
                raise RowError("calendar_broken")
        elif "DURATION" in lines:
            ends = starts + _duration(lines["DURATION"])
        elif is_timed:
            raise RowError("calendar_no_end")
        else:
            ends = starts + timedelta(days=1)
        if not is_timed and ends == starts:  # some programs mean the one day
            return starts + timedelta(days=1)
        if as_key(ends) <= as_key(starts):
            raise RowError("ends_before_start")
        return ends

    def _left_out(self, event: EventText) -> Iterator[date]:
        dates = [text for text in event.lines if text[:6].upper() == "EXDATE"]
        for line in map(_parts, dates):
            if line is not None:
                for text in line[1].text.split(","):
                    self._count_date()
                    yield as_key(self._moment(_Line(line[1].params, text)))

    def _count_date(self) -> None:
        self._dates_left -= 1
        if self._dates_left < 0:
            raise too_many_lessons()

    def _moment(self, line: _Line) -> date:
        """Return the date or the moment of a line.

        Raises:
            RowError: it is neither, or out of range, or in a zone that nobody knows.
        """
        try:
            found = _value(line.text.strip())
        except (ValueError, TypeError, OverflowError) as exc:
            raise RowError("calendar_broken") from exc
        if not isinstance(found, date):
            raise RowError("calendar_broken")
        if not _EARLIEST <= found.year <= _LATEST:
            raise RowError("calendar_far")
        if not isinstance(found, datetime):
            return found
        if found.tzinfo is not None:
            return found.astimezone(UTC)
        zone = self._zones.find(line.zone) if line.zone else self._zones.school
        return found.replace(tzinfo=zone)


def as_key(moment: date) -> date:
    """Return a moment in UTC, and a date as it is: events name each other by these."""
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def forget_lines() -> None:
    """Forget the lines that were remembered: they may hold names."""
    _parts.cache_clear()
    _value.cache_clear()


def _lines(event: EventText, names: tuple[str, ...] = ()) -> dict[str, _Line]:
    """Return the lines of an event by name, the first of each; only some where names are given.

    Raises:
        RowError: one of them cannot be read; where names are given it is left out.
    """
    found: dict[str, _Line] = {}
    for text in event.lines:
        line = _parts(text)
        if line is None and not names:
            raise RowError("calendar_broken")
        if line is not None and (not names or line[0] in names):
            found.setdefault(*line)
    return found


@lru_cache(_REMEMBERED)
def _value(text: str) -> Any:
    return _parsed_value(text)


@lru_cache(_REMEMBERED)
def _parts(text: str) -> tuple[str, _Line] | None:
    try:
        name, params, value = _parsed_line(text).parts()
    except (ValueError, TypeError, KeyError):
        return None
    return name.upper(), _Line(params, value)


def _rule(lines: dict[str, _Line], starts: date) -> WeeklyRule | None:
    if "RRULE" not in lines:
        return None
    if not isinstance(starts, datetime):
        raise RowError("calendar_repeats")
    return read_rule(lines["RRULE"].text, starts)


def _sequence(lines: dict[str, _Line]) -> int:
    text = lines["SEQUENCE"].text.strip() if "SEQUENCE" in lines else ""
    return int(text) if _SEQUENCE.match(text) else 0


def _duration(line: _Line) -> timedelta:
    try:
        found = _parsed_value(line.text.strip())
    except (ValueError, TypeError, OverflowError) as exc:
        raise RowError("calendar_broken") from exc
    if not isinstance(found, timedelta) or not timedelta(0) < found < timedelta(days=800):
        raise RowError("ends_before_start" if isinstance(found, timedelta) else "calendar_broken")
    return found


def _plain(text: str) -> str:
    """Return a text on one line."""
    return _SPACES.sub(" ", text).strip()[:_LONGEST_TEXT]
