"""Holidays of a calendar, compared with the school's. None is ever deleted."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.db.types import now
from server.imports.calendars.entries import EntryKind, EntryRow, HolidayEntry
from server.imports.findings import (
    Finding,
    Judged,
    ParsedRow,
    RowError,
    RowOutcome,
    ValueChange,
    judged_each,
    payloads,
    written_each,
)
from server.people.bulk import ImportOrigin
from server.people.folding import fold, misleads
from server.timetable.holidays.schemas import HolidayCreate
from server.timetable.holidays.service import (
    LONGEST,
    change_holiday,
    create_holidays,
    holidays,
)
from server.timetable.tables import Holiday

_LONGEST_NAME = 80


@dataclass(frozen=True)
class HolidayPlan:
    """What is written: a new holiday, or new dates of a known one."""

    holiday_id: uuid.UUID | None
    body: HolidayCreate


class HolidayEntries:
    """Judges and writes the holidays of one file."""

    def __init__(self, rows: Iterable[EntryRow], zone: ZoneInfo) -> None:
        self._zone = zone
        self._entries = [one.entry for one in rows if isinstance(one.entry, HolidayEntry)]
        self._exact = {_key(one.name, one) for one in self._entries}

    def about(self, row: ParsedRow) -> str:
        """Return the name and the dates of a holiday."""
        return _about(entry_of(row))

    def identify(self, row: ParsedRow) -> str:
        """Return the same."""
        return self.about(row)

    def judge(self, db: Session, rows: Sequence[ParsedRow]) -> list[Judged]:
        """Compare holidays by name and dates; one with other dates that overlap is changed."""
        known = holidays(db)
        exact = {_key(one.name, one) for one in known}
        # Of holidays that are in the file as they are, none is meant by another event.
        others = [one for one in known if _key(one.name, one) not in self._exact]

        def judge(row: ParsedRow) -> Judged:
            entry = entry_of(row)
            _refuse_odd(entry)
            finding = Finding(row.number, RowOutcome.NEW, _about(entry))
            if _key(entry.name, entry) in exact:
                return Judged(replace(finding, outcome=RowOutcome.UNCHANGED))
            body = HolidayCreate(
                name=entry.name, first_day=entry.first_day, last_day=entry.last_day
            )
            found = [one for one in others if _is_other_dates(one, entry)]
            if len(found) != 1 or self._is_contested(found[0]):
                return Judged(finding, HolidayPlan(None, body))
            changes = tuple(_changes(found[0], entry))
            changed = replace(finding, outcome=RowOutcome.CHANGED, changes=changes)
            return Judged(changed, HolidayPlan(found[0].id, body))

        return judged_each(self, rows, judge)

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Add new holidays together, and change others one by one."""
        at, actor = now(), origin.actor
        new: list[HolidayPlan] = payloads(judged, RowOutcome.NEW)
        if new:
            bodies = [one.body for one in new]
            create_holidays(db, bodies, zone=self._zone, at=at, actor=actor)
        return written_each(db, judged, self._writer(db, at, actor))

    def missing(self, db: Session) -> Iterator[Finding]:
        """Yield the school's holidays in the time of the file that the file does not have."""
        if not self._entries:
            return
        first = min(one.first_day for one in self._entries)
        last = max(one.last_day for one in self._entries)
        for one in holidays(db, since=first):
            entry = HolidayEntry(one.name, one.first_day, one.last_day)
            is_meant = any(_is_other_dates(one, other) for other in self._entries)
            if one.first_day <= last and _key(one.name, one) not in self._exact and not is_meant:
                yield Finding(0, RowOutcome.MISSING, _about(entry), what=EntryKind.HOLIDAY)

    def _is_contested(self, known: Holiday) -> bool:
        """Whether several events of the file may mean one holiday."""
        return sum(_is_other_dates(known, one) for one in self._entries) > 1

    def _writer(self, db: Session, at: datetime, actor: str) -> Callable[[Judged], object]:
        def write(one: Judged) -> None:
            plan: HolidayPlan = one.payload
            if plan.holiday_id is not None:
                change_holiday(db, plan.holiday_id, plan.body, zone=self._zone, at=at, actor=actor)

        return write


def entry_of(row: ParsedRow) -> HolidayEntry:
    """Return the holiday of a row."""
    assert isinstance(row, EntryRow)
    assert isinstance(row.entry, HolidayEntry)
    return row.entry


def _key(name: str, days: HolidayEntry | Holiday) -> tuple[object, ...]:
    return fold(name), days.first_day, days.last_day


def _about(entry: HolidayEntry) -> str:
    first, last = str(entry.first_day), str(entry.last_day)
    days = first if first == last else f"{first} \N{EN DASH} {last}"
    return " · ".join(part for part in (entry.name, days) if part)


def _refuse_odd(entry: HolidayEntry) -> None:
    """Refuse what cannot be a holiday.

    Raises:
        RowError: it is that.
    """
    if not entry.name:
        raise RowError("calendar_no_name")
    if len(entry.name) > _LONGEST_NAME:
        raise RowError("too_long", "name")
    if misleads(entry.name):
        raise RowError("misleading", "name")
    if entry.last_day - entry.first_day >= LONGEST:
        raise RowError("holiday_too_long")


def _is_other_dates(known: Holiday, entry: HolidayEntry) -> bool:
    """Whether both are the same holiday, with dates that overlap."""
    overlaps = known.first_day <= entry.last_day and entry.first_day <= known.last_day
    return overlaps and fold(known.name) == fold(entry.name)


def _changes(known: Holiday, entry: HolidayEntry) -> Iterator[ValueChange]:
    for column, before, after in (
        ("from", known.first_day, entry.first_day),
        ("until", known.last_day, entry.last_day),
    ):
        if before != after:
            yield ValueChange(column, f"{before}", f"{after}")
