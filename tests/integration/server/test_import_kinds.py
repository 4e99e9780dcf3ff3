"""What each kind of file does with rooms, courses, rosters, teachers and hostile rows."""

import uuid
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import col, select, update
from starlette.testclient import TestClient

from server.imports import tasks
from server.jobs.tables import Job
from server.people.tables import Person
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in
from tests.support.workbooks import rows_of, workbook

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


def reasons(imports: ImportDesk, import_id: str) -> dict[int, str]:
    """Return why rows are wrong, by row."""
    return {one["row"]: one["reason"] for one in imports.report(import_id, "wrong")}


def test_rooms_and_courses_are_added_and_renamed(desk: OfficeDesk, imports: ImportDesk) -> None:
    rooms = "Raum\nR12\nAula\n" + "x" * 81 + "\n"
    done = imports.bring_in("rooms", rooms)
    assert counts(done) == {"unchanged": 1, "new": 1, "missing": 1, "wrong": 1}
    assert counts(imports.bring_in("rooms", rooms))["unchanged"] == 2
    courses = "Code;Titel\nBIO-9;Biology for all\nMATH;\nCHEM;Chemistry\n"
    done = imports.bring_in("courses", courses)
    assert counts(done) == {"changed": 1, "wrong": 1, "new": 1, "missing": 1}
    assert counts(imports.bring_in("courses", courses)) == {
        "unchanged": 2,
        "wrong": 1,
        "missing": 1,
    }
    found = imports.office.get("/api/v1/courses").json()
    assert {one["code"]: one["title"] for one in found} == {
        "ART-1": "Art",
        "BIO-9": "Biology for all",
        "CHEM": "Chemistry",
    }


