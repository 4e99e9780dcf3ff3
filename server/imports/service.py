"""Imports: take a file in, start its check and its import, cancel, and delete in time."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session, col, delete, func, select

from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.listing import ListOrder, Part, PartWanted, read_part
from server.db.types import new_id, now
from server.db.vault import Sealed, Vault
from server.errors import ConflictError, InvalidError, NotFoundError
from server.imports.calendars.reading import read_calendar
from server.imports.kinds import (
    ARCHIVES,
    WITHOUT_COLUMNS,
    KindName,
    columns_of,
    kinds_for,
    refuse_kind,
)
from server.imports.matching import guess
from server.imports.pieces import forget_pieces
from server.imports.reading import read_rows
from server.imports.reports import PURPOSE, forget_parts
from server.imports.sheets import ReadOptions, Sheet, SheetRow
from server.imports.tables import BUSY, ImportFile, ImportRun, ImportState
from server.jobs import service as jobs
from server.jobs.tables import Job
from server.web.principal import Role

#: The kind of job that checks and imports.
JOB = "import"
#: A check is as old as this at most when the import begins: what it said may be wrong by then.
CHECK_COUNTS = timedelta(hours=24)
#: After this a file and its report are deleted, whatever became of them.
KEPT = timedelta(days=7)
_LONGEST_NAME = 120
#: What the audit trail calls a count, where its own word means something else there.
_COUNT_NAMES = {"missing": "not_in_file"}
#: Kinds whose files name students, or may.
_WITH_NAMES = [
    KindName.PEOPLE,
    KindName.GROUPS,
    KindName.GUARDIANS,
    KindName.ROSTERS,
    KindName.ATTENDANCE,
    *sorted(WITHOUT_COLUMNS),
]
_UNCHECKED = {ImportState.UPLOADED, ImportState.CHECKED, ImportState.CANCELLED, ImportState.FAILED}


NEWEST_FIRST = ListOrder((col(ImportRun.id),), (uuid.UUID,), is_descending=True)


@dataclass(frozen=True)
class Upload:
    """A file as a person sent it, and what is in it."""

    name: str
    data: bytes
    sheet: Sheet


def read_upload(name: str, data: bytes) -> Upload:
    """Read a file, outside of any transaction: it may take seconds.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    return Upload(plain_name(name), data, read_rows(data))


def read_calendar_upload(name: str, data: bytes, zone: ZoneInfo) -> Upload:
    """Read a calendar, likewise. Its sheet is called after what the calendar holds.

    Raises:
        UnreadableFileError: it cannot be read.
    """
    file = read_calendar(data, zone, now().astimezone(zone).date())
    rows = [SheetRow(number, ()) for number, _ in enumerate(file.rows.in_order(), 1)]
    sheet = Sheet((), rows, encoding=file.encoding, sheet=file.use)
    return Upload(plain_name(name), data, sheet)


def take_in(
    db: Session, vault: Vault, kind: KindName, upload: Upload, *, actor: str, role: Role
) -> ImportRun:
    """Guess the columns of a file, and keep it sealed until `KEPT` is over.

    Raises:
        ForbiddenError: the role may not import files of this kind.
    """
    refuse_kind(kind, role)
    at = now()
    run = ImportRun(
        id=new_id(),
        kind=kind,
        state=ImportState.UPLOADED,
        file_name=upload.name,
        digest=sha256(upload.data).hexdigest(),
        size_bytes=len(upload.data),
        created_by=actor,
        created_at=at,
        expires_at=at + KEPT,
        **_read_as(upload.sheet, kind),
    )
    sealed = vault.seal(upload.data, purpose=PURPOSE, context=str(run.id))
    db.add(run)
    db.flush()
    db.add(ImportFile(run_id=run.id, key_id=sealed.key_id, data=sealed.data))
    _record(db, run, "import.upload", actor)
    return run


