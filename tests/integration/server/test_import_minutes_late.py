"""Past attendance with minutes late: read, kept, shown, and never taken away by another file."""

import csv
import io
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from server.attendance.tables import StoredEvent
from server.db.engine import Database
from server.db.types import new_id, now
from server.imports.attendance_columns import ATTENDANCE_COLUMNS
from tests.integration.server.test_person_attendance import page, read
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.planning import BERLIN
from tests.support.workbooks import rows_of, workbook

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
HEAD = "Nummer;Kurs;Datum;Status;Minuten verspätet;Grund;Bemerkung\n"
#: A week and more ago, so that no lesson runs.
DAY, NEXT = day_in(-14), day_in(-7)
SPAN = {"first": day_in(-40), "last": day_in(-1)}


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


@pytest.fixture
def school(desk: OfficeDesk, imports: ImportDesk) -> OfficeDesk:
    """A school in its term: Biology at 8 on the weekday of `DAY`, two students."""
    desk.post("/terms", name="Autumn", first_day=day_in(-60), last_day=day_in(60))
    weekday = (today() - timedelta(days=14)).isoweekday()
    imports.bring_in("timetable", f"course,day,start,end,room\nBIO-9,{weekday},8:00,8:45,R12\n")
    listed = "".join(f"BIO-9;{one};{day_in(-40)}\n" for one in ("S1", "S2"))
    imports.bring_in("rosters", f"course;number;from\n{listed}")
    return desk


def bring(imports: ImportDesk, *rows: str, head: str = HEAD) -> dict[str, Any]:
    return imports.bring_in("attendance", head + "".join(f"{one}\n" for one in rows))


def wrong(imports: ImportDesk, run: dict[str, Any]) -> dict[int, str]:
    return {one["row"]: one["reason"] for one in imports.report(run["id"], "wrong")}


def lesson_on(desk: OfficeDesk, day: str) -> str:
    at = now()
    asked = {"after": (at - timedelta(days=40)).isoformat(), "before": at.isoformat()}
    found = desk.office.get("/api/v1/lessons", params=asked).json()["lessons"]
    return next(str(one["id"]) for one in found if one["starts_at"].startswith(day))


def minutes(desk: OfficeDesk, day: str = DAY) -> dict[str, int | None]:
    """Return how late each student was, by number."""
    rows = desk.register(lesson_on(desk, day))["rows"]
    return {row["student_number"]: row["minutes_late"] for row in rows}


def history(desk: OfficeDesk, person: str, day: str = DAY) -> str:
    """Return the page of a line."""
    answer = desk.office.get(f"/lessons/{lesson_on(desk, day)}/people/{person}")
    assert answer.status_code == 200
    return answer.text