def test_rosters_put_people_on_courses_and_set_last_days(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    head = "course;number;from;until\n"
    rows = (
        f"BIO-9;S1;;\nBIO-9;S2;{day_in(1)};{day_in(9)}\nNONE;S1;;\nBIO-9;S9;;\n"
        f"ART-1;S1;{day_in(5)};{day_in(2)}\nART-1;S2;3/4/2026;\n"
    )
    import_id = imports.upload("rosters", head + rows)
    assert counts(imports.check(import_id)) == {"new": 2, "wrong": 4}
    assert desk.entries() == []
    assert reasons(imports, import_id) == {
        4: "no_course",
        5: "no_student_number",
        6: "order",
        7: "date_ambiguous",
    }
    assert counts(imports.start(import_id)) == {"new": 2, "wrong": 4}
    assert counts(imports.bring_in("rosters", head + rows)) == {"unchanged": 2, "wrong": 4}
    changed = head + f"BIO-9;S2;{day_in(1)};{day_in(20)}\n"
    assert counts(imports.bring_in("rosters", changed)) == {"changed": 1, "missing": 1}
    assert {(one["from"], one["until"]) for one in desk.entries()} == {
        (None, None),
        (day_in(1), day_in(20)),
    }
    overlap = imports.bring_in("rosters", head + f"BIO-9;S2;{day_in(3)};\n")
    assert reasons(imports, overlap["id"]) == {2: "overlap"}


def test_rosters_find_people_whose_number_was_kept_as_typed(
    desk: OfficeDesk, imports: ImportDesk
) -> None:
    typed = "\uff30\uff17"  # full width, as an upgrade keeps it
    with imports.database.transaction() as db:
        ben = col(Person.id) == uuid.UUID(desk.ben)
        db.exec(update(Person).where(ben).values(student_number=typed))
    for number in (typed, "P7"):
        done = imports.bring_in("rosters", f"course;number\nBIO-9;{number}\n")
        assert reasons(imports, done["id"]) == {}
    assert [one["person_id"] for one in desk.entries()] == [desk.ben]


def test_what_a_service_refuses_is_a_wrong_row_and_the_others_are_imported(
    desk: OfficeDesk, imports: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.timetable.roster.MAX_ROSTER", 1)
    done = imports.bring_in("rosters", "course;number\nBIO-9;S1\nBIO-9;S2\nART-1;S2\n")
    assert counts(done) == {"new": 2, "wrong": 1}
    assert reasons(imports, done["id"]) == {3: "roster_full"}


def test_teachers_get_courses_by_user_name(
    desk: OfficeDesk, imports: ImportDesk, sign_in: SignIn
) -> None:
    sign_in(Role.TEACHER)
    head = "course;user name;from;until\n"
    rows = "BIO-9;Teacher-Account;;\nART-1;office-account;;\nART-1;nobody;;\n"
    done = imports.bring_in("teachers", head + rows)
    assert counts(done) == {"new": 1, "wrong": 2}
    assert reasons(imports, done["id"]) == {3: "not_a_teacher", 4: "no_user_name"}
    assert counts(imports.bring_in("teachers", head + rows)) == {"unchanged": 1, "wrong": 2}
    ending = head + f"BIO-9;teacher-account;;{day_in(3)}\n"
    assert counts(imports.bring_in("teachers", ending)) == {"changed": 1}
    (entry,) = imports.office.get(f"/api/v1/courses/{desk.course}/teachers").json()
    assert entry["until"] == day_in(3)


@ON_SQLITE
@pytest.mark.parametrize(
    ("kind", "head", "who", "reason", "at_once"),
    [
        ("rosters", "course;number", "BIO-9;S1", "overlap", 1),
        ("teachers", "course;user name", "BIO-9;teacher-account", "overlap", 250),
        ("groups", "class;number", "7B;S1", "in_group", 250),
    ],
    ids=["rosters", "teachers", "groups"],
)
def test_rows_that_place_a_person_twice_are_seen_by_the_dry_run(
    desk: OfficeDesk,
    imports: ImportDesk,
    sign_in: SignIn,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    head: str,
    who: str,
    reason: str,
    at_once: int,
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", at_once)
    sign_in(Role.TEACHER)
    spans = (day_in(-9), day_in(9)), (day_in(9), ""), (day_in(20), day_in(30)), (day_in(40), "")
    text = f"{head};from;until\n" + "".join(f"{who};{first};{last}\n" for first, last in spans)
    import_id = imports.upload(kind, text)
    for step in (imports.check, imports.start):
        assert counts(step(import_id)) == {"new": 3, "wrong": 1}
        assert reasons(imports, import_id) == {3: reason}
    assert counts(imports.bring_in(kind, text)) == {"unchanged": 3, "wrong": 1}


@ON_SQLITE
@pytest.mark.parametrize(
    ("kind", "head", "who"),
    [
        ("rosters", "course;number", "BIO-9;S1"),
        ("teachers", "course;user name", "BIO-9;teacher-account"),
        ("groups", "class;number", "7B;S1"),
    ],
    ids=["rosters", "teachers", "groups"],
)
def test_two_rows_about_one_entry_do_not_change_it_in_turn(
    desk: OfficeDesk, imports: ImportDesk, sign_in: SignIn, kind: str, head: str, who: str
) -> None:
    sign_in(Role.TEACHER)
    text = f"{head};from;until\n{who};;{day_in(3)}\n{who};{day_in(-9)};{day_in(9)}\n"
    assert counts(imports.bring_in(kind, text))["wrong"] == 1
    again = [counts(imports.bring_in(kind, text)) for _ in range(2)]
    assert again == [{"unchanged": 1, "wrong": 1}] * 2


@ON_SQLITE
def test_a_teacher_whose_time_is_over_is_known_again(
    desk: OfficeDesk, imports: ImportDesk, sign_in: SignIn
) -> None:
    sign_in(Role.TEACHER)
    rows = f"course;user name;until\nBIO-9;teacher-account;{day_in(-2)}\n"
    assert counts(imports.bring_in("teachers", rows)) == {"new": 1}
    assert counts(imports.bring_in("teachers", rows)) == {"unchanged": 1}


HOSTILE: tuple[tuple[str, bytes, dict[str, int], dict[int, str]], ...] = (
    ("semicolons in Windows-1252", "Nummer;Vorname\n1;Zoë\n".encode("cp1252"), {"new": 1}, {}),
    ("tabs in UTF-16", "Number\tFirst name\n1\tZoë\n".encode("utf-16"), {"new": 1}, {}),
    ("commas with a mark", "\ufeffNumber,First name\n1,Zoë\n".encode(), {"new": 1}, {}),
    ("formulas", b"Number,First name\n=1+1,=cmd|'/C calc'!A0\n@A,+x\n", {"new": 2}, {}),
    ("leading zeros", b"Number,First name\n007,A\n7,B\n", {"new": 2}, {}),
    (
        "the same row again",
        b"Number,First name\n1,A\n1,A\n",
        {"new": 1, "wrong": 1},
        {3: "repeated"},
    ),
    (
        "rows that contradict",
        b"Number,First name\n1,A\n1,B\n",
        {"wrong": 2},
        {2: "contradicts", 3: "contradicts"},
    ),
    (
        "one number in two spellings",
        "Number,First name\n12,A\n\uff11\uff12,B\n".encode(),
        {"wrong": 2},
        {2: "contradicts", 3: "contradicts"},
    ),
    (
        "wrong years",
        b"Number,First name,Year of birth\n1,A,1899\n2,B,3000\n3,C,soon\n4,D,31.02.2011\n",
        {"wrong": 4},
        {2: "year", 3: "year", 4: "year", 5: "year"},
    ),
    ("no names", b"Number,First name\n1,\n", {"wrong": 1}, {2: "name_missing"}),
    ("no letters", b"Number,First name\n1,...\n", {"wrong": 1}, {2: "wordless"}),
    (
        "long text",
        b"Number,First name\n" + b"1" * 41 + b",A\n2," + b"x" * 81 + b"\n",
        {"wrong": 2},
        {2: "too_long", 3: "too_long"},
    ),
    (
        "text that turns around",
        "Number,First name\n1,A\u202eB\n".encode(),
        {"wrong": 1},
        {2: "misleading"},
    ),
    ("half a file", b"Number,First name\n1,A\n2", {"new": 1, "wrong": 1}, {3: "cut"}),
    (
        "cells too many",
        b"Number,First name\n1,A,B\n",
        {"wrong": 1},
        {2: "too_many_cells"},
    ),
    (
        "a number that Excel rounded",
        workbook(rows_of(["Number", "First name"], [1234567890123456789, "A"], [12, "B"])),
        {"wrong": 1, "new": 1},
        {2: "rounded"},
    ),
    (
        "markup",
        b"Number,First name\n<script>1</script>,<b>A</b>{{ 7 * 7 }}\n",
        {"new": 1},
        {},
    ),
)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_hostile_files_get_a_report_and_do_no_harm(imports: ImportDesk) -> None:
    found: dict[str, Any] = {}
    for name, data, _, _ in HOSTILE:
        import_id = imports.upload("people", data)
        found[name] = (counts(imports.check(import_id)), reasons(imports, import_id))
        page = imports.office.get(f"/imports/{import_id}")
        assert page.status_code == 200
        assert "<script>1" not in page.text
        assert imports.office.get(f"/imports/{import_id}/report.csv").status_code == 200
    assert found == {name: (counted, wrong) for name, _, counted, wrong in HOSTILE}
    assert imports.people() == {}


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "file_empty"),
        (b"Number,First name\n", "file_no_rows"),
        (b"Number,number\n1,2\n", "file_same_names"),
        (b'Number,First name\n1,"A\n', "file_quotes"),
        (bytes(range(256)) * 20, "sheet_kind"),
    ],
)
def test_unreadable_files_are_refused_with_a_sentence(
    imports: ImportDesk, data: bytes, problem: str
) -> None:
    answer = imports.send("people", data)
    assert (answer.status_code, answer.json()["error"]["details"]["problem"]) == (400, problem)
    page = imports.office.post(
        "/imports/new", data={"kind": "people"}, files={"file": ("a.csv", data)}
    )
    assert page.status_code == 400
    assert 'role="alert"' in page.text


