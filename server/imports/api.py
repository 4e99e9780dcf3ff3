"""Imports: the JSON API. Upload a file, check it, read the report, import."""

import uuid
from typing import Annotated

from fastapi import File, Form, UploadFile
from sqlmodel import Session, col
from starlette.responses import Response

from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.db.listing import ListOrder, PartWanted
from server.db.vault import Vault
from server.errors import InvalidError
from server.imports import reports, service, uploads
from server.imports.calendars.entries import CalendarUse
from server.imports.findings import Finding, RowOutcome
from server.imports.kinds import ARCHIVES, Announced, KindName
from server.imports.pieces import PIECE_BYTES
from server.imports.samples import sample_answer
from server.imports.schemas import (
    ArchiveCreate,
    ArchiveRead,
    FindingRead,
    ImportList,
    ImportMapping,
    ImportOptions,
    ImportRead,
    ReportPart,
    ValueChangeRead,
)
from server.imports.sheets import ReadOptions
from server.imports.tables import ImportPart, ImportRun, ImportState
from server.imports.text_files import CERTAIN_ENCODINGS
from server.imports.visible import VISIBLE
from server.imports.words import fix_words, reason_words
from server.web.access import OfficeDep
from server.web.cursors import ListQuery, ListQueryDep
from server.web.routes import FILE_BODY, GuardedRouter
from server.web.state import SettingsDep, VaultDep
from server.web.translations import translator

router = GuardedRouter(prefix="/api/v1/imports", tags=["imports"], dependencies=[VISIBLE])
_LIST = "imports"
#: A place in a report is the number of rows before it.
_PLACE = ListOrder((col(ImportPart.number),), (int,))
ImportedFile = Annotated[
    UploadFile, File(description="CSV, an Excel workbook (.xlsx), or iCalendar (.ics)")
]


