"""Lessons that the timetable has and a calendar has not. Nothing is done about them."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.db.types import now
from server.imports.calendars.entries import (
    EntryKind,
    HolidayEntry,
    Series,
    Slot,
    SlotChange,
)
from server.imports.calendars.lessons import about_series
from server.imports.calendars.places import CalendarPlaces
from server.imports.findings import Finding, RowError, RowOutcome
from server.timetable.service import LessonView, lesson_views

Entry = HolidayEntry | Series | SlotChange | None
_Key = tuple[str, str, int, time, time]


def missing_lessons(db: Session, entries: Iterable[Entry], zone: ZoneInfo) -> Iterator[Finding]:
    """Yield lessons to come, up to the last one of the file, of courses that the file names."""
    slots = [slot for entry in entries for slot in _slots(entry)]
    places = CalendarPlaces(db)
    given: set[tuple[object, datetime]] = set()
    courses = set()
    for slot in slots:
        with suppress(RowError):
            course_id = places.course(slot.course).id
            courses.add(course_id)
            given.add((course_id, slot.starts_at))
    if not given:
        return
    last = max(one.ends_at for one in slots)
    views = lesson_views(db, courses=list(courses), after=now(), before=last)
    lacking = [one for one in views if (one.course.id, one.lesson.starts_at) not in given]
    yield from _told([one for one in lacking if not one.is_cancelled], zone)


def _slots(entry: Entry) -> Iterator[Slot]:
    """Yield the places that an entry names, also those of lessons that do not take place."""
    if isinstance(entry, Series):
        yield from entry.slots.values()
    elif isinstance(entry, SlotChange):
        yield entry.before
        if entry.after is not None:
            yield entry.after


def _told(views: Sequence[LessonView], zone: ZoneInfo) -> Iterator[Finding]:
    """Yield a line for the lessons of each course, room, weekday and time."""
    groups: dict[_Key, dict[date, Slot]] = {}
    for view in views:
        lesson = view.lesson
        slot = Slot(view.course.code, view.room.name, lesson.starts_at, lesson.ends_at)
        starts, ends = slot.local(zone)
        key = (slot.course, slot.room, starts.weekday(), starts.time(), ends.time())
        groups.setdefault(key, {})[starts.date()] = slot
    for (course, room, _day, starts_at, ends_at), found in sorted(groups.items()):
        series = Series(0, course, room, 0, starts_at, ends_at, found)
        yield Finding(0, RowOutcome.MISSING, about_series(series), what=EntryKind.LESSON)
