"""Rooms, courses, rosters and lessons: what may be entered, and who is due on which date."""

import contextlib
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session

from server.db.types import new_id, now
from server.errors import ConflictError, InvalidError, NotFoundError
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.forms import LessonForm
from server.timetable.local_time import BadLocalTimeError, local_date, to_utc
from server.timetable.tables import RosterEntry, TimetableVersion
from tests.integration.school.conftest import School
from tests.support.planning import BERLIN, plan_lesson

pytestmark = pytest.mark.integration


def test_names_and_codes_are_unique(school: School) -> None:
    with school.database.transaction() as db:
        with pytest.raises(ConflictError):
            timetable.create_room(db, "R12", actor="system")
        with pytest.raises(ConflictError):
            timetable.create_course(db, code="BIO-9", title="Again", actor="system")
        assert [room.name for room in timetable.rooms(db)] == ["R12"]


@pytest.mark.parametrize("minutes", [0, -5, 12 * 60 + 1])
def test_lesson_ends_after_it_starts_and_within_half_a_day(school: School, minutes: int) -> None:
    starts_at = school.ends_at + timedelta(days=2)
    with school.database.transaction() as db, pytest.raises(InvalidError):
        plan_lesson(
            db,
            course_id=school.course_id,
            room_id=school.room_id,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=minutes),
        )


def test_room_holds_one_lesson_at_a_time(school: School) -> None:
    later = school.ends_at + timedelta(minutes=30)

    def plan(db: Session, starts_at: datetime) -> None:
        plan_lesson(
            db,
            course_id=school.course_id,
            room_id=school.room_id,
            starts_at=starts_at,
            ends_at=later,
        )

    with school.database.transaction() as db:
        with pytest.raises(ConflictError):
            plan(db, school.ends_at - timedelta(minutes=1))
        plan(db, school.ends_at)


def test_what_does_not_exist_is_said_so(school: School) -> None:
    with school.database.transaction() as db:
        with pytest.raises(NotFoundError):
            roster.add_to_roster(db, new_id(), person_id=new_id(), actor="system")
        with pytest.raises(NotFoundError):
            roster.add_to_roster(db, school.course_id, person_id=new_id(), actor="system")
        with pytest.raises(NotFoundError):
            roster.entry_of(db, school.course_id, new_id())
        with pytest.raises(NotFoundError):
            timetable.lesson_view(db, new_id())