def test_minutes_late_are_kept_and_shown_where_the_status_is(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    rows = (
        f"S1;BIO-9;{DAY};late;12;;",
        f"S2;BIO-9;{DAY};present;0;;",
        f"S1;BIO-9;{NEXT};late;600;;",
        f"S2;BIO-9;{NEXT};late;;;",
    )
    assert counts(bring(imports, *rows)) == {"new": 4}
    assert minutes(school) == {"S1": 12, "S2": None}
    assert minutes(school, NEXT) == {"S1": 600, "S2": None}
    found = read(school.office, school.ada, **SPAN)
    assert (found["total"]["late_minutes"], found["total"]["late_minutes_median"]) == (612, 306)
    assert [day["lessons"][0]["late_minutes"] for day in found["days"]] == [12, 600]
    shown = page(school.office, school.ada, **SPAN)
    assert "612 minutes late in all" in shown
    assert "12 min" in shown
    register = school.office.get(f"/lessons/{lesson_on(school, DAY)}").text
    assert register.count("12 min late") == 1
    line = history(school, school.ada)
    assert "<dt>Minutes late</dt><dd>12 min</dd>" in line
    assert "Late · 12 min" in line
    assert "Minutes late" not in history(school, school.ben)
    assert counts(bring(imports, *rows)) == {"unchanged": 4}
    assert minutes(school) == {"S1": 12, "S2": None}


@ON_SQLITE
def test_exports_have_the_minutes_of_each_late_line(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    bring(imports, f"S1;BIO-9;{DAY};late;12;;", f"S2;BIO-9;{DAY};present;;;")
    asked = {"view": "lesson", "format": "csv", **SPAN}
    text = school.office.get("/reports/export", params=asked).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(one["Student number"], one["Minutes late"]) for one in rows[:2]] == [
        ("S1", "12"),
        ("S2", ""),
    ]


@ON_SQLITE
def test_a_file_without_minutes_changes_none_and_another_one_adds_them(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    bring(imports, f"S1;BIO-9;{DAY};late;12;Bus;", f"S2;BIO-9;{DAY};late;;Bus;")
    before = school.register(lesson_on(school, DAY))["rows"]
    head = "Nummer;Kurs;Datum;Status\n"
    plain = [f"S1;BIO-9;{DAY};late", f"S2;BIO-9;{DAY};late"]
    assert counts(bring(imports, *plain, head=head)) == {"unchanged": 2}
    empty = [f"S1;BIO-9;{DAY};late;;;", f"S2;BIO-9;{DAY};late;;;"]
    assert counts(bring(imports, *empty)) == {"unchanged": 2}
    assert school.register(lesson_on(school, DAY))["rows"] == before
    later = [f"S1;BIO-9;{DAY};late;012;Bus;", f"S2;BIO-9;{DAY};late;7;Bus;Told us"]
    run = bring(imports, *later)
    assert counts(run) == {"changed": 1, "unchanged": 1}
    (changed,) = imports.report(run["id"], "changed")
    assert [one["column"] for one in changed["changes"]] == ["remark", "minutes_late"]
    assert minutes(school) == {"S1": 12, "S2": 7}
    line = history(school, school.ben)
    assert line.count("Bus (imported from a file)") == 2  # both words, the second with minutes
    assert "Told us" in line
    assert counts(bring(imports, *later)) == {"unchanged": 2}


@ON_SQLITE
def test_minutes_that_cannot_be_used_are_named(school: OfficeDesk, imports: ImportDesk) -> None:
    bring(imports, f"S2;BIO-9;{NEXT};late;9;;")
    refused = {
        f"S1;BIO-9;{DAY};late;601;;": "minutes_late",
        f"S2;BIO-9;{DAY};late;-1;;": "minutes_late",
        f"S1;BIO-9;{NEXT};absent;5;;": "not_late",
        f"S2;BIO-9;{NEXT};late;8;;": "minutes_late_stand",
    }
    run = bring(imports, *refused)
    found = imports.report(run["id"], "wrong")
    assert [one["reason"] for one in found] == list(refused.values())
    assert [one["column"] for one in found] == ["minutes_late"] * 4
    assert all(one["message"] and one["fix"] for one in found)
    assert "Minutes late: “601”" in found[0]["message"]
    assert found[3]["message"].endswith("The register says 9 minutes late.")
    differ = bring(imports, f"S1;BIO-9;{DAY};late;5;;", f"S1;BIO-9;{DAY};late;6;;")
    assert wrong(imports, differ) == {2: "contradicts", 3: "contradicts"}


@ON_SQLITE
def test_a_workbook_in_arabic_is_read(school: OfficeDesk, imports: ImportDesk) -> None:
    head = ("رقم الطالب", "المقرر", "التاريخ", "الحالة", "دقائق التأخير")
    book = workbook(rows_of(head, ("S1", "BIO-9", DAY, "متأخر", 12)))
    run = imports.upload("attendance", book, "marks.xlsx")
    assert counts(imports.check(run))["new"] == 1
    imports.start(run)
    assert minutes(school)["S1"] == 12


@ON_SQLITE
def test_minutes_follow_the_line_through_corrections_and_undo(
    school: OfficeDesk, imports: ImportDesk
) -> None:
    bring(imports, f"S1;BIO-9;{DAY};late;12;;", f"S2;BIO-9;{DAY};late;5;;")
    lesson, code = f"/lessons/{lesson_on(school, DAY)}", school.codes()
    school.post(f"{lesson}/corrections", person_id=school.ada, code_id=code["late"])
    assert minutes(school) == {"S1": 12, "S2": 5}
    lines = [{"person_id": one} for one in (school.ada, school.ben)]
    batch = school.post(f"{lesson}/corrections/bulk", lines=lines, code_id=code["present"])
    assert minutes(school) == {"S1": None, "S2": None}
    school.post(f"{lesson}/corrections/{batch['id']}/undo")
    assert minutes(school) == {"S1": 12, "S2": 5}


@ON_SQLITE
def test_what_a_kiosk_saw_says_how_late_a_student_was(
    school: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    kiosk = school.hang_kiosk(since=now() - timedelta(days=40))
    at = datetime.fromisoformat(f"{DAY}T08:17").replace(tzinfo=BERLIN)
    with database.transaction() as db:
        db.add(
            StoredEvent(
                kiosk_id=uuid.UUID(kiosk),
                id=new_id(),
                seq=1,
                occurred_at=at,
                counted_at=at,
                received_at=at,
                person_id=uuid.UUID(school.ada),
                kind="seen",
                method="face",
                clock_source="ntp",
                hash="0" * 64,
                body="{}",
            )
        )
    bring(imports, f"S2;BIO-9;{DAY};present;;;")
    assert minutes(school) == {"S1": 17, "S2": None}
    run = bring(imports, f"S1;BIO-9;{DAY};late;12;;")
    assert wrong(imports, run) == {2: "minutes_late_stand"}
    assert counts(bring(imports, f"S1;BIO-9;{DAY};late;17;;"))["unchanged"] == 1
    assert "<dt>Minutes late</dt><dd>17 min</dd>" in history(school, school.ada)


@ON_SQLITE
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_sample_has_minutes_late_for_a_late_student(office: TestClient, language: str) -> None:
    headers = {"Accept-Language": language}
    sample = office.get("/imports/samples/attendance", headers=headers).content.decode("utf-8-sig")
    at = [one.key for one in ATTENDANCE_COLUMNS].index("minutes_late")
    head, *rows = csv.reader(io.StringIO(sample))
    assert head[at] in {"Minutes late", "دقائق التأخر"}
    assert [row[at] for row in rows] == ["", "12", ""]
