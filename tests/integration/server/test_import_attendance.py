"""Past attendance from a file: what is added to registers, what stays, and what is wrong."""

import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import Session, select
from starlette.testclient import TestClient

from server.attendance.tables import Correction, LineRemark, StoredEvent
from server.audit.tables import AuditedPerson, AuditEntry
from server.db.engine import Database
from server.db.prepared import table_of
from server.db.types import new_id, now
from server.imports import tasks
from server.imports.matching import read_rows_as
from server.imports.sheets import Sheet, SheetRow
from server.past_marks.files import AttendanceFiles
from server.people.bulk import ImportOrigin
from server.timetable.tables import Lesson, PatternLesson
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_absences import absence
from tests.support.importing import ImportDesk, counts
from tests.support.office_desk import OfficeDesk, day_in, today
from tests.support.planning import BERLIN

ON_SQLITE = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
HEAD = "Nummer;Kurs;Datum;Beginn;Ende;Raum;Status;Grund;Bemerkung\n"
#: A week and more ago, so that no lesson runs.
DAY = day_in(-14)


@pytest.fixture
def imports(app: FastAPI, office: TestClient) -> ImportDesk:
    """The office's imports."""
    return ImportDesk(app, office)


@pytest.fixture
def school(desk: OfficeDesk, imports: ImportDesk) -> OfficeDesk:
    """A school in the middle of its term: Biology at 8 on the weekday of `DAY`, two students."""
    term = {"name": "Autumn", "first_day": day_in(-60), "last_day": day_in(60)}
    desk.post("/terms", **term)
    weekday = (today() - timedelta(days=14)).isoweekday()
    imports.bring_in("timetable", f"course,day,start,end,room\nBIO-9,{weekday},8:00,8:45,R12\n")
    rosters = "".join(f"{one};{day_in(-40)}\n" for one in ("BIO-9;S1", "BIO-9;S2", "ART-1;S1"))
    assert counts(imports.bring_in("rosters", f"course;number;from\n{rosters}")) == {"new": 3}
    return desk


def lessons(desk: OfficeDesk) -> list[dict[str, Any]]:
    """Return the lessons of the last 40 days."""
    at = now()
    asked = {"after": (at - timedelta(days=40)).isoformat(), "before": at.isoformat()}
    found = desk.office.get("/api/v1/lessons", params={**asked, "limit": 200}).json()["lessons"]
    return [one for one in found if one["starts_at"] < day_in(-1)]


def statuses(desk: OfficeDesk, lesson_id: str) -> dict[str, str]:
    rows = desk.register(lesson_id)["rows"]
    return {row["student_number"]: row["status"] for row in rows}


def reasons(imports: ImportDesk, run: dict[str, Any]) -> dict[int, str]:
    return {one["row"]: one["reason"] for one in imports.report(run["id"], "wrong")}


def test_a_term_of_marks_becomes_registers_once(
    school: OfficeDesk, imports: ImportDesk, database: Database, sign_in: SignIn, app: FastAPI
) -> None:
    rows = HEAD + (
        f"S1;BIO-9;{DAY};;;;anwesend;;\n"
        f"S2;BIO-9;{DAY};8:00;;;E;Doctor;Note of the parents\n"
        f"S1;ART-1;{DAY};10:00;10:45;R14;zu spät;;\n"
        f"S2;BIO-9;{day_in(-7)};;;;absent;;\n"
    )
    import_id = imports.upload("attendance", rows, "marks.csv")
    assert counts(imports.check(import_id)) == {"new": 4, "missing": 1}
    assert lessons(school) == []
    assert counts(imports.start(import_id)) == {"new": 4, "missing": 1}
    biology, art, second = (one["id"] for one in lessons(school))
    assert statuses(school, biology) == {"S1": "present", "S2": "excused"}
    assert statuses(school, art) == {"S1": "late"}
    assert statuses(school, second) == {"S1": "pending", "S2": "absent"}
    (missing,) = imports.report(import_id, "missing")
    assert missing["about"] == f"BIO-9 · {day_in(-7)} 08:00 · S1"
    with database.reading() as db:
        found = set(db.exec(select(Correction.reason)))
        assert found == {"Doctor (imported from a file)", "Imported from a file"}
        assert db.exec(select(LineRemark.text)).all() == ["Note of the parents"]
        assert db.get(PatternLesson, uuid.UUID(biology)) is not None
        entry = db.exec(select(AuditEntry).where(AuditEntry.action == "attendance.import")).one()
        assert (entry.details["lines"], entry.details["added"]) == (4, 3)
        named = db.exec(select(AuditedPerson.person_id).where(AuditedPerson.seq == entry.seq))
        assert set(named) == {uuid.UUID(school.ada), uuid.UUID(school.ben)}
    assert school.register(biology)["confirmation"] is None
    again = imports.bring_in("attendance", rows)
    assert counts(again) == {"unchanged": 4, "missing": 1}
    assert len(lessons(school)) == 3
    asked = {"first": day_in(-40), "last": day_in(-1)}
    sums = school.office.get("/api/v1/reports/attendance", params=asked).json()["rows"]
    names = ("attended", "late", "absent", "excused", "open")
    assert {one["number"]: tuple(one[name] for name in names) for one in sums} == {
        "S1": (2, 1, 0, 0, 1),
        "S2": (0, 0, 1, 1, 0),
    }
    untaken = school.office.get("/api/v1/reports/registers-not-taken", params=asked).json()["rows"]
    assert [one["lesson_id"] for one in untaken] == [second]
    teacher = ImportDesk(app, sign_in(Role.TEACHER))
    assert teacher.send("attendance", rows).status_code == 403


