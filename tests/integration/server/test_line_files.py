"""Files with lines of registers, in the app: who may open them, limits, erasure, retention."""

import sqlite3
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any, BinaryIO

import pytest
from fastapi import FastAPI
from sqlmodel import select
from starlette.testclient import TestClient

from server.accounts.service import create_account
from server.attendance import attached_file
from server.audit.tables import AuditEntry
from server.db.types import now
from server.documents.checks import CheckedFile, read_file
from server.enrollment.unreadable import Unreadable, inventory
from server.errors import SealBrokenError
from server.line_files import service
from server.line_files.service import KEPT, expire_files
from server.line_files.tables import LineFile
from server.timetable.tables import CourseTeacher, Lesson, RosterEntry
from server.web.principal import Role
from server.web.state import services_of
from server.web.translations import translator
from tests.integration.server.conftest import PASSWORD, SignIn
from tests.support.documents import tiny_jpeg, tiny_pdf, tiny_png
from tests.support.office_desk import OfficeDesk

words = translator("en")
#: For what does not depend on the database.
on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


class Note:
    """A running lesson with Ada and Ben, its two teachers, and a teacher of another course."""

    def __init__(self, desk: OfficeDesk, new_client: Callable[[], TestClient]) -> None:
        self.desk, self.office, self.database = desk, desk.office, desk.database
        for person in (desk.ada, desk.ben):
            desk.always_on_roster(person)
        self.lesson = desk.lesson(-timedelta(minutes=5))
        self._new_client = new_client
        self.teacher = self._teacher("first", desk.course)
        self.colleague = self._teacher("second", desk.course)
        self.stranger = self._teacher("third", desk.other_course)

    def _teacher(self, name: str, course: str) -> TestClient:
        with self.database.transaction() as db:
            account = create_account(
                db,
                username=name,
                display_name=f"{name.title()} Teacher",
                role=Role.TEACHER,
                password=PASSWORD,
                actor="system",
            )
            account.must_change_password = False
            db.add(CourseTeacher(course_id=uuid.UUID(course), account_id=account.id))
        client = self._new_client()
        known = {"username": name, "password": PASSWORD}
        assert client.post("/api/v1/sign-in", json=known).status_code == 200
        return client

    def page(self, person: str | None = None) -> str:
        return f"/lessons/{self.lesson}/people/{person or self.desk.ada}"

    def api(self, person: str | None = None) -> str:
        return f"/api/v1{self.page(person)}/attachments"

    def add(self, content: bytes | None = None, client: TestClient | None = None) -> Any:
        """Send a file as a phone would; neither its name nor its stated type counts."""
        files = {"file": ("IMG_1.html", content or tiny_png(), "text/html")}
        return (client or self.teacher).post(self.api(), files=files)

    def files(self, client: TestClient | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (client or self.office).get(self.api()).json()
        return found

    def actions(self) -> list[tuple[str, dict[str, Any]]]:
        with self.database.reading() as db:
            found = db.exec(select(AuditEntry).order_by(AuditEntry.seq))  # type: ignore[arg-type]
            of_files = ("attach", "view_file", "delete_file", "expire_files")
            known = {f"attendance.{one}" for one in of_files}
            return [(one.action, one.details) for one in found if one.action in known]


@pytest.fixture
def note(desk: OfficeDesk, new_client: Callable[[], TestClient]) -> Note:
    return Note(desk, new_client)


def test_a_file_is_opened_by_who_added_it_and_the_office_and_seen_by_colleagues(note: Note) -> None:
    added = note.add(tiny_jpeg())
    assert (added.status_code, added.json()["kind"]) == (201, "jpeg")
    file = f"{note.api()}/{added.json()['id']}"
    for client in (note.teacher, note.office):
        answer = client.get(file)
        assert answer.content == tiny_jpeg()
        assert answer.headers["content-disposition"] == 'attachment; filename="attachment.jpg"'
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert [one["may_open"] for one in note.files(client)] == [True]
        assert f"/attachments/{added.json()['id']}" in client.get(note.page()).text
    assert [one["may_open"] for one in note.files(note.colleague)] == [False]
    for method, address in (("GET", file), ("DELETE", file), ("GET", file[len("/api/v1") :])):
        refused = note.colleague.request(method, address)
        assert refused.status_code == 403
        assert "file_of_another" in refused.text or words("problems.file_of_another") in (
            refused.text
        )
    page = note.colleague.get(note.page()).text
    assert "First Teacher" in page
    assert added.json()["id"] not in page
    for client in (note.teacher, note.colleague, note.office):
        assert words("line_files.one") in client.get(f"/lessons/{note.lesson}").text
        assert words("line_files.one") in client.get(f"{note.page()}/menu").text
    opened = {"person": note.desk.ada, "attachment": added.json()["id"]}
    assert note.actions() == [
        ("attendance.attach", opened),
        ("attendance.view_file", opened),
        ("attendance.view_file", opened),
    ]


@on_sqlite
def test_a_teacher_of_another_course_gets_nothing(note: Note) -> None:
    file = note.add().json()["id"]
    page = f"{note.page()}/attachments"
    sent = {"files": {"file": tiny_png()}}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", note.api(), {}),
        ("POST", note.api(), sent),
        ("GET", f"{note.api()}/{file}", {}),
        ("DELETE", f"{note.api()}/{file}", {}),
        ("POST", page, sent),
        ("GET", f"{page}/{file}", {}),
        ("POST", f"{page}/{file}/delete", {}),
    ]
    answers = [note.stranger.request(how, path, **body).status_code for how, path, body in calls]
    assert answers == [403] * len(calls)
    assert len(note.files()) == 1


