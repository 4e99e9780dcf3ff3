"""From which day a roster entry counts: by the school's date, and by lessons of its time."""

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlmodel import Session

from server.db.types import new_id, now
from server.errors import ConflictError
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.joining import first_day, let_dates_decide
from server.timetable.local_time import local_date, midnight
from server.timetable.tables import Lesson, RosterEntry
from tests.integration.school.conftest import School
from tests.support.planning import BERLIN

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SEVENTH, JOINED = date(2026, 11, 7), datetime(2026, 11, 20, 12, tzinfo=UTC)
ANGELES, KIRITIMATI = ZoneInfo("America/Los_Angeles"), ZoneInfo("Pacific/Kiritimati")


def entry_of(school: School, joined: datetime, first: date, last: date | None) -> RosterEntry:
    return RosterEntry(
        course_id=school.course_id,
        person_id=new_id(),
        from_date=first,
        until_date=last,
        counts_after=joined,
    )


@pytest.mark.parametrize(
    ("zone", "joined", "is_past"),
    [
        (BERLIN, "2026-11-07T23:30", True),  # it is the 8th at the school
        (BERLIN, "2026-11-07T22:30", False),
        (ANGELES, "2026-11-08T01:00", False),  # it is still the 7th
        (ANGELES, "2026-11-08T09:00", True),
    ],
    ids=["after-midnight", "before-midnight", "evening", "next-day"],
)
def test_who_joins_today_is_judged_by_the_date_at_the_school(
    school: School, zone: ZoneInfo, joined: str, *, is_past: bool
) -> None:
    moment = datetime.fromisoformat(joined).replace(tzinfo=UTC)
    entry = entry_of(school, moment, SEVENTH, None)
    with school.database.reading() as db:
        let_dates_decide(db, entry, zone)
    assert (entry.counts_after is None) is is_past
    undated = RosterEntry(course_id=new_id(), person_id=new_id(), counts_after=moment)
    assert first_day(undated, zone) == SEVENTH + timedelta(days=is_past)


@pytest.mark.parametrize("zone", [ANGELES, BERLIN, KIRITIMATI], ids=["west", "middle", "east"])
@pytest.mark.parametrize(
    ("day", "decides"), [(-1, True), (0, False), (1, False), (2, False), (3, True)]
)
def test_a_lesson_of_its_time_on_any_of_the_days_keeps_its_roster(
    school: School, zone: ZoneInfo, day: int, *, decides: bool
) -> None:
    entry = entry_of(school, JOINED, SEVENTH, SEVENTH + timedelta(days=2))
    begins = midnight(SEVENTH + timedelta(days=day), zone)
    for starts_at in (begins, begins + timedelta(hours=22)):
        with school.database.transaction() as db:
            add_lesson(db, school, starts_at, zone)
            let_dates_decide(db, entry, zone)
            db.rollback()
        assert (entry.counts_after is None) is decides


def add_lesson(db: Session, school: School, starts_at: datetime, zone: ZoneInfo) -> None:
    lesson = Lesson(
        course_id=school.course_id,
        room_id=school.room_id,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        time_zone=zone.key,
    )
    db.add(lesson)
    db.flush()


@pytest.mark.parametrize(
    ("first", "expected"), [(-5, -1), (-1, -1), (0, None), (3, None), (None, None)]
)
def test_only_who_has_not_begun_leaves_no_trace(
    school: School, first: int | None, expected: int | None
) -> None:
    today = local_date(now(), BERLIN)
    person = school.person(on_roster=False)
    with school.database.transaction() as db:
        entry = RosterEntry(
            course_id=new_course(db),
            person_id=person,
            from_date=None if first is None else today + timedelta(days=first),
        )
        db.add(entry)
        db.flush()
        closed = roster.close_entry(db, entry, today=today, at=now())
        found = None if closed is None or closed.until_date is None else closed.until_date - today
        assert found == (None if expected is None else timedelta(days=expected))
        assert (closed is None) is (expected is None)


def new_course(db: Session) -> uuid.UUID:
    return timetable.create_course(db, code="NEW-1", title="New", actor="system").id


def test_an_entry_that_ended_is_not_ended_again(school: School) -> None:
    today = local_date(now(), BERLIN)
    person = school.person(on_roster=False)
    with school.database.transaction() as db:
        entry = RosterEntry(
            course_id=new_course(db),
            person_id=person,
            from_date=today - timedelta(days=9),
            until_date=today - timedelta(days=2),
        )
        db.add(entry)
        db.flush()
        with pytest.raises(ConflictError):
            roster.close_entry(db, entry, today=today, at=now())
