"""What the events of a calendar become: holidays, weekly and single lessons, and changes."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import IntEnum, StrEnum
from zoneinfo import ZoneInfo

from server.imports.findings import ParsedRow


class CalendarUse(StrEnum):
    """What a calendar as a whole holds."""

    HOLIDAYS = "holidays"
    TIMETABLE = "timetable"


class EntryStage(IntEnum):
    """The order in which entries are written: changes concern lessons of weekly patterns."""

    HOLIDAYS = 1
    LESSONS = 2
    CHANGES = 3


class EntryKind(StrEnum):
    """What an entry is called in reports."""

    HOLIDAY = "holiday"
    WEEKLY = "weekly"
    FORTNIGHTLY = "fortnightly"
    LESSON = "lesson"
    CANCELLED = "cancelled"
    MOVED = "moved"


@dataclass(frozen=True)
class HolidayEntry:
    """Dates on which the school is closed, both included."""

    name: str
    first_day: date
    last_day: date

    @property
    def kind(self) -> EntryKind:
        """What reports call it."""
        return EntryKind.HOLIDAY


@dataclass(frozen=True)
class Slot:
    """A lesson as a calendar names it.

    Attributes:
        starts_at: UTC, in whole minutes.
        ends_at: likewise.
    """

    course: str
    room: str
    starts_at: datetime
    ends_at: datetime

    def local(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return start and end as the school's clock shows them."""
        return self.starts_at.astimezone(zone), self.ends_at.astimezone(zone)


@dataclass(frozen=True)
class Series:
    """Lessons of a course in one room, on one weekday and at one time.

    Attributes:
        number: of the first event that gives one of them.
        step: days between them: 7 or 14; 0: a single lesson.
        starts: the school's time.
        ends: likewise.
        slots: the lessons, by their dates at the school.
        bridged: dates on which there would be one, were it not cancelled or moved.
        is_rule: whether events repeat by a rule, which knows no holidays.
        is_open: whether it never ends.
    """

    number: int
    course: str
    room: str
    step: int
    starts: time
    ends: time
    slots: dict[date, Slot]
    bridged: frozenset[date] = frozenset()
    is_rule: bool = False
    is_open: bool = False

    @property
    def kind(self) -> EntryKind:
        """What reports call it."""
        kinds = {0: EntryKind.LESSON, 7: EntryKind.WEEKLY, 14: EntryKind.FORTNIGHTLY}
        return kinds[self.step]


@dataclass(frozen=True)
class SlotChange:
    """A lesson of a series that does not take place as the others.

    Attributes:
        before: where it would be.
        after: where it is; None: cancelled.
    """

    number: int
    before: Slot
    after: Slot | None

    @property
    def kind(self) -> EntryKind:
        """What reports call it."""
        return EntryKind.CANCELLED if self.after is None else EntryKind.MOVED


@dataclass(frozen=True)
class EntryRow(ParsedRow):
    """A row for each entry.

    Its number holds the stage, so that rows are written in that order. An event may give several.

    Attributes:
        event: number of the event in the file.
        entry: what it became; None: it cannot be imported.
    """

    event: int = 0
    entry: HolidayEntry | Series | SlotChange | None = field(default=None, compare=False)
