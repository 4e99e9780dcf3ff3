"""Find out which lessons of a calendar are regular: the same set of lessons, told more shortly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from server.imports.calendars.entries import Series, Slot

#: Fewer lessons are kept one by one.
_FEWEST = 3
_WEEK = 7


@dataclass
class _LikeLessons:
    """Lessons of one course, room, weekday and time.

    Attributes:
        slots: by date, with the number of the event.
        bridged: dates of lessons that were cancelled or moved.
    """

    slots: dict[date, tuple[int, Slot]] = field(default_factory=dict)
    bridged: set[date] = field(default_factory=set)
    is_rule: bool = False
    is_open: bool = False

    def step(self) -> int:
        """Return the days between the lessons; 0 where they are not regular."""
        days = sorted({*self.slots, *self.bridged})
        if len(days) < _FEWEST or len(self.slots) == 1:
            return 0
        weeks = [(day - days[0]).days // _WEEK for day in days]
        if all(week % 2 == 0 for week in weeks):
            return 2 * _WEEK if _is_dense(len(days), weeks[-1] // 2 + 1) else 0
        return _WEEK if _is_dense(len(days), weeks[-1] + 1) else 0


def _is_dense(lessons: int, places: int) -> bool:
    """Whether there is a lesson at half of the places at least."""
    return 2 * lessons >= places


_Key = tuple[str, str, int, time, time]


class Grouping:
    """Collects lessons."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._groups: dict[_Key, _LikeLessons] = {}
        self._alone: list[tuple[int, Slot]] = []

    def add(self, number: int, slot: Slot, *, is_rule: bool, is_open: bool) -> None:
        """Take in a lesson of an event; the same one twice counts once."""
        starts, ends = slot.local(self._zone)
        if starts.date() != ends.date() or starts.time() >= ends.time():
            self._alone.append((number, slot))
            return
        group = self._groups.setdefault(_key(slot, starts, ends), _LikeLessons())
        group.slots.setdefault(starts.date(), (number, slot))
        group.is_rule |= is_rule
        group.is_open |= is_open

    def bridge(self, slot: Slot) -> None:
        """Note where a lesson would be that was cancelled or moved."""
        starts, ends = slot.local(self._zone)
        if (group := self._groups.get(_key(slot, starts, ends))) is not None:
            group.bridged.add(starts.date())

    def has(self, slot: Slot) -> bool:
        """Whether a lesson takes place here after all."""
        starts, ends = slot.local(self._zone)
        group = self._groups.get(_key(slot, starts, ends))
        return group is not None and starts.date() in group.slots

    def series(self) -> Iterator[Series]:
        """Yield all lessons, the regular ones together."""
        for (course, room, _day, starts, ends), group in self._groups.items():
            made = (course, room, starts, ends)
            numbered = sorted(group.slots.items())
            if step := group.step():
                yield _made(made, step, numbered, group)
            else:
                for one in numbered:
                    yield _made(made, 0, [one], group)
        for number, slot in self._alone:
            first, last = slot.local(self._zone)
            made = (slot.course, slot.room, first.time(), last.time())
            yield _made(made, 0, [(first.date(), (number, slot))], _LikeLessons())


def _key(slot: Slot, starts: datetime, ends: datetime) -> _Key:
    return slot.course, slot.room, starts.weekday(), starts.time(), ends.time()


def _made(
    what: tuple[str, str, time, time],
    step: int,
    numbered: Sequence[tuple[date, tuple[int, Slot]]],
    group: _LikeLessons,
) -> Series:
    course, room, starts, ends = what
    return Series(
        number=min(number for _, (number, _) in numbered),
        course=course,
        room=room,
        step=step,
        starts=starts,
        ends=ends,
        slots={day: slot for day, (_, slot) in numbered},
        bridged=frozenset(group.bridged - group.slots.keys()) if step else frozenset(),
        is_rule=group.is_rule,
        is_open=group.is_open,
    )


def days_between(first: date, last: date, step: int) -> Iterator[date]:
    """Yield the dates between two of a series, both excluded."""
    day = first + timedelta(days=step)
    while day < last:
        yield day
        day += timedelta(days=step)
