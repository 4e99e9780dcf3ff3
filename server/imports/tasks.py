"""Check and import files on request, some rows at a time; delete them when their time is over."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import groupby, islice
from typing import BinaryIO, cast

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from server.audit.service import recorded_with
from server.audit.tables import subject_of
from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.errors import NotFoundError, SealBrokenError
from server.imports import service
from server.imports.bundles import BASE, Bundle, read_bundle
from server.imports.calendars.kind import CalendarFiles
from server.imports.calendars.reading import read_calendar
from server.imports.course_files import RosterFiles, TeacherFiles
from server.imports.findings import Finding, ImportKind, ParsedRow, WholeFileKind
from server.imports.group_files import GroupFiles
from server.imports.kinds import KindName, kind_of
from server.imports.matching import ReadRows, add_counts, counts_of, read_rows_as
from server.imports.oneroster_files import OneRosterFiles, SchoolDay
from server.imports.photo_files import PhotoFiles, PhotoRules
from server.imports.pieces import SealedArchive, forget_left_over
from server.imports.reading import read_rows
from server.imports.reports import add_part, forget_parts
from server.imports.sheets import Sheet, UnreadableFileError
from server.imports.tables import BUSY, ImportRun, ImportState
from server.imports.timetable_files import TimetableFiles
from server.jobs.schemas import ClaimedJob, Done, Result
from server.logs import new_correlation_id
from server.people.bulk import ImportOrigin

_logger = logging.getLogger(__name__)
#: Rows in one transaction: other writers wait for about a fifth of a second.
CHUNK = 250
#: Photos in one transaction: they are in memory together.
PHOTOS_AT_ONCE = 4
_ATTEMPTS = 3
_LOOK_S = 30.0
_STOP_TIMEOUT_S = 10.0
AttendanceKind = Callable[[], WholeFileKind]


class _StoppedError(Exception):
    """The import was cancelled, deleted, or another worker goes on with it."""


@dataclass(frozen=True)
class _Work:
    """One run of a job.

    Attributes:
        run: as it was when the job began.
        kind: of its rows.
        rows: by what the columns mean.
        at_once: rows in one transaction.
        has_stages: whether rows refer to earlier ones, as those of bundles and calendars do.
    """

    run: ImportRun
    kind: ImportKind
    rows: ReadRows
    at_once: int
    has_stages: bool = False

    @property
    def is_import(self) -> bool:
        """Whether rows are written."""
        return self.run.state == ImportState.IMPORTING

    def parts(self) -> Iterator[list[ParsedRow | Finding]]:
        """Yield the rows that are left, in parts of one transaction each."""
        rows = islice(self.rows.in_order(), self.run.position, None)
        for _, some in groupby(rows, key=self._stage):
            while part := list(islice(some, self.at_once)):
                yield part

    def _stage(self, row: ParsedRow | Finding) -> int:
        number = row.number if isinstance(row, ParsedRow) else row.row
        return number // BASE if self.has_stages else 0

    @property
    def origin(self) -> ImportOrigin:
        """Where the changes come from, for the audit trail."""
        details = {"file": self.run.digest}
        return ImportOrigin(self.run.started_by, subject_of("import", self.run.id), details)


class ImportFiles:
    """The handler: what state an import is in decides whether it is checked or imported.

    `attendance` makes the kind of past attendance, which belongs to a package that needs this one.
    """

    kind = service.JOB

    def __init__(
        self,
        database: Database,
        vault: Vault,
        zone: SchoolZone,
        *,
        photo_max_bytes: int,
        attendance: AttendanceKind,
    ) -> None:
        self._database = database
        self._attendance = attendance
        self._vault = vault
        self._zone = zone
        self._photo_max_bytes = photo_max_bytes

    def is_ready(self) -> bool:
        """Return true: nothing but the database is needed."""
        return True

    def run(self, job: ClaimedJob) -> Result:
        """Judge and write the rows from where the last attempt ended."""
        run_id = uuid.UUID(job.about["import"])
        try:
            self._begin_check_anew(run_id)
            work = self._prepared(run_id)
            self._go_through(work)
            missing = self._missing(work)
        except _StoppedError:
            return Done(lambda _db: None, "stopped")
        except UnreadableFileError as exc:
            problem = str(exc.details["problem"])
            return Done(partial(_fail, run_id=run_id, problem=problem), "unreadable")
        except SealBrokenError:
            return Done(partial(_fail, run_id=run_id, problem="unopened"), "unreadable")
        return Done(partial(self._finish, work=work, missing=missing))

    def cancel(self, db: Session, job: ClaimedJob, *, actor: str) -> None:
        """Mark the import as cancelled."""
        service.cancel(db, uuid.UUID(job.about["import"]), actor=actor)

    def _begin_check_anew(self, run_id: uuid.UUID) -> None:
        """Let a check that was interrupted begin again: rows are judged by those before them."""
        with self._database.transaction() as db:
            run = _busy(db, run_id, lock=True)
            if run.state == ImportState.CHECKING and run.position:
                run.position, run.counts = 0, {}
                forget_parts(db, run.id)
                db.add(run)

    def _prepared(self, run_id: uuid.UUID) -> _Work:
        with self._database.reading() as db:
            run = _busy(db, run_id)
            if run.kind == KindName.PHOTOS:
                photos = self._photos(db, run)
                return _Work(run, photos, ReadRows(photos.rows, [], []), PHOTOS_AT_ONCE)
            if run.kind == KindName.ONEROSTER:
                bundle = self._bundle(db, run)
                day = SchoolDay(self._today(), self._zone())
                kind = OneRosterFiles(bundle, day)
                return _Work(run, kind, bundle.rows, CHUNK, has_stages=True)
            data = service.opened(db, self._vault, run)
        if run.kind == KindName.CALENDAR:
            file = read_calendar(data, self._zone(), run.created_at.astimezone(self._zone()).date())
            calendar = CalendarFiles(file, self._zone())
            return _Work(run, calendar, file.rows, CHUNK, has_stages=True)
        sheet = read_rows(data, service.options_of(run))
        if run.kind == KindName.ATTENDANCE:
            return self._surveyed(run, sheet)
        rows_kind = kind_of(run.kind, self._zone())
        rows = read_rows_as(rows_kind, sheet, run.mapping)
        if isinstance(rows_kind, RosterFiles | TeacherFiles | GroupFiles):
            rows_kind.look_ahead(rows.rows)
        if isinstance(rows_kind, TimetableFiles):
            with self._database.reading() as db:
                rows_kind.compare(db, rows.rows, partial(self._look, run))
        return _Work(run, rows_kind, rows, CHUNK)

    def _look(self, run: ImportRun) -> None:
        """Stop where the import was cancelled or deleted, or begun anew."""
        with self._database.reading() as db:
            if _busy(db, run.id).revision != run.revision:
                raise _StoppedError

    def _surveyed(self, run: ImportRun, sheet: Sheet) -> _Work:
        kind = self._attendance()
        rows = read_rows_as(kind, sheet, run.mapping)
        with self._database.reading() as db:
            kind.survey(db, rows.rows)
        return _Work(run, kind, rows, CHUNK)

    def _today(self) -> date:
        return now().astimezone(self._zone()).date()

    def _photos(self, db: Session, run: ImportRun) -> PhotoFiles:
        archive = SealedArchive(self._vault, run.id, run.size_bytes)
        with archive.reading(db):
            return PhotoFiles(archive, self._vault, PhotoRules(self._today, self._photo_max_bytes))

    def _bundle(self, db: Session, run: ImportRun) -> Bundle:
        archive = SealedArchive(self._vault, run.id, run.size_bytes)
        with archive.reading(db):
            return read_bundle(cast("BinaryIO", archive))

    def _go_through(self, work: _Work) -> None:
        position = work.run.position
        for part in work.parts():
            self._with_further_attempts(work, part, position)
            position += len(part)

    def _with_further_attempts(
        self, work: _Work, part: Sequence[ParsedRow | Finding], position: int
    ) -> None:
        """Do a part again where another request added a person with the same number meanwhile."""
        for attempt in range(_ATTEMPTS):
            try:
                self._step(work, part, position)
            except IntegrityError:
                if attempt + 1 == _ATTEMPTS:
                    raise
            else:
                return

    def _step(self, work: _Work, part: Sequence[ParsedRow | Finding], position: int) -> None:
        rows = [one for one in part if isinstance(one, ParsedRow)]
        found = [one for one in part if isinstance(one, Finding)]
        if not work.is_import:
            with self._database.reading() as db:
                found += [one.finding for one in work.kind.judge(db, rows, lock=False)]
        with self._database.transaction() as db:
            run = _busy(db, work.run.id, lock=True)
            if (run.revision, run.position) != (work.run.revision, position):
                raise _StoppedError
            if work.is_import:
                judged = work.kind.judge(db, rows, lock=True)
                with recorded_with(db, **{"import": str(run.id)}):
                    found += work.kind.write(db, judged, work.origin)
            found.sort(key=lambda one: one.row)
            add_part(db, self._vault, run.id, position, found)
            run.counts = add_counts(run.counts, counts_of(found))
            run.position = position + len(part)
            db.add(run)

    def _missing(self, work: _Work) -> list[Finding]:
        """Return what is missing from the file; it is read while nobody waits."""
        with self._database.reading() as db:
            return list(work.kind.missing(db, _all_rows(work.rows)))

    def _finish(self, db: Session, work: _Work, missing: Sequence[Finding]) -> None:
        """Keep the rest of the report, in the transaction that ends the job."""
        run = service.find(db, work.run.id, lock=True)
        if (run.state, run.revision) != (work.run.state, work.run.revision):
            return
        for number, some in enumerate(_in_parts(missing)):
            add_part(db, self._vault, run.id, number, some)
            run.counts = add_counts(run.counts, counts_of(some))
        run.state = ImportState.DONE if work.is_import else ImportState.CHECKED
        run.finished_at = now()
        if work.is_import:
            service.forget_file(db, run.id)
            service.keep_report(run)
            service.record_end(db, run)
        db.add(run)


class ImportUpkeep:
    """A thread that deletes files and reports whose time is over."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="imports", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def sweep(self) -> int:
        """Delete what was kept long enough; returns how many imports."""
        with self._database.transaction() as db:
            count = service.remove_expired(db, now())
        while not self._stopping.is_set() and self._forget_pieces():
            pass
        if count:
            _logger.info("imports deleted count=%s", count)
        return count

    def _forget_pieces(self) -> bool:
        with self._database.transaction() as db:
            return forget_left_over(db)

    def _watch(self) -> None:
        while not self._stopping.is_set():
            new_correlation_id()
            try:
                self.sweep()
            except Exception:  # the edge of a thread that must not end
                _logger.exception("import upkeep step failed, retrying")
            self._stopping.wait(_LOOK_S)


def _busy(db: Session, run_id: uuid.UUID, *, lock: bool = False) -> ImportRun:
    """Return an import that a job works on.

    Raises:
        _StoppedError: it was cancelled or deleted.
    """
    try:
        run = service.find(db, run_id, lock=lock)
    except NotFoundError as exc:
        raise _StoppedError from exc
    if run.state not in BUSY:
        raise _StoppedError
    return run


def _fail(db: Session, run_id: uuid.UUID, problem: str) -> None:
    run = service.find(db, run_id, lock=True)
    if run.state in BUSY:
        run.state, run.problem, run.finished_at = ImportState.FAILED, problem, now()
        db.add(run)


def _all_rows(rows: ReadRows) -> Iterator[ParsedRow]:
    """Yield every row of the file, also wrong ones: who is in one of them is not missing."""
    yield from rows.rows
    yield from rows.refused


def _in_parts(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    left = iter(findings)
    while part := list(islice(left, CHUNK)):
        yield part
