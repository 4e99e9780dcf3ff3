"""Past attendance and lessons that were moved, cancelled, or added by an import before."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.attendance.tables import Correction
from server.db.engine import Database
from server.timetable.tables import ImportedLesson
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.planning import BERLIN

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
HEAD = "Nummer;Kurs;Datum;Beginn;Ende;Raum;Status;Grund\n"
DAY = day_in(-14)
OTHER = day_in(-13)


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


@pytest.fixture
def school(desk: OfficeDesk, imports: ImportDesk) -> OfficeDesk:
    """A school in its term: Biology at 8 on the weekday of `DAY`, Ada on its roster."""
    desk.post("/terms", name="Autumn", first_day=day_in(-60), last_day=day_in(60))
    weekday = (today() - timedelta(days=14)).isoweekday()
    imports.bring_in("timetable", f"course,day,start,end,room\nBIO-9,{weekday},8:00,8:45,R12\n")
    imports.bring_in("rosters", f"course;number;from\nBIO-9;S1;{day_in(-40)}\n")
    return desk


def bring(imports: ImportDesk, *rows: str) -> dict[str, Any]:
    return imports.bring_in("attendance", HEAD + "".join(f"{one}\n" for one in rows))


def wrong(imports: ImportDesk, run: dict[str, Any]) -> list[str]:
    return [one["reason"] for one in imports.report(run["id"], "wrong")]


def at(day: str, clock: str) -> str:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=BERLIN).isoformat()


def lesson_ids(desk: OfficeDesk) -> list[str]:
    """Return the lessons that are over, by start."""
    asked = {"after": at(day_in(-40), "00:00"), "before": at(day_in(-1), "00:00")}
    return [one["id"] for one in desk.office.get("/api/v1/lessons", params=asked).json()["lessons"]]


def move(desk: OfficeDesk, lesson_id: str, day: str, clock: str) -> None:
    change = {"kind": "lesson", "lesson_id": lesson_id, "room_id": desk.room}
    change["starts_at"] = at(day, clock)
    change["ends_at"] = at(day, f"{int(clock[:2]) + 1:02}:00")
    seen = desk.post("/past-changes/preview", **change)["fingerprint"]
    desk.post("/past-changes", change=change, reason="It was moved", fingerprint=seen)


def test_a_moved_lesson_gets_no_second_one_at_its_old_time(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    assert counts(bring(imports, f"S1;BIO-9;{DAY};;;;present;")) == {"new": 1}
    (lesson,) = lesson_ids(school)
    move(school, lesson, OTHER, "10:00")
    run = bring(imports, f"S1;BIO-9;{DAY};8:00;8:45;R12;present;")
    (line,) = imports.report(run["id"], "wrong")
    assert (line["reason"], line["column"]) == ("lesson_moved", "date")
    assert f"It took place on {OTHER} 10:00." in line["message"]
    assert wrong(imports, bring(imports, f"S1;BIO-9;{DAY};;;;present;")) == ["lesson_moved"]
    assert lesson_ids(school) == [lesson]
    assert counts(bring(imports, f"S1;BIO-9;{OTHER};;;;present;")) == {"unchanged": 1}
    move(school, lesson, DAY, "08:00")
    assert counts(bring(imports, f"S1;BIO-9;{DAY};8:00;;;present;")) == {"unchanged": 1}


def test_a_lesson_that_moved_to_the_next_week_is_found_there(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    """A file of that week alone knows the lesson, which the timetable planned for the Sunday."""
    desk.post("/terms", name="Autumn", first_day=day_in(-60), last_day=day_in(60))
    imports.bring_in("timetable", "course,day,start,end,room\nBIO-9,7,8:00,8:45,R12\n")
    imports.bring_in("rosters", f"course;number;from\nBIO-9;S1;{day_in(-40)}\n")
    sunday = day_in(-14 - today().isoweekday() % 7)
    monday = day_in(-13 - today().isoweekday() % 7)
    assert counts(bring(imports, f"S1;BIO-9;{sunday};;;;present;")) == {"new": 1}
    (lesson,) = lesson_ids(desk)
    move(desk, lesson, monday, "10:00")
    assert counts(bring(imports, f"S1;BIO-9;{monday};;;;present;")) == {"unchanged": 1}
    assert wrong(imports, bring(imports, f"S1;BIO-9;{sunday};;;;present;")) == ["lesson_moved"]


def test_a_moved_lesson_leaves_room_for_another_that_was_there(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    bring(imports, f"S1;BIO-9;{DAY};;;;present;")
    move(school, lesson_ids(school)[0], DAY, "10:00")
    school.post(
        "/lessons",
        course_id=school.course,
        room_id=school.room,
        starts_at=at(DAY, "08:00"),
        ends_at=at(DAY, "08:45"),
    )
    assert counts(bring(imports, f"S1;BIO-9;{DAY};8:00;;;late;"))["new"] == 1
    assert len(lesson_ids(school)) == 2


def test_a_cancelled_lesson_is_named_and_never_stands_for_the_other(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    bring(imports, f"S1;BIO-9;{DAY};8:00;;;present;")
    (lesson,) = lesson_ids(school)
    school.post(f"/lessons/{lesson}/cancel", reason="Nobody came")
    for start in ("", "8:00"):
        run = bring(imports, f"S1;BIO-9;{DAY};{start};;;late;")
        assert wrong(imports, run) == ["lesson_cancelled"]
        assert imports.report(run["id"], "missing") == []
    room = {"course_id": school.course, "room_id": school.other_room}
    school.post("/lessons", **room, starts_at=at(DAY, "08:00"), ends_at=at(DAY, "08:45"))
    assert counts(bring(imports, f"S1;BIO-9;{DAY};8:00;;;late;")) == {"new": 1}


def test_a_student_who_joins_the_roster_after_the_import_can_be_imported(
    school: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    rows = (f"S1;BIO-9;{DAY};;;;present;", f"S2;BIO-9;{DAY};;;;late;")
    first = bring(imports, *rows)
    assert (counts(first), wrong(imports, first)) == ({"new": 1, "wrong": 1}, ["not_on_roster"])
    imports.bring_in("rosters", f"course;number;from\nBIO-9;S2;{day_in(-40)}\n")
    assert counts(bring(imports, *rows)) == {"unchanged": 1, "new": 1}
    assert counts(bring(imports, *rows)) == {"unchanged": 2}
    with database.reading() as db:
        assert len(db.exec(select(ImportedLesson)).all()) == 1


def test_a_register_that_is_older_than_the_roster_says_so(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    room = {"course_id": school.course, "room_id": school.other_room}
    school.post("/lessons", **room, starts_at=at(OTHER, "08:00"), ends_at=at(OTHER, "08:45"))
    imports.bring_in("rosters", f"course;number;from\nBIO-9;S2;{day_in(-40)}\n")
    run = bring(imports, f"S2;BIO-9;{OTHER};8:00;;;late;")
    assert wrong(imports, run) == ["register_older"]
    assert "Change past registers" in imports.report(run["id"], "wrong")[0]["fix"]


def test_the_name_of_the_file_stays_out_of_registers(
    school: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    rows = HEAD + f"S1;BIO-9;{DAY};;;;excused;Ill (flu)\n"
    import_id = imports.upload("attendance", rows, "Ada Lovelace.csv")
    imports.check(import_id)
    imports.start(import_id)
    with database.reading() as db:
        assert db.exec(select(Correction.reason)).all() == ["Ill (flu) (imported from a file)"]
    for reason in ("ILL (Flu)", "ill (flu)"):
        assert counts(bring(imports, f"S1;BIO-9;{DAY};;;;excused;{reason}")) == {"unchanged": 1}
    assert wrong(imports, bring(imports, f"S1;BIO-9;{DAY};;;;excused;Ill")) == ["reason_stands"]


def test_missing_students_are_named_lesson_by_lesson_that_there_is(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    imports.bring_in("rosters", f"course;number;from\nBIO-9;S2;{day_in(-40)}\n")
    holiday = {"name": "Autumn break", "first_day": day_in(-7), "last_day": day_in(-7)}
    school.post("/holidays", **holiday)
    rows = HEAD + (
        f"S1;BIO-9;{DAY};8:00;;;present;\n"
        f"S2;BIO-9;{DAY};8:00;;;somewhere;\n"  # wrong, and named
        f"S2;BIO-9;{DAY};10:00;10:45;R12;present;\n"
        f"S1;BIO-9;{day_in(-7)};8:00;;;present;\n"  # a lesson that never is
        f"S9;BIO-9;{OTHER};8:00;8:45;R12;present;\n"  # nobody adds it
    )
    import_id = imports.upload("attendance", rows)
    for step in (imports.check, imports.start):
        step(import_id)
        missing = [one["about"] for one in imports.report(import_id, "missing")]
        assert missing == [f"BIO-9 · {DAY} 10:00 · S1"]
