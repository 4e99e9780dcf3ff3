"""The kind of calendars: holidays, lessons and changes, each judged and written by its entries."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.imports.bundles import BASE
from server.imports.calendars.changes import ChangeEntries
from server.imports.calendars.entries import EntryRow, EntryStage
from server.imports.calendars.holidays import HolidayEntries
from server.imports.calendars.lessons import SeriesEntries
from server.imports.calendars.missing import missing_lessons
from server.imports.calendars.reading import CalendarFile
from server.imports.findings import Column, Finding, Judged, ParsedRow
from server.people.bulk import ImportOrigin
from server.timetable.service import lock_timetable


class CalendarFiles:
    """The kind, for one run on one file."""

    name = "calendar"
    columns: tuple[Column, ...] = ()

    def __init__(self, file: CalendarFile, zone: ZoneInfo) -> None:
        rows = [one for one in file.rows.rows if isinstance(one, EntryRow)]
        self._zone = zone
        self._rows = {one.number: one for one in rows}
        self._holidays = HolidayEntries(rows, zone)
        self._series = SeriesEntries(zone)
        self._changes = ChangeEntries(zone, self._series)

    def identify(self, row: ParsedRow) -> str:
        """Return the number of the row: events that say the same were put together."""
        return str(row.number)

    def about(self, row: ParsedRow) -> str:
        """Return nothing: entries know what they are about."""
        del row
        return ""

    def judge(self, db: Session, rows: Sequence[ParsedRow], *, lock: bool) -> list[Judged]:
        """Judge entries by what they are."""
        if lock:
            lock_timetable(db)
        found: list[Judged] = []
        for stage, some in _by_stage(rows).items():
            if stage is EntryStage.HOLIDAYS:
                found += self._holidays.judge(db, some)
            elif stage is EntryStage.LESSONS:
                found += self._series.judge(db, some, lock=lock)
            else:
                found += self._changes.judge(db, some, lock=lock)
        return found if lock else [replace(one, finding=self._shown(one.finding)) for one in found]

    def write(self, db: Session, judged: Sequence[Judged], origin: ImportOrigin) -> list[Finding]:
        """Write entries by what they are."""
        by_stage: dict[EntryStage, list[Judged]] = {}
        for one in judged:
            by_stage.setdefault(_stage(one.finding.row), []).append(one)
        found: list[Finding] = []
        for stage, some in by_stage.items():
            if stage is EntryStage.HOLIDAYS:
                found += self._holidays.write(db, some, origin)
            elif stage is EntryStage.LESSONS:
                found += self._series.write(db, some, origin)
            else:
                found += self._changes.write(db, some, origin)
        return [self._shown(one) for one in found]

    def missing(self, db: Session, rows: Iterable[ParsedRow]) -> Iterator[Finding]:
        """Yield holidays, or lessons of the same courses, that the file does not have."""
        yield from self._holidays.missing(db)
        entries = [one.entry for one in rows if isinstance(one, EntryRow)]
        yield from missing_lessons(db, entries, self._zone)

    def _shown(self, finding: Finding) -> Finding:
        """Return a finding with the number of its event, and with what the event is."""
        row = self._rows[finding.row]
        what = row.entry.kind if row.entry is not None else ""
        return replace(finding, row=row.event, what=what)


def _stage(number: int) -> EntryStage:
    return EntryStage(number // BASE)


def _by_stage(rows: Sequence[ParsedRow]) -> dict[EntryStage, list[ParsedRow]]:
    found: dict[EntryStage, list[ParsedRow]] = {}
    for row in rows:
        found.setdefault(_stage(row.number), []).append(row)
    return found
