"""What is written as a calendar reads back the same."""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from server.db.types import now
from server.timetable.feeds.calendar import written
from server.timetable.local_time import to_utc
from server.timetable.service import LessonView
from server.timetable.tables import Course, Lesson, Room

BERLIN, LASTS = ZoneInfo("Europe/Berlin"), timedelta(minutes=45)


@settings(max_examples=25, deadline=None)
@given(
    days=st.lists(st.integers(0, 399), min_size=1, max_size=8, unique=True),
    title=st.text(st.characters(codec="utf-8"), min_size=1, max_size=120),
    at=st.times(time(5), time(18)),
)
def test_written_calendar_reads_back_whatever_date_and_title(
    days: list[int], title: str, at: time
) -> None:
    course, room = Course(code="A", title=title), Room(name="R;1,2\\n")
    starts = [to_utc(date(2026, 8, 1) + timedelta(days=day), at, BERLIN) for day in days]
    views = [
        LessonView(
            Lesson(
                course_id=course.id,
                room_id=room.id,
                starts_at=one,
                ends_at=one + LASTS,
                time_zone=BERLIN.key,
            ),
            course,
            room,
        )
        for one in starts
    ]
    content = written(views, name=title, at=now())
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    assert b"\n" not in content.replace(b"\r\n", b"")
    read: list[Any] = Calendar.from_ical(content).walk("VEVENT")
    assert [str(one["uid"]) for one in read] == [str(one.lesson.id) for one in views]
    wanted = [datetime.combine(one.astimezone(BERLIN).date(), at) for one in starts]
    shown = [one["dtstart"].dt.astimezone(BERLIN).replace(tzinfo=None) for one in read]
    assert shown == [one.replace(microsecond=0) for one in wanted]
    assert {str(one["location"]) for one in read} == {"R;1,2\\n"}
