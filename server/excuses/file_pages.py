"""Files with an absence, and the list of usual reasons: pages."""

import uuid
from typing import Annotated

from fastapi import File, Form, Request, UploadFile
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.absences import attachments, service
from server.absences.schemas import AbsenceReasonCreate
from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.db.types import now
from server.documents.downloads import download
from server.errors import ConflictError, ServerError, TooLargeError, UnsupportedMediaError
from server.excuses.attached_file import read_attached
from server.excuses.forms import AbsenceReasonForm
from server.excuses.pages import show_absence
from server.excuses.words import reason_words
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import PHOTO_BODY, GuardedRouter
from server.web.state import VaultDep

router = GuardedRouter(include_in_schema=False)


@router.get("/absences/reasons")
def reasons_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """The school's usual reasons."""
    return _reasons(request, db, AbsenceReasonForm())


@router.post("/absences/reasons")
def add_reason(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[AbsenceReasonForm, Form()]
) -> Response:
    """Add a reason, or show the form again."""
    try:
        words = AbsenceReasonCreate(words=form.words).words
        service.add_reason(db, words, actor=principal.actor, at=now())
    except (ServerError, ValidationError) as exc:
        return _reasons(request, db, form, exc=exc)
    return see_other("/absences/reasons")


@router.post("/absences/reasons/{reason_id}/retire")
def retire_reason(
    request: Request, reason_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """Offer a reason no longer."""
    try:
        service.retire_reason(db, reason_id, actor=principal.actor, at=now())
    except ConflictError as exc:
        return _reasons(request, db, AbsenceReasonForm(), exc=exc)
    return see_other("/absences/reasons")


@router.post("/absences/{absence_id}/attachments", dependencies=[PHOTO_BODY])
def add_attachment(
    request: Request,
    absence_id: uuid.UUID,
    file: Annotated[UploadFile, File()],
    principal: OfficeDep,
    database: DatabaseDep,
    vault: VaultDep,
) -> Response:
    """Add a file, or say what is wrong with it."""
    try:
        checked = read_attached(database, absence_id, file.file)
        with database.transaction() as db:
            attachments.attach(db, vault, absence_id, checked, actor=principal.actor, at=now())
    except (ConflictError, TooLargeError, UnsupportedMediaError) as exc:
        problem = problem_text(request_translator(request), exc)
        with database.reading() as db:
            return show_absence(request, db, absence_id, problem=problem)
    return see_other(f"/absences/{absence_id}#files")


@router.get("/absences/{absence_id}/attachments/{attachment_id}")
def open_attachment(
    absence_id: uuid.UUID,
    attachment_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
) -> Response:
    """The file itself, as a download; the audit trail names who opened it."""
    kind, content = attachments.open_attachment(
        db, vault, absence_id, attachment_id, actor=principal.actor
    )
    return download(kind, content)


@router.post("/absences/{absence_id}/attachments/{attachment_id}/delete")
def delete_attachment(
    absence_id: uuid.UUID, attachment_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """Delete a file."""
    attachments.delete_attachment(db, absence_id, attachment_id, actor=principal.actor)
    return see_other(f"/absences/{absence_id}#files")


def _reasons(
    request: Request, db: Session, form: AbsenceReasonForm, *, exc: Exception | None = None
) -> Response:
    t = request_translator(request)
    rows = [(one, reason_words(t, one)) for one in service.reasons(db, in_use=True)]
    context = {"rows": rows, "form": form, "problem": problem_text(t, exc)}
    return render(request, "excuses/reasons.html", context, status_code=400 if exc else 200)
