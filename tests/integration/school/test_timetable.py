"""Rooms, courses, rosters and lessons: what may be entered, and who is due on which date."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.db.types import new_id
from server.errors import ConflictError, InvalidError, NotFoundError
from server.timetable import service as timetable
from server.timetable.forms import LessonForm
from tests.integration.school.conftest import School

pytestmark = pytest.mark.integration
BERLIN = ZoneInfo("Europe/Berlin")


def test_names_and_codes_are_unique(school: School) -> None:
    with school.database.transaction() as db:
        with pytest.raises(ConflictError):
            timetable.create_room(db, "R12")
        with pytest.raises(ConflictError):
            timetable.create_course(db, code="BIO-9", title="Again")
        assert [room.name for room in timetable.rooms(db)] == ["R12"]


@pytest.mark.parametrize("minutes", [0, -5, 24 * 60 + 1])
def test_lesson_ends_after_it_starts_and_within_a_day(school: School, minutes: int) -> None:
    starts_at = school.ends_at + timedelta(days=2)
    with school.database.transaction() as db, pytest.raises(InvalidError):
        timetable.create_lesson(
            db,
            course_id=school.course_id,
            room_id=school.room_id,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=minutes),
        )


def test_room_holds_one_lesson_at_a_time(school: School) -> None:
    with school.database.transaction() as db:
        following = {"course_id": school.course_id, "room_id": school.room_id}
        with pytest.raises(ConflictError):
            timetable.create_lesson(
                db,
                **following,
                starts_at=school.ends_at - timedelta(minutes=1),
                ends_at=school.ends_at + timedelta(minutes=30),
            )
        timetable.create_lesson(
            db,
            **following,
            starts_at=school.ends_at,
            ends_at=school.ends_at + timedelta(minutes=30),
        )


def test_what_does_not_exist_is_said_so(school: School) -> None:
    with school.database.transaction() as db:
        with pytest.raises(NotFoundError):
            timetable.add_to_roster(db, new_id(), person_id=new_id())
        with pytest.raises(NotFoundError):
            timetable.add_to_roster(db, school.course_id, person_id=new_id())
        with pytest.raises(NotFoundError):
            timetable.remove_from_roster(db, school.course_id, new_id())
        with pytest.raises(NotFoundError):
            timetable.lesson_view(db, new_id())


@pytest.mark.parametrize(
    ("first", "last", "fits"),
    [
        (None, None, False),
        (date(2026, 1, 1), date(2026, 1, 31), False),
        (date(2026, 2, 1), None, True),
        (None, date(2025, 12, 31), True),
        (None, date(2026, 1, 1), False),
    ],
)
def test_roster_entries_of_one_person_do_not_overlap(
    school: School, first: date | None, last: date | None, fits: bool
) -> None:
    person = school.person(on_roster=False)

    def add(from_date: date | None, until_date: date | None) -> bool:
        with school.database.transaction() as db:
            try:
                timetable.add_to_roster(
                    db,
                    school.course_id,
                    person_id=person,
                    from_date=from_date,
                    until_date=until_date,
                )
            except ConflictError:
                return False
            return True

    assert add(date(2026, 1, 1), date(2026, 1, 31))
    assert add(first, last) is fits


def test_roster_goes_by_the_date_at_the_school(school: School) -> None:
    person = school.person(on_roster=False)
    with school.database.transaction() as db:
        timetable.add_to_roster(db, school.course_id, person_id=person, from_date=date(2027, 3, 2))
        meeting = timetable.create_lesson(
            db,
            course_id=school.course_id,
            room_id=school.room_id,
            starts_at=datetime(2027, 3, 1, 23, 30, tzinfo=UTC),
            ends_at=datetime(2027, 3, 2, 0, 15, tzinfo=UTC),
        )
        view = timetable.lesson_view(db, meeting.id)
        assert timetable.rosters(db, [view], BERLIN) == {meeting.id: [person]}
        assert timetable.rosters(db, [view], ZoneInfo("UTC")) == {meeting.id: []}


def test_version_grows_with_every_change(school: School) -> None:
    versions = []
    with school.database.transaction() as db:
        versions.append(timetable.current_version(db))
        timetable.create_room(db, "R99")
        db.flush()
        versions.append(timetable.current_version(db))
    assert versions[1] == versions[0] + 1


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [("2026-10-24", 6), ("2026-10-26", 7), ("2027-03-27", 7), ("2027-03-29", 6)],
)
def test_eight_in_the_morning_stays_so_across_a_clock_change(day: str, utc_hour: int) -> None:
    starts_at, ends_at = LessonForm(day=day, starts="08:00", ends="08:45").times(BERLIN)
    assert starts_at.hour == utc_hour
    assert ends_at - starts_at == timedelta(minutes=45)


def test_end_before_the_start_is_on_the_next_day() -> None:
    starts_at, ends_at = LessonForm(day="2026-11-23", starts="22:00", ends="01:00").times(BERLIN)
    assert ends_at - starts_at == timedelta(hours=3)