@ON_SQLITE
def test_every_row_that_cannot_be_used_is_named(school: OfficeDesk, imports: ImportDesk) -> None:
    holiday = {"name": "Autumn break", "first_day": day_in(-21), "last_day": day_in(-20)}
    school.post("/holidays", **holiday)
    cancelled = _held(school, f"{day_in(-5)}T10:00", school.course)
    school.post(f"/lessons/{cancelled}/cancel", reason="Nobody came")
    _held(school, f"{day_in(-5)}T13:00", school.other_course)
    wrong = {
        f";BIO-9;{DAY};8:00;;;present;;": "empty",
        "S1;BIO-9;;8:00;;;present;;": "empty",
        f"S9;BIO-9;{DAY};8:00;;;present;;": "no_student_number",
        f"S1;NONE;{DAY};8:00;;;present;;": "no_course",
        f"S1;BIO-9;{DAY};8:01;;R99;present;;": "no_room",
        f"S1;BIO-9;{DAY};8:02;;;maybe;;": "status",
        "S1;BIO-9;03/04/2026;8:00;;;present;;": "date_ambiguous",
        "S1;BIO-9;0001-01-01;8:00;;;present;;": "date",
        "S1;BIO-9;9999-12-31;8:00;;;present;;": "date",
        f"S1;BIO-9;{DAY};25:00;;;present;;": "time",
        f"S1;BIO-9;{day_in(-13)};;;;present;;": "no_lesson",
        f"S1;ART-1;{day_in(-13)};8:00;;R14;present;;": "no_end",
        f"S1;ART-1;{day_in(-12)};8:00;8:45;;present;;": "no_lesson_room",
        f"S1;BIO-9;{day_in(-12)};8:45;8:00;;present;;": "ends_before_start",
        f"S1;BIO-9;{day_in(-11)};8:00;20:30;;present;;": "lesson_too_long",
        f"S1;BIO-9;{day_in(7)};8:00;;;present;;": "not_over",
        f"S1;BIO-9;{day_in(-21)};;;;present;;": "holiday",
        f"S1;BIO-9;{day_in(-61)};8:00;;;present;;": "outside_terms",
        f"S1;BIO-9;{day_in(-5)};10:00;;;present;;": "lesson_cancelled",
        f"S1;BIO-9;{day_in(-5)};13:15;14:00;R14;present;;": "clash_room",
        f"S1;ART-1;{day_in(-5)};13:15;14:00;R12;present;;": "clash_course",
        f"S2;ART-1;{DAY};10:00;10:45;R14;present;;": "not_on_roster",
        f"S1;BIO-9;{day_in(-49)};;;;present;;": "not_on_roster",
        f"S1;BIO-9;{DAY};8:03;;;excused;{'x' * 301};": "too_long",
        f"S1;BIO-9;{DAY};8:04;;;excused;;": "status_reason",
    }
    run = imports.upload("attendance", HEAD + "\n".join(wrong) + "\n")
    assert counts(imports.check(run))["wrong"] == len(wrong)
    found = {one["row"]: one for one in imports.report(run, "wrong")}
    assert [one["reason"] for one in found.values()] == list(wrong.values())
    assert all(one["message"] and one["fix"] for one in found.values())
    assert "Autumn break" in found[list(wrong.values()).index("holiday") + 2]["message"]
    assert counts(imports.start(run))["wrong"] == len(wrong)


