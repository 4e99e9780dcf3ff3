"""Absences reported in advance, in the app: registers, past lines, roles, erasure, retention."""

import re
import sqlite3
import uuid
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from sqlmodel import select

from server.absences.service import KEPT, expire_texts
from server.absences.tables import AbsenceAttachment, AbsenceReport
from server.accounts.tables import Account
from server.audit.tables import AuditEntry
from server.db.engine import Database
from server.db.types import now
from server.documents.checks import CheckedFile, read_file
from server.excuses import attached_file
from server.timetable.tables import CourseTeacher, Lesson
from server.web.principal import Role
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_past_pages import hidden_fields
from tests.support.documents import tiny_pdf, tiny_png
from tests.support.office_desk import OfficeDesk, day_in, today

if TYPE_CHECKING:
    from starlette.testclient import TestClient


def reason(desk: OfficeDesk) -> str:
    found: str = desk.office.get("/api/v1/absence-reasons").json()[0]["id"]
    return found


def absence(desk: OfficeDesk, **changed: Any) -> dict[str, Any]:
    """What the API is sent: Ada stays away today and tomorrow."""
    values = {"person_id": desk.ada, "first_day": day_in(0), "last_day": day_in(1)}
    return values | {"reason_id": reason(desk), "note": "Fever"} | changed


def lines(desk: OfficeDesk, lesson: str) -> tuple[str, str | None]:
    (row,) = desk.register(lesson)["rows"]
    return row["status"], row["reported"]


def test_a_report_fills_lessons_ahead_until_it_is_withdrawn(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(timedelta(hours=30))
    days = {"first_day": day_in(0), "last_day": day_in(3)}
    made = desk.post("/absences", **absence(desk, **days))
    assert lines(desk, lesson) == ("excused", "excused")
    assert "Reported, excused" in desk.office.get(f"/lessons/{lesson}").text
    desk.post(f"/absences/{made['id']}/withdraw", reason="Wrong student")
    assert lines(desk, lesson) == ("expected", None)
    again = desk.office.post(f"/api/v1/absences/{made['id']}/withdraw", json={"reason": "again"})
    assert again.json()["error"]["details"]["problem"] == "absence_withdrawn"


def test_a_correction_wins_and_one_who_is_not_excused_stays_expected(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(minutes=5))
    days = {"first_day": day_in(-1), "last_day": day_in(3)}
    desk.post("/absences", **absence(desk, is_excused=False, **days))
    assert lines(desk, lesson) == ("expected", "unexcused")
    desk.post("/absences", **absence(desk, **days))
    body = {"person_id": desk.ada, "status": "present", "reason": "Came after all"}
    desk.post(f"/lessons/{lesson}/corrections", **body)
    assert lines(desk, lesson) == ("present", "excused")


@pytest.mark.parametrize("choice", ["keep", "change"])
def test_lines_of_lessons_that_are_over_change_only_where_a_person_says_so(
    desk: OfficeDesk, database: Database, choice: str
) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(days=2))
    desk.post(
        f"/lessons/{lesson}/corrections", person_id=desk.ada, status="absent", reason="Not there"
    )
    other = desk.lesson(-timedelta(days=2, hours=-1))
    day = {"first_day": day_in(-3), "last_day": day_in(-1)}
    asked = desk.office.post("/api/v1/absences", json=absence(desk, **day))
    assert (asked.status_code, asked.json()["error"]["code"]) == (409, "past_lines")
    assert asked.json()["error"]["details"]["lessons"] == [other]  # a correction stays
    assert lines(desk, other) == ("pending", None)  # nothing was kept
    made = desk.post("/absences", **absence(desk, past_lines=choice, **day))
    expected = {"keep": ("pending", None), "change": ("excused", "excused")}[choice]
    assert lines(desk, other) == expected
    assert lines(desk, lesson)[0] == "absent"
    with database.reading() as db:
        entry = db.exec(select(AuditEntry).where(AuditEntry.action == "absence.report")).one()
    assert entry.details == {
        "absence": made["id"],
        "lines": {"keep": 0, "change": 1}[choice],
    }


