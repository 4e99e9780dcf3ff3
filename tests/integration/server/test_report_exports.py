"""Exports and prepared reports: files, the trail, who gets them, jobs that die, what expires."""

import csv
import io
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import col, func, select
from starlette.testclient import TestClient

from server.audit.tables import AuditEntry
from server.config import SchoolIdentity
from server.db.engine import Database
from server.db.types import now
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob, Done
from server.jobs.tables import Job, JobState
from server.jobs.tasks import JobWorkers
from server.people.tables import Person
from server.reports import prepared, service
from server.reports.tables import PreparedPart, PreparedReport
from server.reports.tasks import PrepareReport, ReportUpkeep
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_reports import account_of
from tests.support.office_desk import OfficeDesk
from tests.support.planning import BERLIN
from tests.support.report_school import ReportSchool
from tests.support.stepping import LEASE, worker_of
from tests.unit.server.reports.test_files import read_xlsx

LINES = {"view": "lesson", "format": "csv"}


@pytest.fixture
def school(desk: OfficeDesk) -> ReportSchool:
    school = ReportSchool(desk)
    for days in (20, 12, 1):
        school.decide(school.days_ago(days), ada="present", ben="absent")
    return school


@pytest.fixture
def handler(app: FastAPI, database: Database) -> PrepareReport:
    return PrepareReport(
        database, services_of(app).vault, lambda: BERLIN, lambda: SchoolIdentity("Lindenhof")
    )


@pytest.fixture
def work(database: Database, handler: PrepareReport) -> Callable[[], bool]:
    pool = JobWorkers(database, [], lease=LEASE, software=lambda: "1")
    return lambda: pool.run_one([handler])


def rows_of(client: TestClient, path: str, **asked: str) -> list[dict[str, str]]:
    answer = client.get(path, params=asked)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def ask(client: TestClient, school: ReportSchool, days: int = 24) -> str:
    """Ask for a report and return its path."""
    answer = client.post("/reports/prepare", data=school.span(days))
    assert answer.status_code == 303, answer.text
    found: str = answer.headers["location"].split("?")[0]
    return found


def exported(database: Database) -> list[dict[str, Any]]:
    with database.reading() as db:
        found = db.exec(select(AuditEntry).where(AuditEntry.action == "report.export"))
        return [one.details for one in found]


def rename(database: Database, person: str, name: str) -> None:
    with database.transaction() as db:
        db.get_one(Person, uuid.UUID(person)).display_name = name


def test_lines_are_exported_as_csv_and_xlsx_and_the_trail_says_so(
    school: ReportSchool, database: Database
) -> None:
    rename(database, school.desk.ada, "=cmd|' /C calc'!A0")
    office, span = school.desk.office, school.span(24)
    found = rows_of(office, "/reports/export", **LINES, **span)
    assert [one["Date"] for one in found[::2]] == [str(school.day(days)) for days in (20, 12, 1)]
    assert found[0]["Name"] == "'=cmd|' /C calc'!A0"
    assert [found[1][key] for key in ("Starts", "Course code", "Status")] == [
        "09:00",
        "BIO-9",
        "Absent",
    ]
    answer = office.get("/reports/export", params={"view": "person"} | span)
    name = f"attendance-person-{span['first']}-{span['last']}.xlsx"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    sheet = read_xlsx(answer.content)
    assert ["S1", "=cmd|' /C calc'!A0", "3", "3", "0", "0", "0", "0", "0", "1.0"] in sheet
    assert any("Attendance rate" in "".join(row) for row in read_xlsx(answer.content, 2))
    assert exported(database) == [
        {"view": view, "format": form, "lines": 6, "first_day": span["first"]}
        | {"last_day": span["last"]}
        for view, form in (("lesson", "csv"), ("person", "xlsx"))
    ]


def test_registers_are_printed_for_who_may_see_them(
    school: ReportSchool, database: Database, sign_in: SignIn
) -> None:
    lesson = school.days_ago(2)
    course = {"course": school.desk.course} | school.span(24)
    teacher = sign_in(Role.TEACHER)
    for path, asked in ((f"/lessons/{lesson}/register.pdf", {}), ("/reports/register.pdf", course)):
        assert teacher.get(path, params=asked).status_code == 403
        answer = school.desk.office.get(path, params=asked)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF")
    assert [one["format"] for one in exported(database)] == ["pdf", "pdf"]
    assert school.desk.office.get("/reports/register.pdf").status_code == 400


