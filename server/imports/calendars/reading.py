"""Read an iCalendar file into rows: holidays where all its events last whole days, else lessons."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from server.imports.bundles import BASE
from server.imports.calendars.entries import (
    CalendarUse,
    EntryRow,
    EntryStage,
    HolidayEntry,
    Series,
    Slot,
    SlotChange,
)
from server.imports.calendars.events import CalendarEvent, EventReader, as_key, forget_lines
from server.imports.calendars.grouping import Grouping
from server.imports.calendars.rules import Window
from server.imports.calendars.text import CalendarText, read_text, too_many_lessons
from server.imports.calendars.zones import Zones
from server.imports.findings import RowError
from server.imports.matching import ReadRows
from server.imports.sheets import MOST_ROWS

#: What a rule without an end gives is worked out so far; lessons are planned 400 days ahead.
_BEFORE, _AFTER = timedelta(weeks=60), timedelta(weeks=110)


@dataclass(frozen=True)
class CalendarFile:
    """What a file holds.

    Attributes:
        use: what its events are.
        encoding: of its text.
        rows: an `EntryRow` for each entry, and events that cannot be imported.
    """

    use: CalendarUse
    encoding: str
    rows: ReadRows


def read_calendar(data: bytes, zone: ZoneInfo, on: date) -> CalendarFile:
    """Return what a file holds.

    Args:
        data: the whole file.
        zone: the school's, for times that name none.
        on: the date of the upload. Rules without an end are worked out around it.

    Raises:
        UnreadableFileError: it is no calendar, or too much of one.
    """
    text = read_text(data)
    try:
        events, rows = _read_events(text, zone)
    finally:
        forget_lines()
    is_timed = any(isinstance(one.starts, datetime) for one in events)
    use = CalendarUse.TIMETABLE if is_timed else CalendarUse.HOLIDAYS
    if is_timed:
        window = Window(on - _BEFORE, on + _AFTER)
        entries = list(_Lessons(events, rows, window, zone).rows())
    else:
        entries = list(_holidays(events, rows))
    rows.rows.extend(_numbered(entries))
    return CalendarFile(use, text.encoding, rows)


def refuse_event(rows: ReadRows, number: int, about: str, error: RowError) -> None:
    """Take in an event that cannot be imported."""
    row = EntryRow(number, {}, event=number)
    rows.refuse(row, error.finding(row, about))


def _read_events(text: CalendarText, zone: ZoneInfo) -> tuple[list[CalendarEvent], ReadRows]:
    reader = EventReader(Zones(zone, text.zones))
    found: list[CalendarEvent] = []
    rows = ReadRows([], [], [])
    torn: set[str] = set()
    for event in text.events:
        try:
            found.append(reader.read(event))
        except RowError as error:
            refuse_event(rows, event.number, reader.about(event), error)
            if error.reason == "calendar_future" and (uid := reader.uid(event)):
                torn.add(uid)
    for one in found:  # what is true of the others of a series cannot be known then
        if one.uid in torn:
            refuse_event(rows, one.number, _about(one), RowError("calendar_future"))
    return [one for one in found if one.uid not in torn], rows


def _holidays(events: Iterable[CalendarEvent], rows: ReadRows) -> Iterator[EntryRow]:
    seen: dict[HolidayEntry, int] = {}
    for event in events:
        if event.is_cancelled:
            refuse_event(rows, event.number, _about(event), RowError("calendar_cancelled"))
            continue
        entry = HolidayEntry(event.summary, event.starts, event.ends - timedelta(days=1))
        if entry in seen:
            error = RowError("repeated", row=str(seen[entry]))
            refuse_event(rows, event.number, _about(event), error)
            continue
        seen[entry] = event.number
        yield _row(EntryStage.HOLIDAYS, event.number, entry)


def _about(event: CalendarEvent) -> str:
    at = event.starts
    shown = f"{at:%Y-%m-%d %H:%M}" if isinstance(at, datetime) else f"{at:%Y-%m-%d}"
    return " · ".join(part for part in (event.summary, shown, event.location) if part)


@dataclass
class _Changes:
    """Changes of single lessons, by where each would be.

    Attributes:
        further: lessons moved from where another change is kept already.
    """

    found: dict[Slot, SlotChange] = field(default_factory=dict)
    further: list[SlotChange] = field(default_factory=list)

    def add(self, number: int, before: Slot, after: Slot | None) -> None:
        change = SlotChange(number, before, after)
        known = self.found.setdefault(before, change)
        if after is None or known.after == after:
            return
        if known.after is None:
            self.found[before] = change
        else:
            self.further.append(change)


class _Lessons:
    """Works out the lessons of a timetable."""

    def __init__(
        self, events: list[CalendarEvent], rows: ReadRows, window: Window, zone: ZoneInfo
    ) -> None:
        self._rows, self._window = rows, window
        self._grouping, self._changes = Grouping(zone), _Changes()
        self._masters: list[CalendarEvent] = []
        self._others: dict[tuple[str, date], CalendarEvent] = {}
        self._left = MOST_ROWS
        for event in events:
            self._sort_in(event)

    def rows(self) -> Iterator[EntryRow]:
        """Yield a row for each entry."""
        used: set[int] = set()
        for event in self._masters:
            self._repeat(event, used)
        for other in self._others.values():
            if other.number not in used:
                self._once(other)
        changes = self._left_changes()
        for change in changes:
            self._grouping.bridge(change.before)
        for series in self._grouping.series():
            yield _row(EntryStage.LESSONS, series.number, series)
        for change in changes:
            yield _row(EntryStage.CHANGES, change.number, change)

    def _left_changes(self) -> list[SlotChange]:
        """Return the changes of places where no event has a lesson.

        Where another event has one, a lesson that was moved away is one more lesson.
        """
        found = self._changes.found
        moved = [*self._changes.further, *filter(self._takes_place, found.values())]
        while moved:
            change = moved.pop()
            if found.get(change.before) is change:
                del found[change.before]
            if change.after is None:
                continue
            self._grouping.add(change.number, change.after, is_rule=False, is_open=False)
            if (other := found.get(change.after)) is not None and self._takes_place(other):
                moved.append(other)
        return list(found.values())

    def _takes_place(self, change: SlotChange) -> bool:
        """Whether another event has the lesson that is changed."""
        return self._grouping.has(change.before)

    def _sort_in(self, event: CalendarEvent) -> None:
        if not isinstance(event.starts, datetime):
            refuse_event(self._rows, event.number, _about(event), RowError("all_day_lesson"))
        elif event.replaces is not None and event.rule is None and event.uid:
            self._replacing(event, (event.uid, event.replaces))
        else:
            self._masters.append(event)

    def _replacing(self, event: CalendarEvent, key: tuple[str, date]) -> None:
        """Take in an event that replaces a lesson; of several versions only the newest counts."""
        known = self._others.get(key, event)
        newest = max(known, event, key=lambda one: (one.sequence, one.number))
        self._others[key] = newest
        if known is not event:
            older = event if newest is known else known
            error = RowError("calendar_older", event=str(newest.number))
            refuse_event(self._rows, older.number, _about(older), error)

    def _repeat(self, event: CalendarEvent, used: set[int]) -> None:
        """Take in all lessons of an event, each as another event may have changed it."""
        for slot, day in self._slots(event):
            keys = (event.uid, slot.starts_at), (event.uid, day)
            other = next((self._others[key] for key in keys if key in self._others), None)
            if slot.starts_at in event.left_out or day in event.left_out or event.is_cancelled:
                self._changes.add(event.number, slot, None)
            elif other is None:
                self._add(event, slot)
            else:
                used.add(other.number)
                self._replace(other, slot)

    def _replace(self, other: CalendarEvent, slot: Slot) -> None:
        after = _slot_at(other, other.starts)
        if other.is_cancelled:
            self._changes.add(other.number, slot, None)
        elif after == slot:
            self._add(other, slot)
        else:
            self._changes.add(other.number, slot, after)

    def _once(self, event: CalendarEvent) -> None:
        """Take in a lesson that replaces one which the file does not have."""
        slot = _slot_at(event, event.starts)
        if event.is_cancelled:
            self._changes.add(event.number, slot, None)
        else:
            self._add(event, slot)

    def _add(self, event: CalendarEvent, slot: Slot) -> None:
        is_open = event.rule is not None and event.rule.is_open
        self._grouping.add(event.number, slot, is_rule=event.rule is not None, is_open=is_open)

    def _slots(self, event: CalendarEvent) -> Iterator[tuple[Slot, date]]:
        """Yield the lessons of an event, with their dates in its zone."""
        assert isinstance(event.starts, datetime)
        if event.rule is None:
            yield _slot_at(event, event.starts), event.starts.date()
            return
        for start in event.rule.starts(event.starts, self._window):
            self._left -= 1
            if self._left < 0:
                raise too_many_lessons()
            yield _slot_at(event, start), start.date()


def _slot_at(event: CalendarEvent, start: date) -> Slot:
    """Return the lesson of an event that starts at a moment, and lasts as the event does."""
    assert isinstance(start, datetime)
    starts_at = start.astimezone(UTC).replace(second=0, microsecond=0)
    lasts = as_moment(event.ends) - as_moment(event.starts)
    return Slot(event.summary, event.location, starts_at, starts_at + lasts)


def as_moment(at: date) -> datetime:
    """Return a moment in UTC."""
    found = as_key(at)
    assert isinstance(found, datetime)
    return found


def _row(stage: EntryStage, event: int, entry: HolidayEntry | Series | SlotChange) -> EntryRow:
    return EntryRow(stage * BASE, {}, event=event, entry=entry)


def _numbered(rows: Iterable[EntryRow]) -> Iterator[EntryRow]:
    """Yield rows by stage and event, each with a number that no other has."""
    ordered = sorted(rows, key=lambda one: (one.number, one.event))
    for at, one in enumerate(ordered, 1):
        yield replace(one, number=one.number + at)