def test_withdrawing_asks_about_lessons_that_are_over(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(-timedelta(days=1))
    day = {"first_day": day_in(-2), "last_day": day_in(0)}
    made = desk.post("/absences", **absence(desk, past_lines="change", **day))
    page = f"/absences/{made['id']}/withdraw"
    asked = desk.office.post(page, data={"reason": "Wrong student"})
    assert asked.status_code == 409
    form = hidden_fields(asked.text) | {"past_lines": "change"}
    assert desk.office.post(page, data=form).status_code == 303
    assert lines(desk, lesson) == ("pending", None)
    assert "Wrong student" in desk.office.get(f"/absences/{made['id']}").text


def _many_lessons(desk: OfficeDesk, database: Database, count: int) -> None:
    """Plan lessons that are over: ten a day."""
    with database.transaction() as db:
        for number in range(count):
            starts_at = now() - timedelta(days=1 + number // 10, minutes=50 * (number % 10))
            lesson = Lesson(
                course_id=uuid.UUID(desk.course),
                room_id=uuid.UUID(desk.room),
                starts_at=starts_at,
                ends_at=starts_at + timedelta(minutes=45),
                time_zone="Europe/Berlin",
            )
            db.add(lesson)


def test_an_absence_over_very_many_lessons_is_entered_and_withdrawn(
    desk: OfficeDesk, database: Database
) -> None:
    desk.always_on_roster(desk.ada)
    _many_lessons(desk, database, 410)
    days = {"first_day": day_in(-60), "last_day": day_in(-1)}
    kept = desk.post("/absences", **absence(desk, past_lines="keep", **days))
    desk.post(f"/absences/{kept['id']}/withdraw", reason="Wrong", past_lines="keep")
    made = desk.post("/absences", **absence(desk, past_lines="change", **days))
    asked = desk.office.post(f"/api/v1/absences/{made['id']}/withdraw", json={"reason": "Wrong"})
    touched = len(asked.json()["error"]["details"]["lessons"])
    assert touched > 400
    page = desk.office.post(f"/absences/{made['id']}/withdraw", data={"reason": "Wrong"})
    assert page.text.count('class="from-to"') == 100
    assert f"And {touched - 100} more lessons." in page.text
    desk.post(f"/absences/{made['id']}/withdraw", reason="Wrong", past_lines="change")
    with database.reading() as db:
        found = db.exec(select(AuditEntry).where(AuditEntry.action == "absence.withdraw"))
        assert sorted(one.details["lines"] > 400 for one in found) == [False, True]


def test_the_form_asks_and_then_saves(desk: OfficeDesk) -> None:
    desk.always_on_roster(desk.ada)
    desk.lesson(-timedelta(days=1))
    found = desk.office.post("/absences/new/people", data={"q": "Ada"}).text
    assert f"/absences/new?person_id={desk.ada}" in found
    form = {"person_id": desk.ada, "first_day": day_in(-2), "last_day": day_in(0)}
    form |= {"reason_id": reason(desk), "reported_by": "mother", "is_excused": "yes"}
    asked = desk.office.post("/absences/new", data=form)
    assert asked.status_code == 409
    again = hidden_fields(asked.text) | {"past_lines": "keep"}
    saved = desk.office.post("/absences/new", data=again)
    assert saved.status_code == 303
    page = desk.office.get(saved.headers["location"]).text
    assert "mother" in page
    assert "keep their lines" in page


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"last_day": day_in(-9)}, "The last day is before the first"),
        ({"last_day": day_in(5), "from_time": "08:00"}, "Times work only for a single day"),
        ({"from_time": "10:00", "until_time": "09:00"}, "ends before it starts"),
        ({"first_day": "tomorrow"}, "Enter a date"),
        ({"reason_id": str(uuid.uuid4())}, "This reason does not exist"),
    ],
)
def test_the_form_says_what_is_wrong(desk: OfficeDesk, changed: dict[str, str], words: str) -> None:
    form = {"person_id": desk.ada, "first_day": day_in(1), "reason_id": reason(desk)}
    answer = desk.office.post("/absences/new", data=form | changed)
    assert answer.status_code == 400
    assert words in answer.text


