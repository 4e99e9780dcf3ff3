"""The pages of imports: the list, the form of a file, and one import from columns to result."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import File, Form, Request, UploadFile
from sqlmodel import Session
from starlette.responses import Response

from server.accounts.names import actor_names
from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.db.vault import Vault
from server.errors import ServerError
from server.imports import reports, service, uploads
from server.imports.calendars.entries import CalendarUse
from server.imports.findings import RowOutcome
from server.imports.kinds import (
    ARCHIVES,
    WITHOUT_COLUMNS,
    Announced,
    KindName,
    columns_of,
    kinds_for,
    next_kind,
)
from server.imports.pieces import MOST_ARCHIVE_BYTES
from server.imports.samples import sample_answer
from server.imports.schemas import ImportOptions, MappingForm
from server.imports.sheets import MOST_ROWS, ReadOptions
from server.imports.tables import BUSY, ImportRun, ImportState
from server.imports.text_files import CERTAIN_ENCODINGS, ENCODINGS, SEPARATORS
from server.imports.visible import VISIBLE
from server.imports.words import (
    column_words,
    fix_words,
    reason_words,
    report_file,
    value_words,
    what_words,
)
from server.jobs.tables import JobState
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, Pager, read_page
from server.web.principal import Role
from server.web.problems import problem_text
from server.web.routes import FILE_BODY, GuardedRouter
from server.web.state import VaultDep, get_services, get_settings

router = GuardedRouter(prefix="/imports", include_in_schema=False, dependencies=[VISIBLE])
_PAGE = 50
_REPORT_PAGE = 100
_PREVIEW_ROWS = 5
_MIB = 1024 * 1024
_ARCHIVE_HOURS = uploads.KEPT_ARCHIVE // timedelta(hours=1)
#: States in which the columns can be chosen; an archive waits for its check.
_OPEN = {
    ImportState.UPLOADING,
    ImportState.UPLOADED,
    ImportState.CANCELLED,
    ImportState.FAILED,
}


@dataclass(frozen=True)
class ColumnChoice:
    """A column of Rollcall on the form.

    Attributes:
        key: its name in code.
        chosen: number of the column of the file; None: none.
    """

    key: str
    is_required: bool
    chosen: int | None


@router.get("")
def imports_page(
    request: Request, principal: OfficeDep, db: ReadDBDep, page: PageNumber = 1
) -> Response:
    """List imports, newest first."""
    pager = read_page(
        lambda limit, offset: service.page(db, principal.role, limit=limit, offset=offset),
        page,
        _PAGE,
    )
    names = actor_names(db, {run.created_by for run in pager.rows})
    context = {
        "pager": pager,
        "names": names,
        "days": service.KEPT.days,
        "without_columns": WITHOUT_COLUMNS,
        "hours": _ARCHIVE_HOURS,
    }
    return render(request, "imports/list.html", context)


@router.get("/new")
def new_import_page(request: Request, principal: OfficeDep, kind: str = "") -> Response:
    """The form of a file, and the sample files."""
    return _new(request, kind, principal.role, None)


@router.post("/new", dependencies=[FILE_BODY])
def upload(
    request: Request,
    principal: OfficeDep,
    database: DatabaseDep,
    kind: Annotated[KindName, Form()],
    file: Annotated[UploadFile, File()],
) -> Response:
    """Take the file in, or show the form again with what is wrong."""
    vault, role = get_services(request).vault, principal.role
    name, data, actor = file.filename or "", file.file.read(), principal.actor
    try:
        if kind in ARCHIVES:
            archive = Announced(kind, name, len(data))
            run = uploads.take_whole(database, vault, archive, data, actor=actor)
        else:
            given = _read_upload(request, kind, name, data)
            with database.transaction() as db:
                run = service.take_in(db, vault, kind, given, actor=actor, role=role)
    except ServerError as exc:
        return _new(request, kind, role, exc)
    if kind in WITHOUT_COLUMNS:
        with database.transaction() as db:
            service.begin_check(db, run.id, {}, actor=actor, role=role)
    return see_other(f"/imports/{run.id}")


@router.get("/samples/{kind}")
def sample(
    request: Request, kind: KindName, _: OfficeDep, use: CalendarUse = CalendarUse.HOLIDAYS
) -> Response:
    """A file of a kind that can be imported as it is, with columns in the reader's language."""
    return sample_answer(request_translator(request), kind, use)


