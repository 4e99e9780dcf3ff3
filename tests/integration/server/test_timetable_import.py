"""A timetable from a file: planned together, refused with the reason, the same twice."""

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.db.engine import Database
from server.timetable.tables import Lesson, LessonPattern, Weeks
from tests.support.enrolling import count
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
HEAD = "Kurs;Wochentag;Beginn;Ende;Raum;Woche;Halbjahr\n"
ROWS = (
    "BIO-9;Montag;08:00;08:45;R12;;\n"
    "BIO-9;Do;10.15;11.00;R12;A;\n"
    "BIO-9;4;2:00 pm;2:45 PM;R12;Woche B;\n"
)
WRONG = {
    "NONE;Mo;08:00;08:45;R12;;\n": "no_course",
    "BIO-9;Mo;08:00;08:45;R99;;\n": "no_room",
    "BIO-9;Someday;08:00;08:45;R12;;\n": "weekday",
    "BIO-9;Fr;8;08:45;R12;;\n": "clock",
    "BIO-9;Fr;25:00;08:45;R12;;\n": "clock",
    "BIO-9;Fr;08:00;08:45;R12;C;\n": "weeks",
    "BIO-9;Fr;09:00;08:45;R12;;\n": "lesson_ends_before_start",
    "BIO-9;Fr;08:00;08:45;R12;;Never\n": "term_unknown",
    "ART-1;Mo;08:15;09:00;R12;;\n": "clash_room",
}


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


def test_weekly_lessons_are_planned_and_a_second_time_nothing_changes(
    desk: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    text = HEAD + ROWS + "".join(WRONG)
    import_id = imports.upload("timetable", text)
    without_term = imports.check(import_id)
    assert counts(without_term) == {"wrong": len(WRONG) + 3}
    assert imports.report(import_id, "wrong")[0]["reason"] == "no_term"
    desk.post("/terms", name="Autumn", first_day=day_in(1), last_day=day_in(60))
    assert counts(imports.check(import_id)) == {"new": 2, "wrong": len(WRONG) + 1}
    assert count(database, LessonPattern) == 0
    found = {one["row"]: one["reason"] for one in imports.report(import_id, "wrong")}
    # Of rows that clash with each other none is added.
    assert found == {2: "clash_room", **dict(enumerate(WRONG.values(), start=5))}
    good = HEAD + ROWS
    done = imports.bring_in("timetable", good)
    assert counts(done) == {"new": 3}
    with database.reading() as db:
        patterns = db.exec(select(LessonPattern)).all()
        assert sorted((one.weekday, f"{one.starts:%H:%M}", one.weeks) for one in patterns) == [
            (0, "08:00", Weeks.EVERY),
            (3, "10:15", Weeks.A),
            (3, "14:00", Weeks.B),
        ]
    lessons = count(database, Lesson)
    assert lessons > 10
    assert counts(imports.bring_in("timetable", good)) == {"unchanged": 3}
    assert count(database, Lesson) == lessons
    fewer = imports.bring_in("timetable", HEAD + "BIO-9;Montag;08:00;08:45;R12;;\n")
    assert counts(fewer) == {"unchanged": 1, "missing": 2}
    missing = [one["about"] for one in imports.report(fewer["id"], "missing")]
    assert "BIO-9 · R12 · Thursday · 10:15-11:00" in missing
    taken = imports.bring_in("timetable", HEAD + "ART-1;Mo;08:15;09:00;R12;;\n")
    assert [one["reason"] for one in imports.report(taken["id"], "wrong")] == ["clash_room"]