def test_teachers_see_that_it_was_reported_but_not_why(
    desk: OfficeDesk, sign_in: SignIn, database: Database
) -> None:
    teacher = sign_in(Role.TEACHER)
    with database.transaction() as db:
        account = db.exec(select(Account).where(Account.role == Role.TEACHER)).one()
        db.add(CourseTeacher(course_id=uuid.UUID(desk.course), account_id=account.id))
    desk.always_on_roster(desk.ada)
    lesson = desk.lesson(timedelta(hours=1))
    made = desk.post("/absences", **absence(desk))
    pages = [f"/lessons/{lesson}", f"/lessons/{lesson}/people/{desk.ada}"]
    texts = [teacher.get(page).text for page in pages]
    assert all("Reported, excused" in text for text in texts)
    told = [*texts, teacher.get(f"/api/v1/lessons/{lesson}/register").text]
    offered = re.compile("<option[^>]*>")  # what a code's reason may be, the same on every line
    shown = [offered.sub("", text) for text in told]
    assert not any("Fever" in text or "Illness" in text for text in shown)
    assert teacher.get(f"/absences/{made['id']}").status_code == 403


def test_the_list_has_what_is_coming_and_what_is_over(desk: OfficeDesk) -> None:
    desk.post("/absences", **absence(desk))
    old = {"first_day": day_in(-9), "last_day": day_in(-8), "person_id": desk.ben}
    desk.post("/absences", **absence(desk, **old))
    coming = desk.office.get("/absences").text
    assert "Lovelace" in coming
    assert "Okafor" not in coming
    earlier = desk.office.get("/absences?earlier=true").text
    assert "Okafor" in earlier
    assert "Lovelace" not in earlier
    first = desk.office.get("/api/v1/absences?limit=1").json()
    second = desk.office.get(f"/api/v1/absences?limit=1&cursor={first['next_cursor']}").json()
    people = [part["absences"][0]["person_id"] for part in (first, second)]
    assert (people, first["total"], second["next_cursor"]) == ([desk.ben, desk.ada], 2, None)
    of_ada = desk.office.get(f"/api/v1/absences?person_id={desk.ada}").json()
    assert of_ada["total"] == 1


def test_the_office_edits_the_reasons(desk: OfficeDesk) -> None:
    desk.office.post("/absences/reasons", data={"words": "Driving test"})
    new = desk.office.get("/api/v1/absence-reasons").json()[-1]
    made = desk.post("/absences", **absence(desk, reason_id=new["id"]))
    desk.office.post(f"/absences/reasons/{new['id']}/retire")
    assert "Driving test" not in desk.office.get("/absences/reasons").text
    assert "Driving test" in desk.office.get(f"/absences/{made['id']}").text
    refused = desk.office.post("/api/v1/absences", json=absence(desk, reason_id=new["id"]))
    assert refused.json()["error"]["details"]["problem"] == "absence_reason_retired"


def _with_file(desk: OfficeDesk, **changed: Any) -> str:
    made: str = desk.post("/absences", **absence(desk, reported_by="mother", **changed))["id"]
    files = {"file": ("note.pdf", tiny_pdf(), "application/pdf")}
    assert desk.office.post(f"/api/v1/absences/{made}/attachments", files=files).is_success
    return made


def test_texts_and_files_go_a_year_after_the_absence(desk: OfficeDesk, database: Database) -> None:
    made = _with_file(desk)
    last = date.fromisoformat(day_in(1))
    with database.transaction() as db:
        assert expire_texts(db, last + KEPT) == 0
        assert expire_texts(db, last + KEPT + timedelta(days=1)) == 1
        assert expire_texts(db, last + KEPT + timedelta(days=1)) == 0
        row = db.get_one(AbsenceReport, uuid.UUID(made))
        assert (row.note, row.reported_by, row.is_excused) == ("", "", True)
        assert db.exec(select(AbsenceAttachment)).all() == []


