"""Sums agree however they are added up, whatever the order; rates and limits; taken registers."""

import json
import uuid
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.attendance.register import AttendanceStatus
from server.reports.lines import LessonFacts, LineFacts
from server.reports.standing import LineCounts, standing_of, status_key
from server.reports.tally import ReportTally, Sums, dump, is_taken, load, untaken_of
from server.web.translations import translator

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
PEOPLE = [uuid.UUID(int=number) for number in range(1, 7)]
COURSES = [uuid.UUID(int=number) for number in range(11, 14)]


def lesson(
    *statuses: AttendanceStatus,
    number: int = 0,
    course: uuid.UUID = COURSES[0],
    day: date = date(2026, 11, 23),
    is_cancelled: bool = False,
    is_seen: bool = True,
    ends_at: datetime = AT,
) -> LessonFacts:
    lines = tuple(
        LineFacts(person, status, None, None, is_corrected=False)
        for person, status in zip(PEOPLE, statuses, strict=False)
    )
    return LessonFacts(
        uuid.UUID(int=100 + number),
        course,
        uuid.UUID(int=50),
        day,
        ends_at - timedelta(minutes=45),
        ends_at,
        is_cancelled,
        is_seen,
        lines,
    )


lessons = st.builds(
    lambda statuses, number, course, days, is_cancelled, is_seen: lesson(
        *statuses,
        number=number,
        course=course,
        day=date(2026, 10, 19) + timedelta(days=days),
        is_cancelled=is_cancelled,
        is_seen=is_seen,
    ),
    st.lists(st.sampled_from(AttendanceStatus), max_size=6),
    st.integers(0, 10_000),
    st.sampled_from(COURSES),
    st.integers(0, 40),
    st.booleans(),
    st.booleans(),
)
many_lessons = st.lists(lessons, max_size=12, unique_by=lambda one: one.lesson_id)


def tally_of(found: list[LessonFacts], person: uuid.UUID | None = None) -> ReportTally:
    tally = ReportTally()
    tally.add_all(found, AT, None if person is None else {person})
    return tally


def added_up(parts: list[LineCounts]) -> dict[str, int]:
    total = dict.fromkeys(asdict(LineCounts()), 0)
    for one in parts:
        total = {name: total[name] + count for name, count in asdict(one).items()}
    return total


@given(many_lessons)
def test_sums_by_person_course_day_and_week_are_the_same_total(found: list[LessonFacts]) -> None:
    tally = tally_of(found)
    total = asdict(tally.total.lines)
    for groups in (tally.people, tally.courses, tally.days):
        assert added_up([one.lines for one in groups.values()]) == total
    assert added_up(list(tally.weeks().values())) == total
    lines = sum(len(one.lines) for one in found)
    assert tally.total.lines.lines + tally.total.lines.cancelled == lines
    for groups in (tally.courses, tally.days):
        assert sum(one.lessons for one in groups.values()) == tally.total.lessons
    assert tally.total.lessons + tally.total.cancelled_lessons == len(found)


@given(many_lessons, st.randoms())
def test_the_order_of_lessons_changes_nothing(found: list[LessonFacts], chance: object) -> None:
    other = list(found)
    chance.shuffle(other)  # type: ignore[attr-defined]
    first, second = tally_of(found), tally_of(other)
    assert first.people == second.people
    assert first.courses == second.courses
    assert first.days == second.days
    assert set(first.untaken) == set(second.untaken)


@given(many_lessons)
def test_the_reports_of_single_people_are_the_lines_of_all(found: list[LessonFacts]) -> None:
    tally = tally_of(found)
    for person in PEOPLE:
        alone = tally_of(found, person)
        assert alone.total == tally.people.get(person, Sums())


@given(many_lessons, st.sets(st.sampled_from(PEOPLE)))
def test_the_report_of_a_class_is_the_sum_of_its_students(
    found: list[LessonFacts], members: set[uuid.UUID]
) -> None:
    tally, own = tally_of(found), ReportTally()
    own.add_all(found, AT, members)
    assert own.total.lines == tally.of_people(members).lines
    assert own.people == {one: tally.people[one] for one in members if one in tally.people}
    assert own.untaken == []


@given(many_lessons)
def test_a_kept_tally_is_the_same_again(found: list[LessonFacts]) -> None:
    tally = tally_of(found)
    assert load(json.loads(json.dumps(dump(tally)))) == tally


def test_the_rate_leaves_out_what_is_excused_open_or_cancelled() -> None:
    present, late, absent = (
        AttendanceStatus.PRESENT,
        AttendanceStatus.LATE,
        AttendanceStatus.ABSENT,
    )
    tally = tally_of(
        [
            lesson(present, number=1),
            lesson(late, number=2),
            lesson(absent, number=3),
            lesson(AttendanceStatus.EXCUSED, number=4),
            lesson(AttendanceStatus.PENDING, number=5),
            lesson(absent, number=6, is_cancelled=True),
        ]
    )
    counts = tally.people[PEOPLE[0]].lines
    assert (counts.attended, counts.judged, counts.lines, counts.cancelled) == (2, 3, 5, 1)
    assert counts.rate == pytest.approx(2 / 3)
    assert LineCounts(open=3, excused=1).rate is None


@pytest.mark.parametrize(
    ("counts", "percent", "least", "is_under"),
    [
        (LineCounts(in_time=3, absent=1), 75, 1, False),  # exactly the limit is not under it
        (LineCounts(in_time=299, absent=101), 75, 1, True),
        (LineCounts(in_time=1, absent=3), 75, 5, False),  # too few are judged
        (LineCounts(in_time=1, absent=3), 75, 4, True),
        (LineCounts(excused=9, open=9), 75, 0, False),
        (LineCounts(absent=1), 0, 1, False),
        (LineCounts(in_time=99, absent=1), 100, 1, True),
    ],
)
def test_a_student_is_under_the_limit(
    counts: LineCounts, percent: int, least: int, is_under: bool
) -> None:
    assert counts.is_under(percent, least) is is_under


@pytest.mark.parametrize(
    ("one", "taken"),
    [
        (lesson(AttendanceStatus.PRESENT, AttendanceStatus.ABSENT), True),
        (lesson(AttendanceStatus.PRESENT, AttendanceStatus.PENDING), False),
        (lesson(AttendanceStatus.ABSENT, is_seen=False), False),
        (lesson(AttendanceStatus.ABSENT, is_seen=False)._replace(is_confirmed=True), True),
        (lesson(AttendanceStatus.NOT_SEEN)._replace(is_confirmed=True), False),
        (lesson(AttendanceStatus.PENDING, is_seen=False, is_cancelled=True), True),
        (lesson(AttendanceStatus.PENDING, ends_at=AT + timedelta(minutes=1)), True),
        (lesson(is_seen=False), True),
    ],
)
def test_a_register_is_taken_when_every_line_is_decided_and_anybody_looked(
    one: LessonFacts, taken: bool
) -> None:
    assert is_taken(one, AT) is taken
    assert (untaken_of(one, AT) is None) is taken


@pytest.mark.parametrize("status", AttendanceStatus)
def test_every_status_counts_as_something_and_has_words(status: AttendanceStatus) -> None:
    counts = LineCounts()
    counts.add(standing_of(status))
    assert counts.lines == 1
    assert status_key(status) in translator("en").texts