def _held(desk: OfficeDesk, at: str, course: str) -> str:
    starts_at = datetime.fromisoformat(at).replace(tzinfo=BERLIN)
    body = {
        "course_id": course,
        "room_id": desk.other_room,
        "starts_at": starts_at.isoformat(),
        "ends_at": (starts_at + timedelta(minutes=45)).isoformat(),
    }
    return str(desk.post("/lessons", **body)["id"])


@ON_SQLITE
def test_what_stands_in_a_register_stays(school: OfficeDesk, imports: ImportDesk) -> None:
    first = HEAD + f"S1;BIO-9;{DAY};;;;excused;Doctor;Sent a note\nS2;BIO-9;{DAY};;;;late;;\n"
    imports.bring_in("attendance", first)
    (lesson,) = (one["id"] for one in lessons(school))
    code = school.codes()["present"]
    school.post(f"/lessons/{lesson}/corrections", person_id=school.ben, code_id=code)
    before = school.register(lesson)["rows"]
    for row, reason in {
        f"S1;BIO-9;{DAY};;;;absent;;": "stands_excused",
        f"S1;BIO-9;{DAY};;;;excused;Funeral;": "reason_stands",
        f"S1;BIO-9;{DAY};;;;excused;Doctor;Another note": "remark_stands",
        f"S2;BIO-9;{DAY};;;;late;;": "stands_present",
    }.items():
        run = imports.bring_in("attendance", HEAD + row + "\n")
        assert reasons(imports, run) == {2: reason}
    assert school.register(lesson)["rows"] == before
    run = imports.bring_in("attendance", HEAD + f"S2;BIO-9;{DAY};;;;present;;New here\n")
    assert counts(run) == {"changed": 1, "missing": 1}
    remarks = {row["person_id"]: row["remark"] for row in school.register(lesson)["rows"]}
    assert remarks == {school.ada: "Sent a note", school.ben: "New here"}