@pytest.mark.parametrize(
    ("first", "last", "fits"),
    [
        (None, None, True),
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
                roster.add_to_roster(
                    db,
                    school.course_id,
                    person_id=person,
                    from_date=from_date,
                    until_date=until_date,
                    actor="system",
                )
            except ConflictError:
                return False
            return True

    assert add(date(2026, 1, 1), date(2026, 1, 31))
    assert add(first, last) is fits


@pytest.mark.parametrize(
    ("first", "last", "fits"),
    [
        (None, None, False),
        (date(2026, 1, 31), None, False),
        (None, date(2026, 1, 1), False),
        (date(2026, 2, 1), None, True),
        (None, date(2025, 12, 31), True),
    ],
)
def test_a_roster_takes_as_many_at_a_time_as_a_kiosk(
    school: School,
    monkeypatch: pytest.MonkeyPatch,
    first: date | None,
    last: date | None,
    fits: bool,
) -> None:
    monkeypatch.setattr(roster, "MAX_ROSTER", 1)
    listed = school.person(on_roster=False)
    dates = roster.RosterDates(first, last)
    january = RosterEntry(
        course_id=school.course_id,
        person_id=listed,
        from_date=date(2026, 1, 1),
        until_date=date(2026, 1, 31),
    )
    with school.database.transaction() as db:
        db.add(january)
        db.flush()
        roster.refuse_full(db, school.course_id, dates, besides=january.id)
        with (
            contextlib.nullcontext()
            if fits
            else pytest.raises(ConflictError, match="at most 1 people")
        ):
            roster.refuse_full(db, school.course_id, dates)


def test_who_is_taken_off_and_put_back_on_one_day_keeps_the_entry(school: School) -> None:
    person, at = school.person(), now()
    today = local_date(at, BERLIN)
    with school.database.transaction() as db:
        ((entry, _person),) = roster.roster_people(db, school.course_id)
        roster.end_entry(db, school.course_id, entry.id, today=today, at=at, actor="system")
        assert entry.until_date == today
        again = roster.add_to_roster(
            db, school.course_id, person_id=person, from_date=today, actor="system"
        )
        assert (again.id, again.until_date) == (entry.id, None)


@pytest.mark.parametrize(
    ("zone", "is_due"), [(BERLIN, True), (ZoneInfo("UTC"), False), (ZoneInfo("Asia/Tokyo"), True)]
)
def test_roster_goes_by_the_date_at_the_school(
    school: School, zone: ZoneInfo, is_due: bool
) -> None:
    person = school.person(on_roster=False)
    with school.database.transaction() as db:
        first = date(2027, 3, 2)
        roster.add_to_roster(
            db, school.course_id, person_id=person, from_date=first, actor="system"
        )
        meeting = plan_lesson(
            db,
            course_id=school.course_id,
            room_id=school.room_id,
            starts_at=datetime(2027, 3, 1, 23, 30, tzinfo=UTC),
            ends_at=datetime(2027, 3, 2, 0, 15, tzinfo=UTC),
            zone=zone,
        )
        view = timetable.lesson_view(db, meeting.id)
        assert (person in roster.rosters(db, [view])[meeting.id]) is is_due


def test_version_grows_with_every_change(school: School) -> None:
    versions = []
    with school.database.transaction() as db:
        versions.append(db.get_one(TimetableVersion, 1).version)
        timetable.create_room(db, "R99", actor="system")
        db.flush()
        versions.append(db.get_one(TimetableVersion, 1).version)
    assert versions[1] == versions[0] + 1


COURSE, ROOM = new_id(), new_id()


def _form(day: str, starts: str, ends: str) -> LessonForm:
    return LessonForm(course_id=str(COURSE), room_id=str(ROOM), day=day, starts=starts, ends=ends)


@pytest.mark.parametrize(
    ("day", "utc_hour"),
    [("2026-10-24", 6), ("2026-10-26", 7), ("2027-03-27", 7), ("2027-03-29", 6)],
)
def test_eight_in_the_morning_stays_so_across_a_clock_change(day: str, utc_hour: int) -> None:
    plan = _form(day, "08:00", "08:45").plan(BERLIN)
    assert plan.starts_at.hour == utc_hour
    assert plan.ends_at - plan.starts_at == timedelta(minutes=45)


@pytest.mark.parametrize(
    ("day", "starts", "ends", "problem"),
    [
        ("2027-03-28", "02:30", "03:15", "gap"),
        ("2026-10-25", "02:30", "03:15", "twice"),
        ("2026-11-23", "11:00+02:00", "11:45", "time"),
        ("2026-11-23", "11:00", "11:45Z", "time"),
        ("2026-11-23", "1100", "1145", "time"),
        ("2026-W48-1", "11:00", "11:45", "date"),
        ("20261123", "11:00", "11:45", "date"),
        ("0001-01-01", "00:10", "00:45", "date"),
        ("2026-02-30", "11:00", "11:45", "date"),
        ("2026-11-23", "24:00", "11:45", "time"),
        ("", "11:00", "11:45", "date"),
    ],
)
def test_what_is_no_moment_at_the_school_is_refused_in_words(
    day: str, starts: str, ends: str, problem: str
) -> None:
    with pytest.raises(BadLocalTimeError) as refused:
        _form(day, starts, ends).plan(BERLIN)
    assert refused.value.details == {"problem": problem}
    assert refused.value.message.endswith(".")


@given(
    st.dates(date(2020, 1, 1), date(2040, 12, 31)),
    st.times(),
    st.sampled_from(
        ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
)
def test_every_moment_that_is_accepted_reads_back_as_it_was_written(
    day: date, at: time, name: str
) -> None:
    zone, at = ZoneInfo(name), at.replace(microsecond=0)
    with contextlib.suppress(BadLocalTimeError):
        moment = to_utc(day, at, zone)
        assert moment.astimezone(zone).replace(tzinfo=None) == datetime.combine(day, at)