def test_a_file_is_of_one_line_and_goes_by_who_added_it(note: Note) -> None:
    file = note.add().json()["id"]
    assert note.office.get(f"{note.api(note.desk.ben)}/{file}").status_code == 404
    other = note.desk.lesson(-timedelta(minutes=90))
    foreign = note.api().replace(note.lesson, other)
    assert note.office.delete(f"{foreign}/{file}").status_code == 404
    rows = {one["person_id"]: one["files"] for one in note.desk.register(note.lesson)["rows"]}
    assert rows == {note.desk.ada: 1, note.desk.ben: 0}
    assert note.teacher.delete(f"{note.api()}/{file}").status_code == 204
    assert note.teacher.delete(f"{note.api()}/{file}").status_code == 404
    assert note.files() == []
    by_page = note.add(client=note.office).json()["id"]
    assert note.teacher.post(f"{note.page()}/attachments/{by_page}/delete").status_code == 403
    assert note.office.post(f"{note.page()}/attachments/{by_page}/delete").status_code == 303
    assert note.files() == []


@on_sqlite
def test_the_live_register_shows_a_file_that_came_since(note: Note) -> None:
    live = note.office.get(f"/lessons/{note.lesson}/live").text
    version = live.split("shown=")[1][:16]
    address = f"/lessons/{note.lesson}/live?shown={version}"
    assert note.office.get(address).status_code == 204
    note.add()
    assert words("line_files.one") in note.office.get(address).text