def read_again(db: Session, vault: Vault, run_id: uuid.UUID, options: ReadOptions) -> Sheet:
    """Read the file with another encoding, separator or sheet; see `use_sheet`.

    Raises:
        NotFoundError: there is no such import.
        ConflictError: the file was imported.
        InvalidError: it has no columns.
        UnreadableFileError: the file cannot be read like that.
    """
    run = find(db, run_id)
    _refuse_without_columns(run)
    return read_rows(opened(db, vault, run), options)


def use_sheet(db: Session, run_id: uuid.UUID, sheet: Sheet, *, actor: str) -> ImportRun:
    """Take the file as it was read now; the columns are guessed anew.

    Raises:
        NotFoundError: there is no such import.
        ConflictError: it is under way or done.
    """
    run = _changeable(db, run_id)
    for name, value in _read_as(sheet, run.kind).items():
        setattr(run, name, value)
    run.state, run.counts = ImportState.UPLOADED, {}
    forget_parts(db, run.id)
    _record(db, run, "import.upload", actor)
    return run


def begin_check(
    db: Session, run_id: uuid.UUID, mapping: Mapping[str, int], *, actor: str, role: Role
) -> ImportRun:
    """Start the dry run: a job judges every row, and nothing is written.

    Raises:
        NotFoundError: there is no such import.
        ConflictError: it is under way or done.
        InvalidError: the columns do not fit the file, or one is missing.
        ForbiddenError: the role may not import files of this kind.
    """
    run = _changeable(db, run_id)
    refuse_kind(run.kind, role)
    _refuse_mapping(run, mapping)
    run.mapping = dict(mapping)
    _prepare(db, run, ImportState.CHECKING, actor)
    _record(db, run, "import.check", actor)
    _enqueue(db, run, actor)
    return run


def begin_import(db: Session, run_id: uuid.UUID, *, actor: str, role: Role) -> ImportRun:
    """Start the import: a job judges every row again, and writes what is new or changed.

    Raises:
        NotFoundError: there is no such import.
        ConflictError: there was no dry run in the last `CHECK_COUNTS`, or it is under way or done.
        ForbiddenError: the role may not import files of this kind.
    """
    run = find(db, run_id, lock=True)
    refuse_kind(run.kind, role)
    if run.state != ImportState.CHECKED:
        raise ConflictError("Check the file first. Then import it.", problem="import_unchecked")
    if run.finished_at is None or now() - run.finished_at > CHECK_COUNTS:
        raise ConflictError(
            "The check is more than 24 hours old. Check the file again.", problem="import_old_check"
        )
    _prepare(db, run, ImportState.IMPORTING, actor)
    _record(db, run, "import.start", actor)
    _enqueue(db, run, actor)
    return run


def cancel(db: Session, run_id: uuid.UUID, *, actor: str) -> ImportRun:
    """Stop a check or an import after the rows that are being written. Repeating changes nothing.

    Raises:
        NotFoundError: there is no such import.
    """
    run = find(db, run_id, lock=True)
    if run.state in BUSY:
        run.state, run.finished_at = ImportState.CANCELLED, now()
        db.add(run)
        _record(db, run, "import.cancel", actor)
    return run


def remove(db: Session, run_id: uuid.UUID, *, actor: str) -> None:
    """Delete a file and its report. What was imported stays.

    Raises:
        NotFoundError: there is no such import.
        ConflictError: it is under way.
    """
    run = find(db, run_id, lock=True)
    if run.state in BUSY:
        raise ConflictError("Cancel this import first.", problem="import_busy")
    _remove(db, run, actor)


def remove_expired(db: Session, at: datetime) -> int:
    """Delete what was kept long enough, also where it is under way; returns how many imports."""
    query = select(ImportRun).where(col(ImportRun.expires_at) <= at)
    found = db.exec(query.order_by(col(ImportRun.id)).with_for_update()).all()
    for run in found:
        _remove(db, run, SYSTEM)
    return len(found)


