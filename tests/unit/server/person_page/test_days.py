"""The calendar and the sums of a person hold each line once, and agree with reports."""

import uuid
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from server.attendance.person_lines import PersonLine
from server.attendance.register import AttendanceStatus
from server.person_page.days import days_of, months_of
from server.person_page.sums import course_sums, late_lines, lateness_of, tally_of
from server.reports.lines import LessonFacts, LineFacts
from server.reports.standing import Standing, standing_of
from server.reports.tally import ReportTally
from server.timetable.day import LessonRow

FIRST = date(2026, 10, 20)
AT = datetime(2026, 11, 5, 10, 20, tzinfo=UTC)
PERSON = uuid.UUID(int=7)
COURSES = [uuid.UUID(int=number) for number in range(3)]


def _line(
    number: int,
    course: int,
    hours: int,
    status: AttendanceStatus,
    is_counted: bool | None,
    is_cancelled: bool,
) -> PersonLine:
    starts_at = datetime(2026, 10, 20, 7, 30, tzinfo=UTC) + timedelta(hours=hours)
    lesson = LessonRow(
        uuid.UUID(int=number),
        COURSES[course],
        uuid.UUID(int=1),
        starts_at,
        starts_at + timedelta(minutes=45),
        "UTC",
        f"C-{course}",
        "Course",
        "R1",
        is_cancelled,
    )
    late_min = hours % 30 if status is AttendanceStatus.LATE and hours % 2 else None
    return PersonLine(lesson, starts_at.date(), status, late_min, None, is_counted)


_drawn = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 24 * 30),
        st.sampled_from(AttendanceStatus),
        st.sampled_from([None, None, True, False]),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=25,
).map(
    lambda rows: sorted(
        (_line(number, *row) for number, row in enumerate(rows)),
        key=lambda line: line.lesson.starts_at,
    )
)


@given(lines=_drawn)
def test_each_line_is_on_one_day_which_shows_the_gravest(lines: list[PersonLine]) -> None:
    days = days_of(lines)
    assert [line for day in days.values() for line in day.lines] == lines
    for day, found in days.items():
        assert {line.day for line in found.lines} == {day}
        counted = [line for line in found.lines if not line.lesson.is_cancelled]
        decided = [line for line in counted if line.status is not AttendanceStatus.EXPECTED]
        standings = {standing_of(line.status, line.is_counted) for line in decided}
        shown = found.shown
        assert shown is not None
        assert shown.lesson.is_cancelled == (not counted)
        if decided:
            order = ("absent", "open", "late", "excused", "in_time")
            gravest = next(one for one in order if Standing(one) in standings)
            assert standing_of(shown.status, shown.is_counted) == gravest
        assert 1 <= found.like_it <= len(found.lines)


@given(lines=_drawn, length=st.integers(0, 60))
def test_months_have_every_date_of_the_span_and_of_the_lines_once(
    lines: list[PersonLine], length: int
) -> None:
    days = days_of(lines)
    last = FIRST + timedelta(days=length)
    months = months_of(days, FIRST, last, {FIRST + timedelta(days=2): "Break"})
    weeks = [week for month in months for week in month.weeks]
    assert {len(week) for week in weeks} == {7}
    dates = Counter(one.date for week in weeks for one in week if one)
    assert set(dates.values()) == {1}
    assert {*days, FIRST, last} <= set(dates)
    assert all(
        one.date.weekday() == place for week in weeks for place, one in enumerate(week) if one
    )
    shown = {one.date: one for week in weeks for one in week if one and one.shown}
    assert shown == days


@given(lines=_drawn)
def test_sums_are_those_of_the_reports(lines: list[PersonLine]) -> None:
    report = ReportTally()
    report.add_all((_facts(line) for line in lines if line.lesson.starts_at < AT), AT, {PERSON})
    found = tally_of(lines, AT)
    assert (found.total, found.courses, found.days) == (report.total, report.courses, report.days)
    assert found.weeks() == report.weeks()
    late = late_lines(lines, AT)
    assert len(late) == report.total.lines.late
    courses = course_sums(lines, found, late)
    assert [one.course_id for one in courses] == sorted(report.courses)
    assert sum(one.lateness.total for one in courses) == lateness_of(late).total


def _facts(line: PersonLine) -> LessonFacts:
    lesson = line.lesson
    mine = LineFacts(
        PERSON, line.status, None, None, is_corrected=False, is_counted=line.is_counted
    )
    other = LineFacts(uuid.UUID(int=8), AttendanceStatus.ABSENT, None, None, is_corrected=False)
    return LessonFacts(
        lesson.id,
        lesson.course_id,
        lesson.room_id,
        line.day,
        lesson.starts_at,
        lesson.ends_at,
        is_cancelled=lesson.is_cancelled,
        is_seen=True,
        lines=(mine, other),
    )
