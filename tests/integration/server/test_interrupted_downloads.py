"""Files whose content is deleted while they are sent: the transfer breaks, and none is cut."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import col, delete, select

from server.db.engine import Database
from server.jobs.schemas import Done
from server.prints import service
from server.prints.service import forget_every_print, opened_prints, store_print
from server.prints.tables import PreparedPrint
from server.reports import prepared
from server.reports.stored_lines import unpack
from server.reports.tasks import PrepareReport
from server.web.state import services_of
from tests.integration.server.test_register_prints import ask, claim, handler, school, work
from tests.support.report_school import ReportSchool

__all__ = ["handler", "school", "work"]


def test_numbers_of_prints_go_on_after_some_were_deleted(
    school: ReportSchool, database: Database, work: Callable[[], bool], app: FastAPI
) -> None:
    """An erasure deletes what it sees; a print that is committed meanwhile stays."""
    report_id = uuid.UUID(ask(school.desk.office, school).rsplit("/", 1)[1])
    vault = services_of(app).vault
    assert work()
    with database.transaction() as db:
        db.exec(delete(PreparedPrint).where(col(PreparedPrint.number) == 1))
    with database.transaction() as db:
        known: dict[str, Any] = {"report_id": report_id, "name": "CHE-1.pdf"}
        course = uuid.UUID(school.desk.course)
        assert store_print(db, vault, b"%PDF", course_id=course, **known) == 2
    names = [name for name, _content in opened_prints(database, vault, report_id)]
    assert names == ["02 BIO-9.pdf", "03 CHE-1.pdf"]


def test_an_archive_breaks_off_where_its_prints_are_deleted(
    school: ReportSchool,
    database: Database,
    work: Callable[[], bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = ask(school.desk.office, school)
    assert work()
    opened: list[int] = []

    def erase_meanwhile(report_id: uuid.UUID, number: int) -> str:
        opened.append(number)
        with database.transaction() as db:
            forget_every_print(db)
        return f"{report_id}:{number}"

    monkeypatch.setattr(service, "context_of", erase_meanwhile)
    with pytest.raises(RuntimeError, match="response already started"):
        school.desk.office.get(f"{path}/registers")
    assert opened == [1]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_a_file_breaks_off_where_its_report_is_deleted(
    school: ReportSchool,
    database: Database,
    work: Callable[[], bool],
    monkeypatch: pytest.MonkeyPatch,
    form: str,
) -> None:
    path = ask(school.desk.office, school)
    assert work()

    def delete_meanwhile(data: bytes) -> Any:
        with database.transaction() as db:
            prepared.forget_report(db, uuid.UUID(path.rsplit("/", 1)[1]))
        return unpack(data)

    monkeypatch.setattr(prepared, "unpack", delete_meanwhile)
    with pytest.raises(RuntimeError, match="response already started"):
        school.desk.office.get(f"{path}/export", params={"format": form})


def test_a_job_whose_report_is_deleted_ends(
    school: ReportSchool,
    database: Database,
    handler: PrepareReport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report_id = uuid.UUID(ask(school.desk.office, school).rsplit("/", 1)[1])
    job = claim(database, "one")

    def delete_meanwhile(data: bytes) -> Any:
        with database.transaction() as db:
            prepared.forget_report(db, report_id)
        return unpack(data)

    with monkeypatch.context() as patched:
        patched.setattr(prepared, "unpack", delete_meanwhile)
        assert isinstance(handler.run(job), Done)
    with database.reading() as db:
        assert not db.exec(select(PreparedPrint)).all()
