"""Sample calendars: holidays of a year, and the weekly lessons of two courses."""

from datetime import date, datetime, timedelta

from icalendar import Calendar, Event

from server.imports.calendars.entries import CalendarUse

_PRODUCT = "-//Rollcall//Sample//EN"
_WRITTEN = datetime(2026, 8, 1)  # noqa: DTZ001 - a calendar's own stamp, no moment of the school
_HOLIDAYS = (
    ("Autumn holidays", date(2026, 10, 12), date(2026, 10, 23)),
    ("Winter holidays", date(2026, 12, 21), date(2027, 1, 1)),
    ("Founders' day", date(2027, 3, 5), date(2027, 3, 5)),
    ("Spring holidays", date(2027, 3, 29), date(2027, 4, 9)),
)
#: Course, room, first lesson, weeks between lessons. Without a zone: the school's times.
_LESSONS = (
    ("BIO-9", "R12", datetime(2026, 9, 7, 8, 0), 1),  # noqa: DTZ001
    ("BIO-9", "R14", datetime(2026, 9, 8, 9, 50), 2),  # noqa: DTZ001
    ("ART-1", "R14", datetime(2026, 9, 11, 11, 30), 1),  # noqa: DTZ001
)
_LASTS = timedelta(minutes=45)


def sample_calendar(use: CalendarUse) -> bytes:
    """Return a calendar that can be imported as it is."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    events = _holidays() if use is CalendarUse.HOLIDAYS else _lessons()
    for number, event in enumerate(events, 1):
        event.add("uid", f"{use}-{number}@rollcall.example")
        event.add("dtstamp", _WRITTEN)
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _holidays() -> list[Event]:
    found = []
    for name, first, last in _HOLIDAYS:
        event = Event()
        event.add("summary", name)
        event.add("dtstart", first)
        event.add("dtend", last + timedelta(days=1))
        found.append(event)
    return found


def _lessons() -> list[Event]:
    found = []
    for course, room, starts, weeks in _LESSONS:
        event = Event()
        event.add("summary", course)
        event.add("location", room)
        event.add("dtstart", starts)
        event.add("dtend", starts + _LASTS)
        event.add("rrule", {"freq": "weekly", "interval": weeks})
        found.append(event)
    return found
