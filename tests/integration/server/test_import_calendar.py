"""Calendars: holidays and lessons are imported once, changes follow, and nothing is deleted."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event
from sqlmodel import Session, delete, select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.db.types import now
from server.imports.calendars.kind import CalendarFiles
from server.imports.calendars.reading import read_calendar
from server.imports.findings import RowOutcome
from server.people.bulk import ImportOrigin
from server.timetable.patterns.generation import weekly_of
from server.timetable.patterns.service import PatternPlan, PlanOptions, plan_patterns
from server.timetable.service import lesson_views
from server.timetable.tables import (
    Course,
    Lesson,
    LessonPattern,
    PatternLesson,
    Room,
    Term,
    Weeks,
)
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.planning import BERLIN

ONLY_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"])


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


@pytest.fixture
def term(desk: OfficeDesk) -> dict[str, Any]:
    """A term that began six weeks before the next Monday and lasts twenty more."""
    monday = first_monday() - timedelta(weeks=6)
    last = monday + timedelta(days=180)
    return desk.post("/terms", name="Autumn", first_day=str(monday), last_day=str(last))


def first_monday() -> date:
    """Return the first Monday after today."""
    return today() + timedelta(days=7 - today().weekday())


def calendar(*events: str) -> bytes:
    body = "".join(f"BEGIN:VEVENT\n{one}\nEND:VEVENT\n" for one in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{body}END:VCALENDAR\n".encode()


def lesson(day: date, *lines: str, course: str = "BIO-9", room: str = "R12", at: str = "08") -> str:
    times = f"DTSTART:{day:%Y%m%d}T{at}0000\nDTEND:{day:%Y%m%d}T{at}4500"
    return "\n".join([f"SUMMARY:{course}\nLOCATION:{room}", times, *lines])


def patterns(office: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.get("/api/v1/patterns").json()["patterns"]
    return found


def reported(imports: ImportDesk, run: dict[str, Any], outcome: str) -> list[tuple[Any, ...]]:
    lines = imports.report(run["id"], outcome)
    return [(one["row"], one["what"], one["reason"]) for one in lines]


def whole_days(name: str, first: int, last: int) -> str:
    days = (today() + timedelta(days=n) for n in (first, last + 1))
    begin, end = (f"{one:%Y%m%d}" for one in days)
    return f"SUMMARY:{name}\nDTSTART;VALUE=DATE:{begin}\nDTEND;VALUE=DATE:{end}"


def test_holidays_are_added_changed_and_listed_but_never_deleted(imports: ImportDesk) -> None:
    file = calendar(whole_days("Autumn", 10, 20), whole_days("Winter", 60, 73))
    import_id = imports.upload("calendar", file)
    assert imports.state(import_id)["sheet"] == "holidays"
    assert counts(imports.check(import_id)) == {"new": 2}
    assert imports.office.get("/api/v1/holidays").json() == []
    assert counts(imports.start(import_id)) == {"new": 2}
    before = imports.office.get("/api/v1/holidays").json()
    assert [(one["name"], one["first_day"], one["last_day"]) for one in before] == [
        ("Autumn", day_in(10), day_in(20)),
        ("Winter", day_in(60), day_in(73)),
    ]
    assert counts(imports.bring_in("calendar", file)) == {"unchanged": 2}
    newer = calendar(whole_days("autumn", 10, 24), whole_days("Spring", 80, 80))
    done = imports.bring_in("calendar", newer)
    assert counts(done) == {"changed": 1, "new": 1, "missing": 1}
    assert reported(imports, done, "missing") == [(None, "holiday", None)]
    after = imports.office.get("/api/v1/holidays").json()
    assert [one["id"] for one in after][:2] == [one["id"] for one in before]
    assert after[0]["last_day"] == day_in(24)
    assert counts(imports.bring_in("calendar", newer)) == {"unchanged": 2, "missing": 1}


def test_a_timetable_is_planned_once_with_its_changes(
    desk: OfficeDesk, imports: ImportDesk, term: dict[str, Any]
) -> None:
    monday, weeks = first_monday(), [timedelta(weeks=n) for n in range(6)]
    skip, moved = monday + weeks[2], monday + weeks[3]
    series = lesson(
        monday - timedelta(weeks=6), "UID:a", "RRULE:FREQ=WEEKLY", f"EXDATE:{skip:%Y%m%d}T080000"
    )
    other = lesson(moved + timedelta(days=1), "UID:a", room="R14", at="10")
    other += f"\nRECURRENCE-ID:{moved:%Y%m%d}T080000"
    single = lesson(monday + timedelta(days=3), course="biology")
    file = calendar(series, other, single)
    import_id = imports.upload("calendar", file)
    assert counts(imports.check(import_id)) == {"new": 2, "changed": 2}
    assert patterns(imports.office) == []
    done = imports.start(import_id)
    assert counts(done) == {"new": 2, "changed": 2}, imports.report(import_id, "wrong")
    assert reported(imports, done, "changed") == [(1, "cancelled", None), (2, "moved", None)]
    (pattern,) = patterns(imports.office)
    assert (pattern["weekday"], pattern["weeks"]) == (0, "every")
    assert (pattern["first_day"], pattern["last_day"]) == (None, None)
    with imports.database.reading() as db:
        views = lesson_views(db, after=now(), before=now() + timedelta(weeks=7))
    found = {view.lesson.day: (view.is_cancelled, view.room.name) for view in views}
    assert found[skip] == (True, "R12")
    assert found[moved + timedelta(days=1)] == (False, "R14")
    assert moved not in found
    assert found[monday + timedelta(days=3)] == (False, "R12")
    assert counts(imports.bring_in("calendar", file)) == {"unchanged": 4}
    less = imports.bring_in("calendar", calendar(series, other))
    assert counts(less) == {"unchanged": 3, "missing": 1}
    assert patterns(imports.office) == [pattern]


@ONLY_SQLITE
def test_what_cannot_be_planned_is_named_event_by_event(
    desk: OfficeDesk, imports: ImportDesk, term: dict[str, Any]
) -> None:
    monday = first_monday()
    desk.post("/holidays", name="Day", first_day=str(monday), last_day=str(monday))
    desk.post("/rooms", name="Lab 1")
    desk.post("/rooms", name="LAB-1")
    tuesday = monday + timedelta(days=1)
    done = imports.bring_in(
        "calendar",
        calendar(
            lesson(tuesday, course="Nobody knows"),
            lesson(tuesday, room="R99"),
            lesson(tuesday, room="lab 1"),
            lesson(tuesday, room=""),
            lesson(monday),
            lesson(today() - timedelta(days=2)),
            lesson(monday + timedelta(weeks=60)),
            lesson(tuesday, "RRULE:FREQ=MONTHLY"),
            lesson(tuesday, at="12"),
            lesson(tuesday, at="12", course="ART-1"),
        ),
    )
    assert sorted(reported(imports, done, "wrong")) == [
        (1, "lesson", "calendar_course"),
        (2, "lesson", "calendar_room"),
        (3, "lesson", "calendar_room_twice"),
        (4, "lesson", "calendar_no_place"),
        (5, "lesson", "calendar_closed"),
        (6, "lesson", "calendar_over"),
        (7, "lesson", "calendar_outside"),
        (8, None, "calendar_rule"),
        (9, "lesson", "clash_room"),
        (10, "lesson", "clash_room"),
    ]
    assert all(one["message"] and one["fix"] for one in imports.report(done["id"], "wrong"))
    assert patterns(imports.office) == []


@ONLY_SQLITE
def test_pages_lead_from_the_file_to_the_report_without_columns(
    desk: OfficeDesk, imports: ImportDesk, term: dict[str, Any]
) -> None:
    office = imports.office
    sample = office.get("/imports/samples/calendar?use=timetable").content
    answer = office.post(
        "/imports/new", data={"kind": "calendar"}, files={"file": ("t.ics", sample)}
    )
    address = str(answer.headers.get("location") or answer.url.path)
    assert imports.work()
    page = office.get(address).text
    assert "reads them as lessons" in page
    assert "Weekly lesson" in page
    assert "/columns" not in page
    report = office.get(f"{address}/report.csv").text
    assert "Weekly lesson" in report
    done = imports.bring_in("calendar", sample)
    assert "wrong" not in counts(done), imports.report(done["id"], "wrong")
    holidays = office.get("/api/v1/imports/samples/calendar").content
    assert counts(imports.bring_in("calendar", holidays)) == {"new": 4}
    assert imports.send("calendar", b"no calendar").status_code == 400


@ONLY_SQLITE
def test_a_calendar_address_read_back_changes_nothing(
    desk: OfficeDesk, imports: ImportDesk, term: dict[str, Any]
) -> None:
    body = {"term_id": term["id"], "course_id": desk.course, "room_id": desk.room}
    times = {"starts": "08:00", "ends": "08:45"}
    desk.post("/patterns", **body, **times, weekday=1)
    desk.post("/patterns", **body, **times, weekday=3, weeks="b")
    made = desk.post(f"/courses/{desk.course}/calendar-feed")
    address = "/calendar/" + made["address"].rpartition("/")[2]
    file = imports.office.get(address).content
    assert counts(imports.bring_in("calendar", file)) == {"unchanged": 2}


Wanted = tuple[int, int, int, str, int, int]
WANTED = st.tuples(
    st.integers(0, 1),
    st.integers(0, 6),
    st.integers(0, 15),
    st.sampled_from([one.value for one in Weeks]),
    st.integers(0, 20),
    st.integers(8, 20),
)


@ONLY_SQLITE
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(wanted=st.lists(WANTED, min_size=1, max_size=6, unique_by=lambda one: one[:3]))
def test_weekly_patterns_written_as_a_calendar_come_back_the_same(
    desk: OfficeDesk, database: Database, wanted: list[Wanted]
) -> None:
    """The term is longer than half a year, so the clocks change in it."""
    with database.transaction() as db:
        for table in (PatternLesson, Lesson, LessonPattern, Term):
            db.exec(delete(table))
        term = Term(name="Year", first_day=today(), last_day=today() + timedelta(days=300))
        db.add(term)
        db.flush()
        plans = [planned(desk, term, one) for one in wanted]
        options = PlanOptions(BERLIN, now())
        report = plan_patterns(db, plans, options, actor="system")
        assert len(report.added) == len(plans), report
        written, before = as_calendar(db, term), known(db)
        for table in (PatternLesson, Lesson, LessonPattern):
            db.exec(delete(table))
        outcomes = brought_in(db, written)
        assert outcomes == {RowOutcome.NEW}
        assert known(db) == before
        assert brought_in(db, written) == {RowOutcome.UNCHANGED}
        assert known(db) == before


def planned(desk: OfficeDesk, term: Term, wanted: Wanted) -> PatternPlan:
    """Return a pattern; no two are at the same time."""
    course, weekday, slot, weeks, first, lasts = wanted
    starts = time(6 + slot, 5 if course else 35)
    return PatternPlan(
        term_id=term.id,
        course_id=uuid.UUID((desk.course, desk.other_course)[course]),
        room_id=uuid.UUID((desk.room, desk.other_room)[course]),
        weekday=weekday,
        starts=starts,
        ends=starts.replace(minute=starts.minute + 20),
        weeks=Weeks(weeks),
        first_day=term.first_day + timedelta(weeks=first) if first else None,
        last_day=term.first_day + timedelta(weeks=first + lasts) if lasts < 20 else None,
    )


def known(db: Session) -> tuple[Any, ...]:
    """Return all patterns without their dates, and all lessons."""
    found = [
        (one.course_id, one.room_id, one.weekday, one.starts, one.ends, one.weeks)
        for one in db.exec(select(LessonPattern))
    ]
    lessons = [
        (one.course_id, one.room_id, one.starts_at, one.ends_at) for one in db.exec(select(Lesson))
    ]
    return sorted(found), sorted(lessons)


def as_calendar(db: Session, term: Term) -> bytes:
    """Return the patterns as other programs export them: a rule, in the zone of the school."""
    found = Calendar()
    codes = {one.id: one.code for one in db.exec(select(Course))}
    rooms = {one.id: one.name for one in db.exec(select(Room))}
    for pattern in db.exec(select(LessonPattern)):
        days = list(weekly_of(pattern, term).days(since=date.min, until=date.max))
        event = Event()
        event.add("summary", codes[pattern.course_id])
        event.add("location", rooms[pattern.room_id])
        for name, at in (("dtstart", pattern.starts), ("dtend", pattern.ends)):
            event.add(name, datetime.combine(days[0], at, tzinfo=BERLIN))
        interval = 1 if pattern.weeks == Weeks.EVERY else 2
        end = datetime.combine(days[-1], pattern.starts, tzinfo=BERLIN).astimezone(UTC)
        event.add("rrule", {"freq": "weekly", "interval": interval, "until": end})
        found.add_component(event)
    content: bytes = found.to_ical()
    return content


def brought_in(db: Session, data: bytes) -> set[RowOutcome]:
    """Import a calendar at once; returns what became of its entries."""
    file = read_calendar(data, BERLIN, today())
    kind = CalendarFiles(file, BERLIN)
    judged = kind.judge(db, file.rows.rows, lock=True)
    findings = kind.write(db, judged, ImportOrigin("system", "import:1", {}))
    return {one.outcome for one in (*findings, *file.rows.wrong)}