def forget_names(db: Session) -> list[uuid.UUID]:
    """Delete files and reports that may name a person, because one is erased; returns which.

    Also where a job is on them, so that no later row brings the person back. Call it before a
    person is locked: a job locks its import first. `forget_jobs` follows, as jobs are locked last.
    """
    named = col(ImportRun.kind).in_(_WITH_NAMES)
    found = db.exec(select(ImportRun.id).where(named).order_by(col(ImportRun.id)).with_for_update())
    ids = list(found)
    for run_id in ids:
        forget_parts(db, run_id)
        forget_file(db, run_id)
        db.exec(delete(ImportRun).where(col(ImportRun.id) == run_id))
    return ids


def forget_jobs(db: Session, ids: Iterable[uuid.UUID]) -> None:
    """Delete the jobs of imports that were deleted."""
    jobs.forget(db, JOB, [{"import": str(run_id)} for run_id in ids])


def find(db: Session, run_id: uuid.UUID, *, lock: bool = False) -> ImportRun:
    """Return an import.

    Raises:
        NotFoundError: there is none of that id.
    """
    run = db.get(ImportRun, run_id, with_for_update=lock or None, populate_existing=lock)
    if run is None:
        raise NotFoundError("There is no such import.", problem="no_import")
    return run


def page(db: Session, role: Role, *, limit: int, offset: int) -> tuple[Sequence[ImportRun], int]:
    """Return some imports that a role may see, newest first, and how many there are."""
    is_seen = col(ImportRun.kind).in_(kinds_for(role))
    query = select(ImportRun).where(is_seen).order_by(col(ImportRun.id).desc())
    rows = db.exec(query.limit(limit).offset(offset)).all()
    return rows, db.exec(select(func.count()).select_from(ImportRun).where(is_seen)).one()


def part(db: Session, role: Role, wanted: PartWanted) -> Part[tuple[ImportRun]]:
    """Return a part of the same list."""
    query = sqlalchemy.select(ImportRun).where(col(ImportRun.kind).in_(kinds_for(role)))
    return read_part(db, query, NEWEST_FIRST, wanted)


def opened(db: Session, vault: Vault, run: ImportRun) -> bytes:
    """Return the file.

    Raises:
        ConflictError: it was imported, so it is not kept any more.
        InvalidError: it is an archive.
        SealBrokenError: the key is missing.
    """
    if run.kind in ARCHIVES:
        raise no_columns()
    file = db.get(ImportFile, run.id)
    if file is None:
        raise ConflictError("This file was imported already.", problem="import_done")
    return vault.open(Sealed(file.key_id, file.data), purpose=PURPOSE, context=str(run.id))


def _refuse_without_columns(run: ImportRun) -> None:
    if run.kind in WITHOUT_COLUMNS:
        raise no_columns()


def no_columns() -> InvalidError:
    """Return the error for a file whose kind has no columns."""
    return InvalidError("This kind of file has no columns to choose.", problem="import_no_columns")


def options_of(run: ImportRun) -> ReadOptions:
    """Return how a file was read, so that it is read the same way again."""
    return ReadOptions(run.encoding, run.separator, run.sheet)


def preview(db: Session, vault: Vault, run: ImportRun, *, rows: int) -> Sheet:
    """Return the header and the first rows.

    Raises:
        ConflictError, SealBrokenError, UnreadableFileError: as for the whole file.
    """
    _refuse_without_columns(run)
    sheet = read_rows(opened(db, vault, run), options_of(run))
    return replace(sheet, rows=sheet.rows[:rows])


def note_download(db: Session, run: ImportRun, *, actor: str) -> None:
    """Record that an account downloaded the report."""
    _record(db, run, "import.download", actor)


def job_of(db: Session, run: ImportRun) -> Job | None:
    """Return the job that works on an import; None where none does."""
    return jobs.find(db, JOB, {"import": str(run.id)})


