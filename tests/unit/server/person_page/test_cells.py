"""Days of a calendar are drawn as HTML that no name can break."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest

from server.attendance.codes.code_list import CodeList
from server.attendance.person_lines import PersonLine
from server.attendance.register import AttendanceStatus
from server.person_page.cells import CalendarCells
from server.person_page.days import CalendarDay, days_of
from server.person_page.words import LineWords
from server.timetable.day import LessonRow
from server.web.translations import translator

DAY = date(2026, 11, 5)
LESSON = uuid.UUID(int=5)


def _line(hour: int, *, is_cancelled: bool = False) -> PersonLine:
    starts_at = datetime(2026, 11, 5, hour, tzinfo=UTC)
    ends_at = starts_at + timedelta(minutes=45)
    course, room = uuid.UUID(int=1), uuid.UUID(int=2)
    names = ("UTC", "BIO-9", "Biology", "R12", is_cancelled)
    lesson = LessonRow(LESSON, course, room, starts_at, ends_at, *names)
    return PersonLine(lesson, DAY, AttendanceStatus.EXPECTED)


@pytest.fixture
def cells() -> CalendarCells:
    words = LineWords(CodeList(()), translator("en"))
    return CalendarCells(words, "first=2026-11-01&last=<b>&", today=DAY, picked=DAY)


def test_a_day_of_one_lesson_leads_to_its_register(cells: CalendarCells) -> None:
    drawn = cells.weeks([[days_of([_line(8)])[DAY]]])
    assert f'<a href="/lessons/{LESSON}">' in drawn
    assert 'is-today is-picked"' in drawn
    assert "<small>" not in drawn


def test_a_day_of_several_lessons_leads_to_them(cells: CalendarCells) -> None:
    drawn = cells.weeks([[days_of([_line(8), _line(9, is_cancelled=True)])[DAY]]])
    assert 'href="?first=2026-11-01&amp;last=&lt;b&gt;&amp;day=2026-11-05#day"' in drawn
    assert "<small>1/2</small>" in drawn


def test_the_name_of_a_holiday_is_text(cells: CalendarCells) -> None:
    holiday = CalendarDay(DAY, holiday='"><script>')
    drawn = cells.weeks([[None, holiday]])
    assert drawn.startswith("<tr><td></td><td")
    assert "<script>" not in drawn
    assert drawn.count("&#34;&gt;&lt;script&gt;") == 2


def test_days_without_lessons_say_whether_they_were_asked_for(cells: CalendarCells) -> None:
    outside = CalendarDay(DAY + timedelta(days=1), is_inside=False)
    drawn = cells.weeks([[CalendarDay(DAY - timedelta(days=1))], [outside]])
    assert drawn.count("<tr>") == 2
    assert '<td class="cal-day"><span class="cal-date">4</span></td>' in drawn
    assert '<td class="cal-day is-outside"><span class="cal-date">6</span></td>' in drawn
