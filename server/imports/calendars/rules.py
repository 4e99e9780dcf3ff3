"""Weekly rules of an event, and the dates that they give. No other rule is imported."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from icalendar.prop import vRecur

from server.imports.findings import RowError

_DAYS = {name: day for day, name in enumerate(("MO", "TU", "WE", "TH", "FR", "SA", "SU"))}
_PARTS = frozenset({"FREQ", "INTERVAL", "BYDAY", "WKST", "COUNT", "UNTIL"})
_INTERVALS = (1, 2)
_LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Window:
    """The dates that an import looks at, both included."""

    first: date
    last: date


@dataclass(frozen=True)
class WeeklyRule:
    """Every week, or every second one.

    Attributes:
        interval: 1 or 2 weeks.
        weekdays: 0 is Monday; empty: that of the event.
        week_begins: the weekday on which weeks begin that are counted.
        count: how many lessons there are; None: no limit.
        until: the last moment or date; None: no limit.
    """

    interval: int
    weekdays: frozenset[int]
    week_begins: int
    count: int | None
    until: date | None

    @property
    def is_open(self) -> bool:
        """Whether it never ends."""
        return self.count is None and self.until is None

    def starts(self, first: datetime, window: Window) -> Iterator[datetime]:
        """Yield when lessons start, in the zone of the first one, within a window.

        Args:
            first: the start of the event, aware.
            window: limits what is worked out, however long the rule goes on.
        """
        weekdays = self.weekdays or {first.weekday()}
        places = sorted((day - self.week_begins) % 7 for day in weekdays)
        begins = first.date() - timedelta((first.weekday() - self.week_begins) % 7)
        skipped = sum(begins + timedelta(place) < first.date() for place in places)
        step = 7 * self.interval
        turn = max(0, (window.first - begins).days // step)
        while (week := begins + timedelta(turn * step)) <= window.last:
            for number, place in enumerate(places, turn * len(places) - skipped):
                if self.count is not None and number >= self.count:
                    return
                day = week + timedelta(place)
                start = datetime.combine(day, first.time(), first.tzinfo)
                if self._is_over(start):
                    return
                if number >= 0 and window.first <= day <= window.last:
                    yield start
            turn += 1

    def _is_over(self, start: datetime) -> bool:
        if isinstance(self.until, datetime):
            return start.astimezone(UTC) > self.until.astimezone(UTC)
        return self.until is not None and start.date() > self.until


def read_rule(text: str, first: datetime) -> WeeklyRule:
    """Return the rule of an event that starts at a moment.

    Raises:
        RowError: it is none that gives a lesson every week or every second one.
    """
    unknown = RowError("calendar_rule", value=text[:_LONGEST_SHOWN])
    try:
        parts = {str(key).upper(): list(values) for key, values in vRecur.from_ical(text).items()}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as exc:
        raise unknown from exc
    singles = {key: values[0] for key, values in parts.items() if len(values) == 1}
    days = [_DAYS.get(str(one).upper(), -1) for one in parts.get("BYDAY", [])]
    interval, count = singles.get("INTERVAL", 1), singles.get("COUNT")
    is_known = (
        parts.keys() <= _PARTS
        and parts.keys() - {"BYDAY"} <= singles.keys()
        and singles.get("FREQ") == "WEEKLY"
        and interval in _INTERVALS
        and (count is None or count > 0)
        and -1 not in days
    )
    begins = _DAYS.get(str(singles.get("WKST", "MO")).upper(), -1)
    if not is_known or begins < 0:
        raise unknown
    if days and first.weekday() not in days:
        raise RowError("calendar_start")
    until = singles.get("UNTIL")
    return WeeklyRule(interval, frozenset(days), begins, count, _until(until, first, unknown))


def _until(value: object, first: datetime, unknown: RowError) -> date | None:
    """Return the end of a rule; a time without a zone has that of the event."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=first.tzinfo)
    if value is None or isinstance(value, date):
        return value
    raise unknown
