"""Prepare a report a week at a time, and delete prepared reports that have expired."""

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial

from sqlmodel import Session

from server.config import SchoolIdentity, SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.errors import NotFoundError
from server.jobs import service as jobs
from server.jobs.schemas import ClaimedJob, Done, Result
from server.logs import new_correlation_id
from server.reports import prepared
from server.reports.lines import ReportSpan, lessons_between
from server.reports.printing import RegisterPrinter
from server.reports.tables import PreparedReport
from server.reports.tally import ReportTally

_logger = logging.getLogger(__name__)
_STEP = timedelta(days=7)
INTERVAL_S = 600.0
_STOP_TIMEOUT_S = 10.0


class PrepareReport:
    """The handler. Each week is committed, so a job that was killed goes on after the last one."""

    kind = prepared.KIND

    def __init__(
        self,
        database: Database,
        vault: Vault,
        zone: SchoolZone,
        school: Callable[[], SchoolIdentity],
    ) -> None:
        self._database = database
        self._vault = vault
        self._zone = zone
        self._printer = RegisterPrinter(database, vault, zone, school)

    def is_ready(self) -> bool:
        """Return true: nothing but the database is needed."""
        return True

    def run(self, job: ClaimedJob) -> Result:
        """Read the registers week by week, add them up, and print them where that is asked for."""
        report_id = uuid.UUID(job.about["report"])
        while self._add_week(job, report_id):
            pass
        tally = ReportTally()
        try:
            self._sum_up(job, report_id, tally)
        except NotFoundError:
            if self._row(report_id) is not None:
                raise
            # Deleted meanwhile: there is nothing to finish.
        return Done(
            partial(prepared.finish, vault=self._vault, report_id=report_id, tally=tally, at=now())
        )

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Delete what was prepared so far."""
        prepared.forget_report(db, uuid.UUID(job.about["report"]))

    def _row(self, report_id: uuid.UUID) -> PreparedReport | None:
        with self._database.reading() as db:
            return db.get(PreparedReport, report_id)

    def _sum_up(self, job: ClaimedJob, report_id: uuid.UUID, tally: ReportTally) -> None:
        """Add up a report, and print its registers where that is asked for."""
        row = self._row(report_id)
        if row is None:
            return
        for lessons in prepared.parts_of(self._database, self._vault, report_id):
            tally.add_all(lessons, row.as_of)
        if row.with_registers:
            self._printer.print_all(job, report_id, tally)

    def _add_week(self, job: ClaimedJob, report_id: uuid.UUID) -> bool:
        """Add the next week; returns whether anything is left to do."""
        with self._database.reading() as db:
            row = db.get(PreparedReport, report_id)
            if row is None or row.is_truncated:
                return False
            whole = prepared.span_of(row, self._zone())
            week = _next_week(whole, row.done_through)
            if week is None:
                return False
            lessons = [one for piece in lessons_between(db, week, row.as_of) for one in piece]
        with self._database.transaction() as db:
            row = db.get(PreparedReport, report_id)
            if row is None or not jobs.is_held(db, job):
                return False
            prepared.add_part(db, self._vault, row, lessons)
            row.done_through = week.last
        return True


def _next_week(whole: ReportSpan, done_through: date | None) -> ReportSpan | None:
    first = whole.first if done_through is None else done_through + timedelta(days=1)
    if first > whole.last:
        return None
    last = min(first + _STEP - timedelta(days=1), whole.last)
    return ReportSpan(first, last, whole.zone, whole.courses)


class ReportUpkeep:
    """A thread that deletes prepared reports once they expire."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reports", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def delete_expired(self) -> int:
        """Delete what has expired; returns how many reports."""
        at = now()
        with self._database.reading() as db:
            if not prepared.has_expired(db, at):
                return 0
        with self._database.transaction() as db:
            count = prepared.delete_expired(db, at)
        _logger.info("expired reports deleted count=%s", count)
        return count

    def _watch(self) -> None:
        new_correlation_id()
        while not self._stopping.is_set():
            try:
                self.delete_expired()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("report upkeep failed, retrying")
            self._stopping.wait(INTERVAL_S)