@router.post("", status_code=201, dependencies=[FILE_BODY])
def upload(
    kind: Annotated[KindName, Form()],
    file: ImportedFile,
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> ImportRead:
    """Take a file in: encoding, separator and columns are guessed. Nothing is imported yet."""
    name, data = file.filename or "", file.file.read()
    if kind in ARCHIVES:
        archive = Announced(kind, name, len(data))
        return read_import(
            uploads.take_whole(database, vault, archive, data, actor=principal.actor)
        )
    if kind is KindName.CALENDAR:
        given = service.read_calendar_upload(name, data, settings.zone)
    else:
        given = service.read_upload(name, data)
    with database.transaction() as db:
        run = service.take_in(db, vault, kind, given, actor=principal.actor, role=principal.role)
        return read_import(run)


@router.post("/archives", status_code=201)
def announce(body: ArchiveCreate, principal: OfficeDep, db: DBDep) -> ArchiveRead:
    """Begin the upload of a zip that is larger than one request may be; its pieces follow."""
    return _read_archive(uploads.announce(db, body.announced(), actor=principal.actor))


@router.put("/{import_id}/pieces/{number}", dependencies=[FILE_BODY])
def take_piece(
    import_id: uuid.UUID,
    number: int,
    piece: Annotated[UploadFile, File(description="The bytes of the piece")],
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
) -> ArchiveRead:
    """Take the next piece of an archive, from 0. The last one opens the archive."""
    data = piece.file.read(PIECE_BYTES + 1)
    run = uploads.take_piece(database, vault, import_id, number, data, actor=principal.actor)
    return _read_archive(run)


@router.get("")
def list_imports(principal: OfficeDep, db: ReadDBDep, asked: ListQueryDep) -> ImportList:
    """Imports whose reports are still there, newest first."""
    part = service.part(db, principal.role, asked.wanted(_LIST, service.NEWEST_FIRST))
    return ImportList(
        imports=[read_import(run) for (run,) in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


@router.get("/samples/{kind}")
def sample(kind: KindName, _: OfficeDep, use: CalendarUse = CalendarUse.HOLIDAYS) -> Response:
    """A file of a kind that can be imported as it is; of calendars there are two."""
    return sample_answer(translator("en"), kind, use)


@router.get("/{import_id}")
def get_import(import_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> ImportRead:
    """One import, and how far it is."""
    return read_import(service.find(db, import_id))


@router.post("/{import_id}/options")
def read_again(
    import_id: uuid.UUID,
    body: ImportOptions,
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
) -> ImportRead:
    """Read the file with another encoding, separator or sheet; columns are guessed anew."""
    options = ReadOptions(body.encoding, body.separator, body.sheet)
    with database.reading() as db:
        sheet = service.read_again(db, vault, import_id, options)
    with database.transaction() as db:
        return read_import(service.use_sheet(db, import_id, sheet, actor=principal.actor))


@router.post("/{import_id}/check")
def check(
    import_id: uuid.UUID,
    body: ImportMapping,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
) -> ImportRead:
    """Start the dry run: every row is judged, nothing is written."""
    run = service.find(db, import_id)
    mapping = run.mapping if body.columns is None else _numbered(db, vault, run, body.columns)
    run = service.begin_check(db, import_id, mapping, actor=principal.actor, role=principal.role)
    return read_import(run)


@router.post("/{import_id}/start")
def start(import_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> ImportRead:
    """Import the checked file. Wrong rows are left out; each row is judged again."""
    run = service.begin_import(db, import_id, actor=principal.actor, role=principal.role)
    return read_import(run)


@router.post("/{import_id}/cancel")
def cancel(import_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> ImportRead:
    """Stop a check or an import. Rows that were written stay."""
    return read_import(service.cancel(db, import_id, actor=principal.actor))


@router.delete("/{import_id}", status_code=204)
def delete(import_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> None:
    """Delete the file and its report. What was imported stays."""
    service.remove(db, import_id, actor=principal.actor)


@router.get("/{import_id}/report")
def report(
    import_id: uuid.UUID,
    outcome: RowOutcome,
    _: OfficeDep,
    db: ReadDBDep,
    vault: VaultDep,
    asked: ListQueryDep,
) -> ReportPart:
    """The rows of an outcome, in the order of the file."""
    run = service.find(db, import_id)
    return _report_part(db, vault, run, outcome, asked)


def read_import(run: ImportRun) -> ImportRead:
    """Shape an import for an answer."""
    used = set(run.mapping.values())
    return ImportRead(
        id=run.id,
        kind=KindName(run.kind),
        state=ImportState(run.state),
        file_name=run.file_name,
        sha256=run.digest,
        encoding=run.encoding,
        is_encoding_certain=run.encoding in CERTAIN_ENCODINGS,
        separator=run.separator,
        sheet=run.sheet,
        sheets=run.sheets,
        columns=run.columns,
        mapping={key: run.columns[at] for key, at in run.mapping.items()},
        not_used=[name for at, name in enumerate(run.columns) if at not in used],
        is_cut=run.is_cut,
        rows=run.total,
        rows_done=run.position,
        counts={one: run.counts.get(one, 0) for one in RowOutcome},
        problem=run.problem or None,
        created_at=run.created_at,
        finished_at=run.finished_at,
        expires_at=run.expires_at,
    )


def _read_archive(run: ImportRun) -> ArchiveRead:
    shared = read_import(run).model_dump()
    return ArchiveRead(
        **shared,
        size_bytes=run.size_bytes,
        piece_bytes=PIECE_BYTES,
        pieces=uploads.pieces_of(run),
    )


def _numbered(db: Session, vault: Vault, run: ImportRun, columns: dict[str, str]) -> dict[str, int]:
    names = run.columns
    if not set(columns.values()) <= set(names):  # not kept, as the first row may be a person
        names = list(service.preview(db, vault, run, rows=0).header)
    try:
        return {key: names.index(name) for key, name in columns.items()}
    except ValueError as exc:
        raise InvalidError("The file has no such column.", problem="import_column") from exc


def _report_part(
    db: Session, vault: Vault, run: ImportRun, outcome: RowOutcome, asked: ListQuery
) -> ReportPart:
    name = f"import-report:{run.id}:{run.revision}:{outcome}"
    wanted: PartWanted = asked.wanted(name, _PLACE)
    offset = int(wanted.after[0]) if wanted.after else 0
    rows = reports.read_report(db, vault, run.id, outcome, limit=wanted.limit, offset=offset)
    total = reports.sizes(db, run.id).get(outcome, 0)
    end = offset + len(rows)
    return ReportPart(
        findings=[_read_finding(one) for one in rows],
        total=total,
        next_cursor=asked.next_cursor(name, (end,) if rows and end < total else None),
    )


def _read_finding(one: Finding) -> FindingRead:
    english = translator("en")
    return FindingRead(
        row=one.row or None,
        outcome=one.outcome,
        what=one.what or None,
        about=one.about,
        column=one.column or None,
        reason=one.reason or None,
        message=reason_words(english, one) or None,
        fix=fix_words(english, one) or None,
        changes=[
            ValueChangeRead(column=change.column, before=change.before, after=change.after)
            for change in one.changes
        ],
    )