@on_sqlite
def test_hostile_and_superfluous_files_are_refused_with_a_sentence(
    note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = f"{note.page()}/attachments"

    def told(content: bytes) -> str:
        answer = note.teacher.post(page, files={"file": ("note.pdf", content, "application/pdf")})
        assert answer.status_code == 400
        return str(answer.text)

    assert "This is no PDF, JPEG or PNG file" in told(b"MZ a program")
    script = b"4 0 obj\n<< /S /JavaScript /JS (app.alert(1)) >>\nendobj\n"
    assert "may be harmful" in told(tiny_pdf(script))
    assert "larger than 8 MB" in told(b"%PDF-" + bytes(20 * 1024 * 1024))
    assert "too many pixels" in told(tiny_png(30_000, 30_000))
    assert "is empty" in told(b"")
    assert note.files() == []
    monkeypatch.setattr(service, "MOST_BYTES", len(tiny_pdf()) + len(tiny_png()))
    assert note.add(tiny_pdf()).status_code == 201
    assert note.add(tiny_png()).status_code == 201
    assert "16 MB together" in told(tiny_png())
    monkeypatch.setattr(service, "MOST_BYTES", 10**6)
    assert [note.add().status_code for _ in range(3)] == [201] * 3
    assert "at most 5 files" in told(tiny_png())
    assert words("line_files.full", most=5) in note.teacher.get(note.page()).text


@on_sqlite
def test_nothing_is_added_where_a_remark_could_not_be(note: Note, sign_in: SignIn) -> None:
    nobody = f"/api/v1{note.page(str(uuid.uuid4()))}/attachments"
    assert note.office.post(nobody, files={"file": tiny_png()}).status_code == 400
    kept = note.add().json()["id"]
    assert note.office.delete(f"/api/v1/lessons/{note.lesson}").status_code == 409
    note.office.post(f"/lessons/{note.lesson}/cancel", data={"reason": "Heating failed"})
    refused = note.add()
    assert refused.json()["error"]["details"]["problem"] == "cancelled"
    page = note.teacher.get(note.page()).text
    assert kept in page  # it can still be opened and deleted
    assert 'type="file"' not in page
    assert sign_in(Role.TECHNICIAN).get(note.api()).status_code == 403
    assert sign_in(Role.DPO).get(f"{note.api()}/{kept}").status_code == 403


def test_files_go_with_the_person_and_a_year_after_the_lesson(note: Note, sign_in: SignIn) -> None:
    note.add()
    of_ben = note.office.post(note.api(note.desk.ben), files={"file": tiny_pdf()})
    assert of_ben.status_code == 201
    admin = sign_in(Role.ADMIN)
    erased = admin.post(f"/api/v1/people/{note.desk.ada}/erase", json={"reason": "left"})
    assert erased.is_success
    assert note.add().json()["error"]["details"]["problem"] == "erased"
    today = now().date()
    with note.database.transaction() as db:
        assert [str(one.person_id) for one in db.exec(select(LineFile))] == [note.desk.ben]
        ended = db.get_one(Lesson, uuid.UUID(note.lesson)).ends_at.date()
        assert ended >= today
        assert expire_files(db, ended + KEPT) == 0
        assert expire_files(db, ended + KEPT + timedelta(days=1)) == 1
        assert expire_files(db, ended + KEPT + timedelta(days=1)) == 0
    assert note.actions()[-1] == ("attendance.expire_files", {"files": 1})


@on_sqlite
def test_a_file_is_checked_after_access_and_while_others_can_write(
    note: Note, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[str] = []

    def read_beside_a_writer(file: BinaryIO) -> CheckedFile:
        path = note.database.engine.url.database
        assert path is not None
        with closing(sqlite3.connect(path, timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")  # fails where the request holds the lock
            other.rollback()
        checked.append("checked")
        return read_file(file)

    monkeypatch.setattr(attached_file, "read_file", read_beside_a_writer)
    page = f"{note.page()}/attachments"
    for client, path, status in (
        (note.stranger, note.api(), 403),
        (note.stranger, page, 403),
        (note.teacher, note.api(), 201),
        (note.teacher, page, 303),
    ):
        sent = {"file": ("note.pdf", tiny_pdf(), "application/pdf")}
        assert client.post(path, files=sent).status_code == status
    assert checked == ["checked"] * 2


@on_sqlite
def test_files_of_a_student_who_left_the_roster_can_be_reached_and_deleted(note: Note) -> None:
    note.lesson = note.desk.lesson(timedelta(days=1))
    file = note.add().json()["id"]
    with note.database.transaction() as db:
        mine = RosterEntry.person_id == uuid.UUID(note.desk.ada)
        db.delete(db.exec(select(RosterEntry).where(mine)).one())
    register, link = f"/lessons/{note.lesson}", f'href="{note.page()}"'
    assert note.office.delete(f"/api/v1{register}").status_code == 409
    for client in (note.office, note.teacher):
        assert link in client.get(register).text
        page = client.get(note.page()).text
        assert f"/attachments/{file}" in page
        assert words("line_files.without_line") in page
        assert 'type="file"' not in page
    assert link not in note.colleague.get(register).text
    assert note.colleague.get(note.page()).status_code == 404
    assert note.stranger.get(note.page()).status_code == 403
    assert note.office.get(note.page(note.desk.ben)).status_code == 200
    deleted = note.teacher.post(f"{note.page()}/attachments/{file}/delete")
    assert deleted.headers["location"] == register
    assert note.office.get(note.page()).status_code == 404
    assert note.office.delete(f"/api/v1{register}").status_code == 204


@on_sqlite
def test_a_file_that_would_be_deleted_at_once_is_refused(note: Note) -> None:
    with note.database.transaction() as db:
        lesson = db.get_one(Lesson, uuid.UUID(note.lesson))
        lesson.ends_at = now() - KEPT + timedelta(hours=1)
        lesson.starts_at = lesson.ends_at - timedelta(hours=1)
    assert note.add().status_code == 201
    assert 'type="file"' in note.teacher.get(note.page()).text
    with note.database.transaction() as db:
        db.get_one(Lesson, uuid.UUID(note.lesson)).ends_at -= timedelta(hours=1)
    assert note.add().json()["error"]["details"]["problem"] == "line_files_over"
    sent = {"file": ("note.png", tiny_png(), "image/png")}
    refused = note.teacher.post(f"{note.page()}/attachments", files=sent)
    assert refused.status_code == 400
    assert words("problems.line_files_over") in refused.text
    assert 'type="file"' not in note.teacher.get(note.page()).text


@on_sqlite
def test_a_file_is_sealed_and_counted_where_its_key_is_missing(note: Note, app: FastAPI) -> None:
    note.add(tiny_pdf())
    vault = services_of(app).vault
    with note.database.transaction() as db:
        row = db.exec(select(LineFile)).one()
        assert b"PDF" not in row.data
        assert inventory(db, vault, ()) == ()
        known, row.key_id = row.key_id, "gone"
        assert inventory(db, vault, ()) == (Unreadable("files", 1, "gone"),)
        row.key_id, row.data = known, row.data[:-1] + bytes([row.data[-1] ^ 1])
        with pytest.raises(SealBrokenError):
            service.content_of(row, vault)
        assert inventory(db, vault, ()) == (Unreadable("files", 1, None),)
