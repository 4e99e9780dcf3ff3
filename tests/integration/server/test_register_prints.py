"""Registers as PDF that a job prints: the files, who gets them, jobs that die, erasure, limits."""

import io
import re
import uuid
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from server.config import SchoolIdentity
from server.db.engine import Database
from server.db.types import now
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob, Done
from server.jobs.tasks import JobWorkers
from server.prints.service import forget_every_print
from server.prints.tables import PreparedPrint
from server.reports import prepared, printing, service
from server.reports.register_pdf import PrintedRegister, course_register
from server.reports.tasks import PrepareReport
from server.timetable.tables import RosterEntry
from server.web.principal import Role
from server.web.state import services_of
from server.web.translations import Translator
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_report_exports import exported, rename
from tests.support.office_desk import OfficeDesk
from tests.support.planning import BERLIN
from tests.support.report_school import ReportSchool
from tests.support.stepping import LEASE, worker_of
from tests.unit.server.reports.test_files import pages_of

COURSES = ["01 ART-1.pdf", "02 BIO-9.pdf"]


@pytest.fixture
def school(desk: OfficeDesk) -> ReportSchool:
    school = ReportSchool(desk)
    with desk.database.transaction() as db:
        course, ada = uuid.UUID(desk.other_course), uuid.UUID(desk.ada)
        db.add(RosterEntry(course_id=course, person_id=ada))
    for days in (12, 1):
        school.days_ago(days)
        school.days_ago(days, course=desk.other_course)
    return school


@pytest.fixture
def handler(app: FastAPI, database: Database) -> PrepareReport:
    identity = SchoolIdentity("Lindenhof")
    return PrepareReport(database, services_of(app).vault, lambda: BERLIN, lambda: identity)


@pytest.fixture
def work(database: Database, handler: PrepareReport) -> Callable[[], bool]:
    pool = JobWorkers(database, [], lease=LEASE, software=lambda: "1")
    return lambda: pool.run_one([handler])


def ask(client: TestClient, school: ReportSchool) -> str:
    """Ask for a report with its registers and return its path."""
    form = school.span(24) | {"with_registers": "true"}
    answer = client.post("/reports/prepare", data=form)
    assert answer.status_code == 303, answer.text
    found: str = answer.headers["location"].split("?")[0]
    return found


def files_of(client: TestClient, path: str) -> dict[str, str]:
    """Return the text of each file in the archive of a report."""
    answer = client.get(f"{path}/registers")
    assert answer.headers["content-type"] == "application/zip", answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: "\n".join(pages_of(archive.read(name))) for name in archive.namelist()}


def claim(database: Database, owner: str, *, later: timedelta = timedelta()) -> ClaimedJob:
    with database.transaction() as db:
        job = jobs.claim(db, prepared.KIND, by=worker_of(owner), at=now() + later)
    assert job is not None
    return job


def stored(db: Session) -> list[PreparedPrint]:
    return list(db.exec(select(PreparedPrint)))


def test_registers_of_every_course_are_printed_in_the_background(
    school: ReportSchool, sign_in: SignIn, work: Callable[[], bool], database: Database
) -> None:
    office = school.desk.office
    path = ask(office, school)
    assert office.get(f"{path}/registers").status_code == 409
    assert work()
    page = office.get(path).text
    assert f'href="{path}/registers"' in page
    assert "end early" not in page
    files = files_of(office, path)
    assert list(files) == COURSES
    assert "Ben Okafor" in files["02 BIO-9.pdf"]
    assert "Ben Okafor" not in files["01 ART-1.pdf"]
    assert "Ada Lovelace" in files["01 ART-1.pdf"]
    with database.reading() as db:
        assert not any(b"%PDF" in one.data for one in stored(db))
    (entry,) = exported(database)
    assert (entry["view"], entry["format"], entry["lines"]) == ("registers", "pdf", 6)
    assert sign_in(Role.TEACHER).get(f"{path}/registers").status_code == 404
    assert office.post(f"{path}/delete").is_redirect
    with database.reading() as db:
        assert stored(db) == []