@router.get("/{import_id}")
def import_page(
    request: Request,
    import_id: uuid.UUID,
    _: OfficeDep,
    db: ReadDBDep,
    vault: VaultDep,
    show: RowOutcome | None = None,
    page: PageNumber = 1,
) -> Response:
    """One import: columns to choose, progress, report or result, as its state is."""
    run = service.find(db, import_id)
    if run.kind in WITHOUT_COLUMNS and run.state in _OPEN:
        return render(request, "imports/archive.html", {"run": run, "problem": ""})
    if run.state in _OPEN:
        return _columns(request, db, run, None)
    return _progress(request, db, vault, run, show=show, page=page)


@router.get("/{import_id}/columns")
def columns_page(request: Request, import_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """Choose the columns again after a check."""
    run = service.find(db, import_id)
    if run.state in BUSY or run.state == ImportState.DONE or run.kind in WITHOUT_COLUMNS:
        return see_other(f"/imports/{import_id}")
    return _columns(request, db, run, None)


@router.post("/{import_id}/columns")
def check(
    request: Request,
    import_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[MappingForm, Form()],
) -> Response:
    """Start the dry run, or show the form again with what is wrong."""
    try:
        with db.begin_nested():
            service.begin_check(
                db,
                import_id,
                form.mapping(),
                actor=principal.actor,
                role=principal.role,
            )
    except (ServerError, ValueError) as exc:
        run = service.find(db, import_id)
        if run.kind in WITHOUT_COLUMNS:
            context = {"run": run, "problem": problem_text(request_translator(request), exc)}
            return render(request, "imports/archive.html", context, status_code=400)
        return _columns(request, db, service.find(db, import_id), exc)
    return see_other(f"/imports/{import_id}")


@router.post("/{import_id}/options")
def read_again(
    request: Request,
    import_id: uuid.UUID,
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
    form: Annotated[ImportOptions, Form()],
) -> Response:
    """Read the file another way, or say why that does not work."""
    separator = "\t" if form.separator == "tab" else form.separator
    options = ReadOptions(form.encoding, separator, form.sheet)
    try:
        with database.reading() as db:
            sheet = service.read_again(db, vault, import_id, options)
        with database.transaction() as db:
            service.use_sheet(db, import_id, sheet, actor=principal.actor)
    except ServerError as exc:
        with database.reading() as db:
            return _columns(request, db, service.find(db, import_id), exc)
    return see_other(f"/imports/{import_id}")


@router.post("/{import_id}/start")
def start(import_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> Response:
    """Import the checked file."""
    service.begin_import(db, import_id, actor=principal.actor, role=principal.role)
    return see_other(f"/imports/{import_id}")


@router.post("/{import_id}/cancel")
def cancel(import_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> Response:
    """Stop the check or the import."""
    service.cancel(db, import_id, actor=principal.actor)
    return see_other(f"/imports/{import_id}")


@router.post("/{import_id}/delete")
def delete(import_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> Response:
    """Delete the file and its report."""
    service.remove(db, import_id, actor=principal.actor)
    return see_other("/imports")


@router.get("/{import_id}/report.csv")
def download(
    request: Request, import_id: uuid.UUID, principal: OfficeDep, db: DBDep, vault: VaultDep
) -> Response:
    """The whole report as CSV; the audit trail names who downloaded it."""
    run = service.find(db, import_id)
    service.note_download(db, run, actor=principal.actor)
    found = report_file(request_translator(request), reports.every_finding(db, vault, run.id))
    headers = {"Content-Disposition": f'attachment; filename="{run.kind}-report.csv"'}
    return Response(found, media_type="text/csv", headers=headers)


def _read_upload(request: Request, kind: KindName, name: str, data: bytes) -> service.Upload:
    if kind is KindName.CALENDAR:
        return service.read_calendar_upload(name, data, get_settings(request).zone)
    return service.read_upload(name, data)


def _new(request: Request, kind: str, role: Role, exc: Exception | None) -> Response:
    problem = problem_text(request_translator(request), exc)
    most_mib = get_settings(request).photo_max_bytes // _MIB
    context = {
        "kinds": kinds_for(role),
        "kind": kind,
        "problem": problem,
        "most_mib": most_mib,
        "most_rows": MOST_ROWS,
        "days": service.KEPT.days,
        "archives": sorted(ARCHIVES),
        "archive_gib": (MOST_ARCHIVE_BYTES + 1) // 1024**3,
        "archive_hours": _ARCHIVE_HOURS,
    }
    return render(request, "imports/new.html", context, status_code=400 if problem else 200)


def _columns(request: Request, db: Session, run: ImportRun, exc: Exception | None) -> Response:
    t = request_translator(request)
    used = set(run.mapping.values())
    problem = problem_text(t, exc, invalid="import_column")
    sheet = service.preview(db, get_services(request).vault, run, rows=_PREVIEW_ROWS)
    context = {
        "run": run,
        "choices": [
            ColumnChoice(one.key, one.is_required, run.mapping.get(one.key))
            for one in columns_of(run.kind)
        ],
        "not_used": [name for at, name in enumerate(sheet.header) if at not in used],
        "sheet": sheet,
        "is_encoding_guessed": run.encoding not in CERTAIN_ENCODINGS,
        "encodings": list(ENCODINGS),
        "separators": ["tab" if one == "\t" else one for one in SEPARATORS],
        "problem": problem,
    }
    return render(request, "imports/columns.html", context, status_code=400 if problem else 200)


def _progress(
    request: Request,
    db: Session,
    vault: Vault,
    run: ImportRun,
    *,
    show: RowOutcome | None,
    page: int,
) -> Response:
    t = request_translator(request)
    used = set(run.mapping.values())
    context: dict[str, Any] = {
        "run": run,
        "is_busy": run.state in BUSY,
        "has_columns": run.kind not in WITHOUT_COLUMNS,
        "has_row_numbers": run.kind not in ARCHIVES,
        "is_encoding_guessed": run.encoding not in CERTAIN_ENCODINGS,
        "is_done": run.state == ImportState.DONE,
        "outcomes": list(RowOutcome),
        "not_used": [name for at, name in enumerate(run.columns) if at not in used],
        "what_words": lambda one: what_words(t, one),
        "column_words": lambda column: column_words(t, column),
        "value_words": lambda column, value: value_words(t, column, value),
        "reason_words": lambda one: reason_words(t, one),
        "fix_words": lambda one: fix_words(t, one),
        "is_stuck": _is_stuck(db, run),
        "next_kind": partial(next_kind, run.kind),
    }
    if run.state not in BUSY:
        shown = show or next(
            (one for one in RowOutcome if run.counts.get(one)), RowOutcome.UNCHANGED
        )
        context |= {"shown": shown, "pager": _report(db, vault, run, shown, page)}
    return render(request, "imports/run.html", context)


def _report(
    db: Session, vault: Vault, run: ImportRun, outcome: RowOutcome, page: int
) -> Pager[Any]:
    total = run.counts.get(outcome, 0)
    return read_page(
        lambda limit, offset: (
            reports.read_report(db, vault, run.id, outcome, limit=limit, offset=offset),
            total,
        ),
        page,
        _REPORT_PAGE,
    )


def _is_stuck(db: Session, run: ImportRun) -> bool:
    """Whether the job of an import failed so often that a person has to look."""
    job = service.job_of(db, run) if run.state in BUSY else None
    return job is not None and job.state == JobState.PARKED