@ON_SQLITE
def test_what_a_kiosk_saw_and_a_reported_absence_stay(
    school: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    kiosk = school.hang_kiosk(since=now() - timedelta(days=40))
    at = datetime.fromisoformat(f"{DAY}T08:01").replace(tzinfo=BERLIN)
    with database.transaction() as db:
        sighting = StoredEvent(
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
        db.add(sighting)
    rows = f"S1;BIO-9;{DAY};;;;absent;;\nS2;BIO-9;{DAY};;;;absent;;\n"
    report = absence(school, person_id=school.ben, first_day=day_in(-7), last_day=day_in(-7))
    school.post("/absences", **report, past_lines="change")
    rows += f"S2;BIO-9;{day_in(-7)};;;;late;;\nS1;BIO-9;{day_in(-7)};;;;present;;\n"
    run = imports.bring_in("attendance", HEAD + rows)
    assert reasons(imports, run) == {2: "kiosk_present", 4: "stands_excused"}
    lesson, later = (one["id"] for one in lessons(school))
    assert statuses(school, later) == {"S1": "present", "S2": "excused"}
    assert statuses(school, lesson) == {"S1": "present", "S2": "absent"}
    same = imports.bring_in("attendance", HEAD + f"S1;BIO-9;{DAY};;;;present;;\n")
    assert counts(same) == {"unchanged": 1, "missing": 1}


@ON_SQLITE
def test_rows_that_contradict_each_other_are_all_refused(
    school: OfficeDesk, imports: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 1)
    rows = (
        HEAD
        + (
            f"S1;BIO-9;{DAY};;;;present;;\n"  # the same lesson, said in two ways
            f"S2;BIO-9;{DAY};;;;present;;\n"
            f"S2;BIO-9;{DAY};8:00;;;present;;\n"
            f"S1;BIO-9;{DAY};8:00;;;absent;;\n"
            f"S1;ART-1;{DAY};10:00;10:45;R14;late;;\n"  # one lesson with two ends
            f"S2;ART-1;{DAY};10:00;10:50;R14;late;;\n"
            f"S1;ART-1;{DAY};12:00;12:45;R14;late;;\n"  # two lessons in one room
            f"S1;BIO-9;{DAY};12:30;13:15;R14;late;;\n"
            f"S1;ART-1;{DAY};14:00;14:45;R14;late;;\n"  # one line in three spellings
            f"S1;ART-1;{DAY};14:00;14:45;R14;absent;;\n"
            f"S1;ART-1;{DAY[8:]}.{DAY[5:7]}.{DAY[:4]};14.00;14:45;R14;late;;\n"
            f"S2;ART-1;{DAY};14:00;14:45;R14;late;;\n"  # beside a status that nobody knows
            f"S2;ART-1;{DAY};14:00;14:45;R14;somewhere;;\n"
        )
    )
    import_id = imports.upload("attendance", rows)
    found = []
    for step in (imports.check, imports.start):
        assert counts(step(import_id))["wrong"] == 12
        found.append({one["row"]: one["message"] for one in imports.report(import_id, "wrong")})
    assert found[0] == found[1]
    assert {row: text.split(":")[0] for row, text in found[0].items()} == {
        2: "Rows 2, 5 contradict each other.",
        4: "This row is the same as row 3.",
        5: "Rows 2, 5 contradict each other.",
        6: "Rows 6, 7 give this lesson different rooms or end times.",
        7: "Rows 6, 7 give this lesson different rooms or end times.",
        8: "Rows 9 have another lesson at this time in the same room, course or with the same"
        " teacher.",
        9: "Rows 8 have another lesson at this time in the same room, course or with the same"
        " teacher.",
        10: "Rows 10, 11, 12 contradict each other.",
        11: "Rows 10, 11, 12 contradict each other.",
        12: "Rows 10, 11, 12 contradict each other.",
        13: "Rows 13, 14 contradict each other.",
        14: "“somewhere” is not a status of your school.",
    }
    assert [statuses(school, one["id"]) for one in lessons(school)] == [
        {"S1": "pending", "S2": "present"}
    ]


@ON_SQLITE
def test_an_import_goes_on_after_a_kill_and_stops_when_it_is_cancelled(
    school: OfficeDesk, imports: ImportDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "CHUNK", 1)
    rows = HEAD + (
        f"S1;BIO-9;{DAY};;;;present;;\nS2;BIO-9;{DAY};;;;late;;\n"
        f"S1;BIO-9;{day_in(-7)};;;;present;;\nS2;BIO-9;{day_in(-7)};8:00;;;late;;\n"
    )
    import_id = imports.upload("attendance", rows)
    imports.check(import_id)
    imports.do(import_id, "start")
    job, step, done = imports.claim(), imports.handler._step, list[int]()

    def killed(*given: Any) -> None:
        if len(done) == 3:
            raise KeyboardInterrupt
        step(*given)
        done.append(1)

    monkeypatch.setattr(imports.handler, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        imports.handler.run(job)
    assert statuses(school, lessons(school)[1]["id"]) == {"S1": "present", "S2": "pending"}
    imports.do(import_id, "cancel")
    monkeypatch.setattr(imports.handler, "_step", step)
    imports.handler.run(job)
    assert imports.state(import_id)["state"] == "cancelled"
    imports.check(import_id)
    assert counts(imports.start(import_id)) == {"new": 1, "unchanged": 3}
    assert statuses(school, lessons(school)[1]["id"]) == {"S1": "present", "S2": "late"}


Row = tuple[str, ...]
COLUMNS = (
    "student_number",
    "course",
    "date",
    "starts",
    "ends",
    "room",
    "status",
    "remark",
    "minutes_late",
)


def drawn(students: Sequence[str]) -> st.SearchStrategy[Row]:
    """Return rows about two days: with and without a start, right and wrong, and contradicting."""
    return st.tuples(
        st.sampled_from(students),
        st.sampled_from(["BIO-9", "ART-1"]),
        st.sampled_from([DAY, day_in(-7)]),
        st.sampled_from(["", "8:00", "8:30", "10:00"]),
        st.sampled_from(["", "10:45"]),
        st.sampled_from(["", "R12", "R14"]),
        st.sampled_from(["present", "late", "absent", "?"]),
        st.sampled_from(["", "A remark"]),
        st.sampled_from(["", "", "0", "12", "later"]),
    )


def bring(db: Session, rows: Sequence[Row], account: str, size: int) -> None:
    """Import rows in parts of a size, as the job does."""
    kind = AttendanceFiles(BERLIN, "en")
    sheet = Sheet(COLUMNS, [SheetRow(number, cells) for number, cells in enumerate(rows, 2)])
    read = read_rows_as(kind, sheet, {name: at for at, name in enumerate(COLUMNS)})
    kind.survey(db, read.rows)
    for start in range(0, len(read.rows), size):
        judged = kind.judge(db, read.rows[start : start + size], lock=True)
        kind.write(db, judged, ImportOrigin(f"account:{account}", "import:1", {}))
        db.flush()


def registers(db: Session) -> set[tuple[Any, ...]]:
    """Return every lesson that is over and every word about a line of one."""
    lesson, said, noted = table_of(Lesson), table_of(Correction), table_of(LineRemark)
    which = (lesson.c.course_id, lesson.c.starts_at)
    queries = (
        sqlalchemy.select(*which, lesson.c.ends_at, lesson.c.room_id).where(
            lesson.c.ends_at < now()
        ),
        sqlalchemy.select(*which, said.c.person_id, said.c.code_id, said.c.minutes_late).where(
            said.c.lesson_id == lesson.c.id
        ),
        sqlalchemy.select(*which, noted.c.person_id, noted.c.text).where(
            noted.c.lesson_id == lesson.c.id
        ),
    )
    return {tuple(row) for query in queries for row in db.execute(query)}


def after(database: Database, files: Sequence[Sequence[Row]], account: str, size: int) -> set[Any]:
    """Return the registers after files were imported one after another; nothing is kept."""
    with database.transaction() as db:
        trial = db.begin_nested()
        for rows in files:
            bring(db, rows, account, size)
        found = registers(db)
        trial.rollback()
    return found


@ON_SQLITE
def test_order_repetition_and_parts_never_change_a_register(
    school: OfficeDesk, database: Database
) -> None:
    account = school.office.get("/api/v1/sign-in").json()["account_id"]

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(drawn(["S1", "S2"]), min_size=1, max_size=9), st.randoms(), st.integers(1, 4))
    def check(rows: list[Row], chance: random.Random, size: int) -> None:
        shuffled = [*rows, *chance.choices(rows, k=2)]
        chance.shuffle(shuffled)
        once = after(database, [rows], account, 100)
        assert after(database, [shuffled, shuffled], account, size) == once

    check()
    first = [
        ("S1", "BIO-9", DAY, "", "", "", "late", "", "12"),
        ("S1", "ART-1", DAY, "10:00", "10:45", "R14", "absent", "", ""),
    ]
    second = [
        ("S2", "BIO-9", DAY, "8:00", "", "", "absent", "Ill", ""),
        ("S2", "BIO-9", day_in(-7), "", "", "", "late", "", "5"),
    ]
    together = after(database, [first + second], account, 100)
    assert after(database, [first, second], account, 1) == together
    assert after(database, [second, first, second], account, 1) == together
    assert len(together) == 8


@ON_SQLITE
def test_more_rows_of_a_part_take_no_more_queries(
    school: OfficeDesk, imports: ImportDesk, database: Database
) -> None:
    account = school.office.get("/api/v1/sign-in").json()["account_id"]
    people = "".join(f"X{number};Pupil {number}\n" for number in range(40))
    imports.bring_in("people", f"number;given name\n{people}")
    rosters = "".join(f"BIO-9;X{number};{day_in(-40)}\n" for number in range(40))
    imports.bring_in("rosters", f"course;number;from\n{rosters}")
    statements = []
    for count in (2, 40):
        rows = [(f"X{one}", "BIO-9", DAY, "", "", "", "late", "", "9") for one in range(count)]
        with database.transaction() as db, statements_of(database) as found:
            trial = db.begin_nested()
            bring(db, rows, account, 250)
            statements.append(len(found))
            trial.rollback()
    assert statements[0] == statements[1] <= 70


@contextmanager
def statements_of(database: Database) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_a: object, _b: object, statement: str, _c: object, _d: object, _e: object) -> None:
        found.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)