def note(db: Session, run: ImportRun, action: str, actor: str) -> None:
    """Record a step of an upload."""
    _record(db, run, action, actor)


def keep_report(run: ImportRun) -> None:
    """Keep the report of an archive as long as any, once the archive is deleted."""
    run.expires_at = run.created_at + KEPT


def record_end(db: Session, run: ImportRun) -> None:
    """Record that an import is over, with what became of its rows."""
    _record(db, run, "import.finish", run.started_by)


def plain_name(name: str) -> str:
    """Return the name of a file without folders and without what is no text."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable())[-_LONGEST_NAME:]


def _prepare(db: Session, run: ImportRun, state: ImportState, actor: str) -> None:
    run.state, run.position, run.counts = state, 0, {}
    run.problem, run.finished_at = "", None
    run.revision, run.started_by = run.revision + 1, actor
    db.add(run)
    forget_parts(db, run.id)


def _enqueue(db: Session, run: ImportRun, actor: str) -> None:
    about = {"import": str(run.id)}
    jobs.enqueue(db, JOB, about, subject=subject_of("import", run.id), actor=actor)


def _changeable(db: Session, run_id: uuid.UUID) -> ImportRun:
    run = find(db, run_id, lock=True)
    if run.state in BUSY:
        raise ConflictError("This import is under way. Cancel it first.", problem="import_busy")
    if run.state == ImportState.UPLOADING:
        raise ConflictError("The upload is not complete.", problem="import_uploading")
    if run.state not in _UNCHECKED:
        raise ConflictError("This file was imported already.", problem="import_done")
    return run


def _refuse_mapping(run: ImportRun, mapping: Mapping[str, int]) -> None:
    columns = {one.key: one for one in columns_of(run.kind)}
    if not set(mapping) <= set(columns):
        raise InvalidError("There is no such column.", problem="import_column")
    if any(not 0 <= at < len(run.columns) for at in mapping.values()):
        raise InvalidError("The file has no such column.", problem="import_column")
    if len(set(mapping.values())) < len(mapping):
        raise InvalidError(
            "One column of the file is chosen twice. Choose each once.", problem="import_twice"
        )
    if any(one.is_required and one.key not in mapping for one in columns.values()):
        raise InvalidError(
            "A column that is needed is not chosen. Choose it.", problem="import_required"
        )


def forget_file(db: Session, run_id: uuid.UUID) -> None:
    """Delete the file of an import."""
    forget_pieces(db, run_id)
    db.exec(delete(ImportFile).where(col(ImportFile.run_id) == run_id))


def _read_as(sheet: Sheet, kind: str) -> dict[str, Any]:
    mapping = guess(sheet.header, columns_of(kind))
    return {
        "encoding": sheet.encoding,
        "separator": sheet.separator,
        "sheet": sheet.sheet,
        "sheets": list(sheet.sheets),
        "columns": list(sheet.header) if mapping else _numbers(sheet),
        "mapping": mapping,
        "is_cut": sheet.is_cut,
        "total": len(sheet.rows),
    }


def _numbers(sheet: Sheet) -> list[str]:
    """Return what columns are called that may have no names: the first row may be a person."""
    return [str(number) for number in range(1, len(sheet.header) + 1)]


def _remove(db: Session, run: ImportRun, actor: str) -> None:
    _record(db, run, "import.delete", actor)
    forget_jobs(db, [run.id])
    forget_parts(db, run.id)
    forget_file(db, run.id)
    db.exec(delete(ImportRun).where(col(ImportRun.id) == run.id))


def _record(db: Session, run: ImportRun, action: str, actor: str) -> None:
    counts = {_COUNT_NAMES.get(name, name): count for name, count in run.counts.items()}
    details = {"rows_are": run.kind, "file": run.digest, "rows": run.total} | counts
    record(db, actor=actor, action=action, subject=subject_of("import", run.id), details=details)
