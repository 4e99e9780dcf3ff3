"""Measure reports of a term of 500 students: 7,200 lessons, 180,000 lines.

    python -m scripts.bench.reports [--database URL]

Prints a table for docs/measurements/reports.md. Times are CPU seconds of this process; what
PostgreSQL computes comes in the second column, elapsed seconds.
Memory is by how much the process grew at most.
"""

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlmodel import col, select

from scripts.bench.term_school import add_term
from server.accounts.tables import Account
from server.app import open_storage
from server.config import SchoolIdentity, load_settings
from server.db.engine import Database
from server.db.vault import Vault
from server.jobs import service as jobs
from server.jobs.schemas import Done
from server.jobs.service import Worker
from server.people.tables import Person
from server.reports import prepared, service
from server.reports.exports import ExportFormat, ExportWanted, export_pieces
from server.reports.lines import ReportSpan
from server.reports.register_pdf import PrintedRegister, course_register
from server.reports.schemas import ReportScope, ReportView
from server.reports.tables import PreparedReport
from server.reports.tasks import PrepareReport
from server.timetable.tables import Course
from server.web.principal import Principal, Role
from server.web.translations import translator

_ZONE = ZoneInfo("Europe/Berlin")
_FIRST, _LAST = date(2026, 8, 31), date(2026, 11, 20)
_AT = datetime(2026, 11, 21, tzinfo=UTC)
_SCHOOL = SchoolIdentity("Lindenhof School", _ZONE.key)
_SPAN = ReportSpan(_FIRST, _LAST, _ZONE)


def main() -> None:
    """Build the school and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--database", help="an empty PostgreSQL database; SQLite where it is left out"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = SecretStr(asked.database) if asked.database else None
        settings = load_settings(data_dir=Path(folder), database_url=url, timezone=_ZONE.key)
        database, vault = open_storage(settings)
        lessons = add_term(database, first=_FIRST, weeks=12, zone=_ZONE)
        print(f"{lessons} lessons, {'SQLite' if database.is_sqlite else 'PostgreSQL'}")
        print("| what | CPU, s | elapsed, s | memory, MiB |")
        print("|---|---|---|---|")
        _measure_direct(database)
        _measure_prepared(database, vault)
        database.close()


def _measure_direct(database: Database) -> None:
    with database.reading() as db:
        course = db.exec(select(Course.id).order_by(col(Course.code))).first()
        person = db.exec(select(Person.id).order_by(col(Person.sort_key))).first()
    assert course is not None
    week = ReportSpan(_LAST - timedelta(days=4), _LAST, _ZONE, frozenset({course}))
    term = ReportSpan(_FIRST, _LAST, _ZONE, frozenset({course}))
    for name, scope in (
        ("a course, a week: 30 lessons", ReportScope(week)),
        ("a course, the term: 360 lessons", ReportScope(term)),
        ("a student, the term: 360 lessons", ReportScope(_SPAN, person)),
    ):
        _measured(name, partial(_direct, database, scope))
    for _round in ("first", "again"):
        for weeks in (1, 4, 12):
            since = ReportSpan(_LAST - timedelta(days=7 * weeks), _LAST, _ZONE, frozenset({course}))
            name = f"registers of {30 * weeks} lessons as PDF, {_round}"
            _measured(name, partial(_print, database, ReportScope(since)))


def _direct(database: Database, scope: ReportScope) -> None:
    with database.reading() as db:
        service.direct_report(db, scope, _AT)


def _print(database: Database, scope: ReportScope) -> None:
    with database.reading() as db:
        report = service.direct_report(db, scope, _AT)
        people = service.people_named(db, report.tally.people)
    printed = PrintedRegister(_SCHOOL.name, "Course", people, report)
    course_register(printed, translator("en"))


def _measure_prepared(database: Database, vault: Vault) -> None:
    with database.reading() as db:
        account = db.exec(select(Account)).one()
    principal = Principal(account.id, account.display_name, Role.ADMIN)
    for name, with_registers in (
        ("preparing the school's term", False),
        ("the same with its registers as PDF", True),
    ):
        with database.transaction() as db:
            row = prepared.prepare(db, _SPAN, principal, _AT, with_registers=with_registers)
            report_id = row.id
        _measured(name, lambda: _work(database, vault))
    _measured("the page of it: sums, unsealed", lambda: _open(database, vault, report_id))
    for form in ExportFormat:
        _measured(
            f"180,000 lines as {form.upper()}",
            partial(_export, database, vault, report_id, form),
        )


def _work(database: Database, vault: Vault) -> None:
    worker = Worker("bench", timedelta(hours=1), "1")
    with database.transaction() as db:
        job = jobs.claim(db, prepared.KIND, by=worker, at=datetime.now(UTC))
    assert job is not None
    result = PrepareReport(database, vault, lambda: _ZONE, lambda: _SCHOOL).run(job)
    assert isinstance(result, Done)
    with database.transaction() as db:
        result.write(db)


def _open(database: Database, vault: Vault, report_id: uuid.UUID) -> service.Report:
    with database.reading() as db:
        row = db.get_one(PreparedReport, report_id)
        return prepared.report_of(vault, row, _ZONE)


def _export(database: Database, vault: Vault, report_id: uuid.UUID, form: ExportFormat) -> None:
    report = _open(database, vault, report_id)
    wanted = ExportWanted(ReportView.LINES, form, translator("en"), _ZONE, "Lindenhof School")
    with database.reading() as db:
        lessons = chain.from_iterable(prepared.parts_of(database, vault, report_id))
        pieces = export_pieces(db, report, lessons, wanted)
    for _piece in pieces:
        pass


def _measured(name: str, work: Callable[[], object]) -> None:
    Path("/proc/self/clear_refs").write_text("5")  # forget the largest size so far; see proc(5)
    before = _kib("VmRSS")
    cpu, elapsed = time.process_time(), time.monotonic()
    work()
    cpu, elapsed = time.process_time() - cpu, time.monotonic() - elapsed
    grown = (_kib("VmHWM") - before) / 1024
    print(f"| {name} | {cpu:.2f} | {elapsed:.2f} | {grown:.0f} |", flush=True)


def _kib(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0])


if __name__ == "__main__":
    main()
