"""Files of weekly lessons: what is planned, what is wrong, and twice changes nothing."""

import contextlib
from datetime import date, time, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from server.imports import tasks
from server.imports.findings import RowError
from server.imports.tables import ImportRun
from server.imports.timetable_files import _weekday
from server.imports.values import read_time
from server.timetable.patterns import contradictions
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in

HEAD = "Kurs;Wochentag;Beginn;Ende;Raum;Woche;Semester\n"


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


@pytest.fixture
def term(office: TestClient) -> str:
    """A term of ten weeks from tomorrow on."""
    return make_term(office, "Autumn", 1, 70)


def make_term(office: TestClient, name: str, first: int, last: int) -> str:
    body = {"name": name, "first_day": day_in(first), "last_day": day_in(last)}
    answer = office.post("/api/v1/terms", json=body)
    assert answer.status_code == 201, answer.text
    made: str = answer.json()["id"]
    return made


def reasons(imports: ImportDesk, import_id: str) -> dict[int, str]:
    """Return why rows are wrong, by row."""
    return {one["row"]: one["reason"] for one in imports.report(import_id, "wrong")}


def patterns(office: TestClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = office.get("/api/v1/patterns").json()["patterns"]
    return found


def test_a_file_plans_the_lessons_of_the_term_once(
    desk: OfficeDesk, imports: ImportDesk, term: str
) -> None:
    rows = HEAD + "BIO-9;Montag;8:00;8:45;R12;;\nART-1;Wed;09.50;10h35;R12;A;Autumn\n"
    import_id = imports.upload("timetable", rows)
    assert counts(imports.check(import_id)) == {"new": 2}
    assert patterns(imports.office) == []
    assert counts(imports.start(import_id)) == {"new": 2}
    planned = patterns(imports.office)
    assert [(one["weekday"], one["starts"], one["weeks"]) for one in planned] == [
        (0, "08:00:00", "every"),
        (2, "09:50:00", "a"),
    ]
    assert counts(imports.bring_in("timetable", rows)) == {"unchanged": 2}
    assert patterns(imports.office) == planned


def test_every_cell_that_cannot_be_used_is_named(
    desk: OfficeDesk, imports: ImportDesk, term: str
) -> None:
    wrong = {
        "NONE;Mon;8:00;8:45;R12;;": "no_course",
        "BIO-9;Someday;8:00;8:45;R12;;": "weekday",
        "BIO-9;Mon;25:00;8:45;R12;;": "time",
        "BIO-9;Mon;8;8:45;R12;;": "time",
        "BIO-9;Mon;9:00;8:45;R12;;": "ends_before_start",
        "BIO-9;Mon;6:00;19:00;R12;;": "lesson_too_long",
        "BIO-9;Mon;8:00;8:45;R99;;": "no_room",
        "BIO-9;Mon;8:00;8:45;R12;C;": "weeks",
        "BIO-9;Mon;8:00;8:45;R12;even;": "weeks",
        "BIO-9;Mon;8:00;8:45;R12;;Spring": "no_term",
        ";Mon;8:00;8:45;R12;;": "empty",
    }
    import_id = imports.upload("timetable", HEAD + "\n".join(wrong) + "\n")
    assert counts(imports.check(import_id)) == {"wrong": len(wrong)}
    assert list(reasons(imports, import_id).values()) == list(wrong.values())


@pytest.mark.parametrize("at_once", [1, 2, 250])
def test_rows_at_the_same_time_are_all_wrong_wherever_they_stand(
    desk: OfficeDesk, imports: ImportDesk, term: str, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", at_once)
    rows = (
        "BIO-9;Mon;8:00;8:45;R12;;\nART-1;Mon;8:30;9:15;R12;;\n"
        "BIO-9;Tue;8:00;8:45;R12;;\nBIO-9;Tue;8:00;9:00;R14;;\n"
        "ART-1;Wed;8:00;8:45;R12;;\nART-1;Mon;9:00;9:45;R12;;\n"
    )
    imports.bring_in("rooms", "room\nR12\nR14\n")
    import_id = imports.upload("timetable", HEAD + rows)
    wrong = {2: "rows_room", 3: "rows_room", 4: "rows_course", 5: "rows_course", 7: "rows_room"}
    assert counts(imports.check(import_id)) == {"new": 1, "wrong": 5}
    assert reasons(imports, import_id) == wrong
    said = {one["row"]: one["message"] for one in imports.report(import_id, "wrong")}
    for row, others in {2: "3", 3: "2, 7", 4: "5", 5: "4", 7: "3"}.items():
        assert f"ow {others} of this file" in said[row]
    assert counts(imports.start(import_id)) == {"new": 1, "wrong": 5}
    assert reasons(imports, import_id) == wrong
    assert len(patterns(imports.office)) == 1
    assert counts(imports.bring_in("timetable", HEAD + rows)) == {"unchanged": 1, "wrong": 5}
    right = "BIO-9;Mon;8:00;8:45;R12;;\n"
    assert counts(imports.bring_in("timetable", HEAD + right)) == {"new": 1, "missing": 1}
    # What is planned counts as the timetable does, so only the others are wrong.
    import_id = imports.upload("timetable", HEAD + rows)
    assert counts(imports.check(import_id)) == {"unchanged": 2, "wrong": 4}
    assert reasons(imports, import_id)[3] == "rows_room"


def test_a_file_is_compared_in_pieces_and_stops_when_it_is_cancelled(
    desk: OfficeDesk, imports: ImportDesk, term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contradictions, "MOST_LESSONS", 1)
    rows = HEAD + (
        "BIO-9;Monday;8:00;8:45;R12;A;\nART-1;Mon;8:30;9:15;R12;;\n"
        "BIO-9;Tuesday;8:00;8:45;R12;A;\nART-1;Tue;8:30;9:15;R12;B;\n"
        "BIO-9;Friday;8:00;8:45;R12;;\nART-1;Friday;8:45;9:15;R12;;\n"
    )
    import_id = imports.upload("timetable", rows)
    assert counts(imports.check(import_id)) == {"new": 4, "wrong": 2}
    assert reasons(imports, import_id) == {2: "rows_room", 3: "rows_room"}
    look, looks = imports.handler._look, []

    def cancelled(run: ImportRun) -> None:
        looks.append(run)
        if len(looks) == 3:
            imports.do(import_id, "cancel")
        look(run)

    monkeypatch.setattr(imports.handler, "_look", cancelled)
    imports.do(import_id, "check", {})
    assert imports.work()
    assert imports.state(import_id)["state"] == "cancelled"
    assert len(looks) == 3


def test_without_a_term_column_the_term_must_be_the_only_one(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    rows = "course,day,start,end,room\nBIO-9,1,8:00,8:45,R12\n"
    first = imports.upload("timetable", rows)
    imports.check(first)
    assert reasons(imports, first) == {2: "no_open_term"}
    make_term(imports.office, "Autumn", 1, 40)
    make_term(imports.office, "Spring", 41, 80)
    imports.check(first)
    assert reasons(imports, first) == {2: "which_term"}


def test_weekly_lessons_that_the_file_lacks_are_listed_and_stay(
    desk: OfficeDesk, imports: ImportDesk, term: str
) -> None:
    both = HEAD + "BIO-9;Mon;8:00;8:45;R12;;\nART-1;Tue;8:00;8:45;R12;;\n"
    imports.bring_in("timetable", both)
    done = imports.bring_in("timetable", HEAD + "BIO-9;Mon;8:00;8:45;R12;;\n")
    assert counts(done) == {"unchanged": 1, "missing": 1}
    (gone,) = imports.report(done["id"], "missing")
    assert gone["about"] == "ART-1 · 2 08:00-08:45 · R12"
    assert len(patterns(imports.office)) == 2


def test_the_sample_can_be_imported_as_it_is(
    desk: OfficeDesk, imports: ImportDesk, term: str
) -> None:
    for kind in ("rooms", "courses", "timetable"):
        sample = imports.office.get(f"/api/v1/imports/samples/{kind}").content
        done = imports.bring_in(kind, sample)
        assert "wrong" not in counts(done), imports.report(done["id"], "wrong")


@given(st.times(), st.sampled_from(["{:%H:%M}", "{:%H.%M}", "{:%H:%M:%S}", "{:%Hh%M}"]))
def test_times_are_read_as_they_were_written(at: Any, written: str) -> None:
    assert read_time(written.format(at), "starts") == at.replace(second=0, microsecond=0)


@given(st.times())
def test_times_of_a_twelve_hour_clock_are_read(at: Any) -> None:
    hour = at.hour % 12 or 12
    text = f"{hour}:{at:%M} {'pm' if at.hour >= 12 else 'AM'}"
    assert read_time(text, "starts") == at.replace(second=0, microsecond=0)


@pytest.mark.parametrize("text", ["0:30 pm", "13:00 am", "00:15 AM", "24:00", "8:60", "8"])
def test_what_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(RowError):
        read_time(text, "starts")


@given(st.text(max_size=12))
def test_any_text_is_a_time_and_a_weekday_or_refused(text: str) -> None:
    with contextlib.suppress(RowError):
        assert isinstance(read_time(text, "starts"), time)
    with contextlib.suppress(RowError):
        assert _weekday(text) in range(7)


def test_every_weekday_is_read_in_every_language() -> None:
    monday = date(2026, 11, 23)
    assert [_weekday(f"{monday + timedelta(days=n):%A}") for n in range(7)] == list(range(7))
    assert _weekday("Mittwoch") == _weekday("MIÉRCOLES") == _weekday("الأربعاء") == 2