def test_a_print_whose_worker_was_killed_goes_on_after_the_last_course(
    school: ReportSchool,
    database: Database,
    handler: PrepareReport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    office = school.desk.office
    path = ask(office, school)
    killed = claim(database, "killed")
    drawn: list[str] = []

    def stop_at_the_second(printed: PrintedRegister, t: Translator) -> bytes:
        drawn.append(printed.course)
        if len(drawn) == 2:
            raise KeyboardInterrupt
        return course_register(printed, t)

    with monkeypatch.context() as patched:
        patched.setattr(printing, "course_register", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            handler.run(killed)
    other = claim(database, "other", later=LEASE * 2)
    again = handler.run(killed)  # it lives after all: it changes nothing
    assert isinstance(again, Done)
    result = handler.run(other)
    assert isinstance(result, Done)
    with database.transaction() as db:
        result.write(db)
        assert jobs.finish(db, other)
    assert list(files_of(office, path)) == COURSES
    answer = office.get(f"/api/v1/reports/prepared/{path.rsplit('/', 1)[1]}").json()
    assert (answer["registers"], answer["registers_total"]) == (2, 2)


def test_a_person_who_is_erased_is_in_no_print(
    school: ReportSchool,
    sign_in: SignIn,
    database: Database,
    work: Callable[[], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = school.desk
    path, drawn = ask(desk.office, school), list[str]()

    def erased_meanwhile(printed: PrintedRegister, t: Translator) -> bytes:
        content = course_register(printed, t)
        if not drawn:
            rename(database, desk.ada, "Erased person")
        drawn.append(printed.course)
        if len(drawn) == 3:  # another person is erased, when the first course is printed
            with database.transaction() as db:
                forget_every_print(db)
        return content

    monkeypatch.setattr(printing, "course_register", erased_meanwhile)
    assert work()
    assert drawn == ["ART-1 Art", "ART-1 Art", "BIO-9 Biology", "ART-1 Art"]
    files = files_of(desk.office, path)
    assert list(files) == ["01 BIO-9.pdf", "02 ART-1.pdf"]
    assert "Lovelace" not in "".join(files.values())
    words = {"reason": "The family asked for it"}
    answer = sign_in(Role.ADMIN).post(f"/api/v1/people/{desk.ben}/erase", json=words)
    assert answer.status_code < 300, answer.text
    with database.reading() as db:
        assert stored(db) == []
    page = desk.office.get(path).text
    assert "The printed registers were deleted" in page
    form = page.split('action="/reports/prepare"')[1].split("</form>")[0]
    sent = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert sent.items() >= (school.span(24) | {"with_registers": "true", "course": ""}).items()
    assert desk.office.post("/reports/prepare", data=sent).status_code == 303
    assert desk.office.get(f"{path}/registers").status_code == 404


def test_a_print_that_ends_early_says_so_everywhere(
    school: ReportSchool, work: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = school.desk.office
    monkeypatch.setattr(printing, "MOST_PRINTED_LINES", 5)
    path = ask(office, school)
    assert work()
    files = files_of(office, path)
    assert "Incomplete" in files["02 BIO-9.pdf"]
    assert "Incomplete" not in files["01 ART-1.pdf"]
    assert "The printed registers end early" in office.get(path).text
    answer = office.get(f"/api/v1/reports/prepared/{path.rsplit('/', 1)[1]}").json()
    assert answer["registers_cut"] is True


def test_too_many_lines_are_not_printed_while_a_person_waits(
    school: ReportSchool, work: Callable[[], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    office, asked = school.desk.office, {"course": school.desk.course} | school.span(24)
    direct = "/reports/register.pdf?"
    assert direct in office.get("/reports", params=asked).text
    monkeypatch.setattr(service, "MOST_DIRECT_LINES", 3)
    refused = office.get("/api/v1/exports/register.pdf", params=asked)
    assert refused.json()["error"]["code"] == "print_too_long"
    page = office.get("/reports", params=asked).text
    assert direct not in page
    assert "Prepare the registers" in page
    body = asked | {"with_registers": True}
    made = office.post("/api/v1/reports/prepared", json=body).json()
    assert (made["with_registers"], made["registers_total"]) == (True, 0)
    assert work()
    archive = office.get(f"/api/v1/exports/prepared/{uuid.UUID(made['id'])}/registers")
    assert archive.content.startswith(b"PK")