def test_erasing_a_person_erases_texts_and_files(
    desk: OfficeDesk, sign_in: SignIn, database: Database
) -> None:
    _with_file(desk)
    admin: TestClient = sign_in(Role.ADMIN)
    assert admin.post(f"/api/v1/people/{desk.ada}/erase", json={"reason": "left"}).is_success
    with database.reading() as db:
        assert [row.note for row in db.exec(select(AbsenceReport))] == [""]
        assert db.exec(select(AbsenceAttachment)).all() == []
    refused = desk.office.post("/api/v1/absences", json=absence(desk, first_day=str(today())))
    assert refused.json()["error"]["details"]["problem"] == "erased"


def test_a_file_is_encrypted_handed_out_as_a_download_and_deleted(
    desk: OfficeDesk, database: Database
) -> None:
    made = _with_file(desk)
    page = f"/absences/{made}"
    (file,) = desk.office.get(f"/api/v1{page}/attachments").json()
    assert (file["kind"], file["size_bytes"]) == ("pdf", len(tiny_pdf()))
    with database.reading() as db:
        assert b"PDF" not in db.exec(select(AbsenceAttachment)).one().data
    for prefix in ("", "/api/v1"):
        answer = desk.office.get(f"{prefix}{page}/attachments/{file['id']}")
        assert answer.content == tiny_pdf()
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == 'attachment; filename="attachment.pdf"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
    other = desk.post("/absences", **absence(desk))["id"]
    assert desk.office.get(f"/absences/{other}/attachments/{file['id']}").status_code == 404
    desk.office.post(f"{page}/attachments/{file['id']}/delete")
    assert desk.office.get(f"/api/v1{page}/attachments").json() == []


def test_the_page_says_why_a_file_is_refused_and_how_many_an_absence_has(
    desk: OfficeDesk,
) -> None:
    made = _with_file(desk)
    page = f"/absences/{made}/attachments"
    hostile = {"file": ("note.pdf", b"MZ a program", "application/pdf")}
    refused = desk.office.post(page, files=hostile)
    assert refused.status_code == 400
    assert "This is no PDF, JPEG or PNG file" in refused.text
    huge = {"file": ("note.pdf", b"%PDF-" + bytes(20 * 1024 * 1024), "application/pdf")}
    assert "larger than 8 MB" in desk.office.post(page, files=huge).text
    good = {"file": ("x.exe", tiny_png(), "text/html")}  # neither name nor stated type counts
    for _ in range(9):
        assert desk.office.post(page, files=good).status_code == 303
    assert "at most 10 files" in desk.office.post(page, files=good).text


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_file_is_checked_after_access_and_while_others_can_write(
    desk: OfficeDesk, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = _with_file(desk)
    checked: list[str] = []

    def read_beside_a_writer(file: BinaryIO) -> CheckedFile:
        path = desk.database.engine.url.database
        assert path is not None
        with closing(sqlite3.connect(path, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")  # fails where the request holds the lock
            other.rollback()
        checked.append("checked")
        return read_file(file)

    monkeypatch.setattr(attached_file, "read_file", read_beside_a_writer)
    teacher = sign_in(Role.TEACHER)
    for client, absence_id, codes in (
        (teacher, made, (403, 403)),
        (desk.office, str(uuid.uuid4()), (404, 404)),
        (desk.office, made, (201, 303)),
    ):
        for prefix, status in zip(("/api/v1", ""), codes, strict=True):
            sent = {"file": ("note.pdf", tiny_pdf(), "application/pdf")}
            path = f"{prefix}/absences/{absence_id}/attachments"
            key = {"Idempotency-Key": str(uuid.uuid4())}  # kept in the same transaction
            assert client.post(path, files=sent, headers=key).status_code == status
    assert checked == ["checked"] * 2