def test_a_long_report_is_prepared_and_says_the_same_as_one_made_at_once(
    school: ReportSchool, work: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, span = school.desk.office, school.span(24)
    at_once = rows_of(office, "/reports/export", **LINES, **span)
    monkeypatch.setattr(service, "DIRECT_LESSONS", 2)
    assert "Prepare the report" in office.get("/reports", params=span).text
    assert office.get("/reports/export", params=span).status_code == 400
    path = ask(office, school)
    assert 'hx-trigger="every 1s"' in office.get(path).text
    assert office.get(f"{path}/export").status_code == 409
    assert office.post("/reports/prepare", data=span).status_code == 409
    assert work()
    page = office.get(path).text
    assert "Ada Lovelace" in page
    assert "Ada Lovelace" in office.get(path, params={"view": "lesson"}).text
    assert "is deleted automatically" in page
    assert path in office.get("/reports").text
    assert rows_of(office, f"{path}/export", **LINES) == at_once
    for view in ("person", "course", "day", "at-risk", "not-taken"):
        assert office.get(path, params={"view": view}).status_code == 200
    assert not work()


def test_a_report_whose_worker_was_killed_goes_on_where_it_was(
    school: ReportSchool, database: Database, handler: PrepareReport
) -> None:
    office = school.desk.office
    path = ask(office, school)
    report = uuid.UUID(path.rsplit("/", 1)[1])
    killed = _claim(database, "killed", later=timedelta())
    assert handler._add_week(killed, report)
    other = _claim(database, "other", later=LEASE * 2)
    assert not handler._add_week(killed, report)  # it lives after all: it changes nothing
    result = handler.run(other)
    assert isinstance(result, Done)
    with database.transaction() as db:
        result.write(db)
        assert jobs.finish(db, other)
    lines = rows_of(office, f"{path}/export", **LINES)
    assert lines == rows_of(office, "/reports/export", **LINES, **school.span(24))
    assert len(lines) == 6


def _claim(database: Database, owner: str, *, later: timedelta) -> ClaimedJob:
    with database.transaction() as db:
        job = jobs.claim(db, prepared.KIND, by=worker_of(owner), at=now() + later)
    assert job is not None
    return job


def test_a_report_belongs_to_who_asked_and_to_administrators(
    school: ReportSchool, sign_in: SignIn, work: Callable[[], bool], database: Database
) -> None:
    teacher, admin = sign_in(Role.TEACHER), sign_in(Role.ADMIN)
    school.teach(account_of(teacher))
    path, own = ask(school.desk.office, school), ask(teacher, school)
    assert work()
    assert work()
    assert teacher.get(path).status_code == 404
    assert teacher.post(f"{path}/delete").status_code == 404
    assert school.desk.office.get(own).status_code == 404
    assert admin.get(path).status_code == admin.get(own).status_code == 200
    assert "Ada Lovelace" in teacher.get(own).text
    (entry,) = school.desk.office.get(f"/api/v1/courses/{school.desk.course}/teachers").json()
    ended = f"/api/v1/courses/{school.desk.course}/teachers/{entry['id']}"
    yesterday = {"until": school.day(1).isoformat()}
    assert school.desk.office.patch(ended, json=yesterday).status_code == 200
    for gone in (own, f"{own}/export"):
        assert teacher.get(gone).status_code == 404
    assert teacher.post(f"{own}/delete").is_redirect
    assert admin.get(own).status_code == 404


def test_a_report_that_got_stuck_keeps_nobody_from_the_next(
    school: ReportSchool, database: Database
) -> None:
    office = school.desk.office
    ask(office, school)
    assert office.post("/reports/prepare", data=school.span(24)).status_code == 409
    with database.transaction() as db:
        db.exec(select(Job).where(col(Job.kind) == prepared.KIND)).one().state = JobState.PARKED
    ask(office, school)


def test_a_cancelled_report_and_its_job_are_gone(
    school: ReportSchool, database: Database, handler: PrepareReport
) -> None:
    path = ask(school.desk.office, school)
    report = uuid.UUID(path.rsplit("/", 1)[1])
    job = _claim(database, "one", later=timedelta())
    assert handler._add_week(job, report)
    assert school.desk.office.post(f"{path}/delete").headers["location"] == "/reports"
    assert isinstance(handler.run(job), Done)  # the worker does not know yet
    assert _counts(database) == (0, 0, 0)
    assert school.desk.office.get(path).status_code == 404


def test_reports_are_deleted_once_they_expire(
    school: ReportSchool, database: Database, work: Callable[[], bool]
) -> None:
    ask(school.desk.office, school)
    assert work()
    upkeep = ReportUpkeep(database)
    assert upkeep.delete_expired() == 0
    assert _counts(database)[0] == 1
    with database.transaction() as db:
        db.exec(select(PreparedReport)).one().expires_at = now()
    assert upkeep.delete_expired() == 1
    assert _counts(database) == (0, 0, 0)


def test_a_report_that_ends_early_says_so_everywhere(
    school: ReportSchool, work: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepared, "MOST_LINES", 5)
    office = school.desk.office
    path = ask(office, school)
    assert work()
    assert "This report ends early" in office.get(path).text
    text = office.get(f"{path}/export", params=LINES).text
    assert text.count("BIO-9") == 4
    assert "This report ends early" in text.splitlines()[-1]
    book = office.get(f"{path}/export", params={"view": "lesson"}).content
    assert "This report ends early" in read_xlsx(book)[-1][0]


def test_a_person_renamed_or_erased_later_is_so_in_a_prepared_report(
    school: ReportSchool, database: Database, work: Callable[[], bool]
) -> None:
    office = school.desk.office
    path = ask(office, school)
    assert work()
    rename(database, school.desk.ada, "Nobody")
    names = {one["Name"] for one in rows_of(office, f"{path}/export", **LINES)}
    assert names == {"Nobody", "Ben Okafor"}
    assert "Lovelace" not in office.get(path).text


def _counts(database: Database) -> tuple[int, ...]:
    with database.reading() as db:
        return (
            db.exec(select(func.count()).select_from(PreparedReport)).one(),
            db.exec(select(func.count()).select_from(PreparedPart)).one(),
            len(db.exec(select(Job).where(col(Job.kind) == prepared.KIND)).all()),
        )
