"""Lessons as an iCalendar file (RFC 5545)."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from icalendar import Calendar, Event

from server.timetable.service import LessonView

#: How often calendar programs are asked to look again.
REFRESH_EVERY = timedelta(hours=1)
_PRODUCT = "-//Rollcall//Timetable//EN"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def written(views: Sequence[LessonView], *, name: str, at: datetime) -> bytes:
    """Return lessons as a calendar.

    Args:
        views: the lessons.
        name: of the calendar.
        at: now; every event says that it was written then.
    """
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", _line(name))
    calendar.add("refresh-interval", REFRESH_EVERY, {"VALUE": "DURATION"})
    calendar.add("x-published-ttl", REFRESH_EVERY)
    for view in views:
        calendar.add_component(_event(view, at))
    content: bytes = calendar.to_ical()
    return content


def etag_of(views: Sequence[LessonView], *, name: str) -> str:
    """Return the name of an answer: the same while the events say the same.

    It is a weak one, since the moment of writing differs.
    """
    digest = sha256(name.encode())
    for view in views:
        digest.update(repr(_said(view)).encode())
    return f'W/"{digest.hexdigest()[:32]}"'


def _said(view: LessonView) -> tuple[str, ...]:
    lesson = view.lesson
    times = (f"{one.astimezone(UTC):%Y%m%dT%H%M%S}" for one in (lesson.starts_at, lesson.ends_at))
    names = view.course.code, view.course.title, view.room.name
    return str(lesson.id), *times, *names, str(view.is_cancelled)


def _event(view: LessonView, at: datetime) -> Event:
    event = Event()
    event.add("uid", str(view.lesson.id))
    event.add("dtstamp", at.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", view.lesson.starts_at.astimezone(UTC))
    event.add("dtend", view.lesson.ends_at.astimezone(UTC))
    event.add("summary", _line(f"{view.course.code} {view.course.title}"))
    event.add("location", _line(view.room.name))
    event.add("status", "CANCELLED" if view.is_cancelled else "CONFIRMED")
    return event


def _line(text: str) -> str:
    """Return a text without line breaks and other control characters."""
    return _CONTROL.sub(" ", text).strip()