def test_the_pages_lead_from_the_file_to_the_result(imports: ImportDesk) -> None:
    office = imports.office
    assert 'href="/imports/new"' in office.get("/imports").text
    assert office.get("/imports/samples/people").content.startswith(b"\xef\xbb\xbfStudent number")
    sent = office.post(
        "/imports/new",
        data={"kind": "people"},
        files={"file": ("people.csv", b"Pupil;Vorname;Guardian\n1;Ada;X\n;Ben;Y\n")},
    )
    address = sent.headers["location"]
    assert "Not used: Pupil, Guardian" in office.get(address).text
    refused = office.post(f"{address}/columns", data={"columns": ["given_name=1"]})
    assert (refused.status_code, "is not chosen" in refused.text) == (400, True)
    assert office.post(f"{address}/columns", data={"columns": ["x"]}).status_code == 400
    columns = {"columns": ["student_number=0", "given_name=1", ""]}
    assert office.post(f"{address}/columns", data=columns).headers["location"] == address
    assert "every 1s" in office.get(address).text
    assert imports.work()
    report = office.get(address).text
    assert "Student number: the cell is empty." in report
    assert "Import 1 row<" in report
    office.post(f"{address}/start")
    assert imports.work()
    done = office.get(f"{address}?show=new").text
    assert "The file was imported" in done
    assert "1 · Ada" in done
    assert "people.csv" in office.get("/imports").text


def test_the_report_is_paged_across_its_parts(
    imports: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 40)
    lines = "".join(f"{n},{'A' if n % 3 else ''}\n" for n in range(400))
    import_id = imports.upload("people", "Number,First name\n" + lines)
    assert counts(imports.check(import_id)) == {"new": 266, "wrong": 134}
    pages = [
        imports.office.get(f"/imports/{import_id}?show=new&page={page}").text for page in (1, 3)
    ]
    assert [text.count("<bdi>") > 60 for text in pages] == [True, True]
    rows = imports.report(import_id, "new")
    assert [one["row"] for one in rows] == sorted(n + 2 for n in range(400) if n % 3)


def test_an_erased_person_is_not_brought_back_by_a_file_from_before(
    imports: ImportDesk, desk: OfficeDesk, sign_in: SignIn
) -> None:
    rooms = imports.upload("rooms", "name\nR99\n")
    checked = imports.upload("people", "student_number,given_name,family_name\nS1,Ada,Lovelace\n")
    imports.check(checked)
    imports.do(checked, "start")
    erase = {"reason": "Left the school"}
    admin = sign_in(Role.ADMIN)
    assert admin.post(f"/api/v1/people/{desk.ada}/erase", json=erase).is_success
    with imports.database.reading() as db:
        assert db.exec(select(Job).where(Job.kind == "import")).all() == []
    imports.work()
    assert desk.office.get(f"/api/v1/imports/{checked}").status_code == 404
    assert desk.office.get(f"/api/v1/imports/{rooms}").status_code == 200
    names = desk.office.get("/api/v1/people").text
    assert "Lovelace" not in names
