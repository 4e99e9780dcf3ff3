"""Files with a line of a register: pages."""

import uuid
from typing import Annotated

from fastapi import File, Request, UploadFile
from starlette.responses import Response

from server.attendance import service
from server.attendance.access import RegisterDep, refuse_foreign_course
from server.attendance.attached_file import read_attached
from server.attendance.decisions import attachments
from server.attendance.file_views import alone_context
from server.attendance.pages import LineDep, LineKey, line_context
from server.db.dependencies import DatabaseDep, DBDep
from server.db.types import now
from server.documents.downloads import download
from server.errors import ConflictError, InvalidError, TooLargeError, UnsupportedMediaError
from server.line_files.service import LineAddress
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import PHOTO_BODY, GuardedRouter
from server.web.state import SettingsDep, VaultDep, get_settings

router = GuardedRouter(
    prefix="/lessons/{lesson_id}/people/{person_id}/attachments", include_in_schema=False
)


@router.post("", dependencies=[PHOTO_BODY])
def add_attachment(
    request: Request,
    place: LineDep,
    file: Annotated[UploadFile, File()],
    principal: RegisterDep,
    database: DatabaseDep,
    vault: VaultDep,
) -> Response:
    """Add a file, or say what is wrong with it."""
    settings = get_settings(request)
    try:
        checked = read_attached(database, place.lesson_id, file.file, principal, settings)
        with database.transaction() as db:
            refuse_foreign_course(db, place.lesson_id, principal, settings)
            attachments.attach(db, vault, _address(place), checked, principal=principal)
    except (ConflictError, InvalidError, TooLargeError, UnsupportedMediaError) as exc:
        t = request_translator(request)
        with database.reading() as db:
            context = line_context(db, place, t) | {"file_problem": problem_text(t, exc)}
            return render(request, "attendance/line.html", context, status_code=400)
    return _back(place)


@router.get("/{attachment_id}")
def open_attachment(
    place: LineDep,
    attachment_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    vault: VaultDep,
    settings: SettingsDep,
) -> Response:
    """The file itself, as a download; the audit trail names who opened it."""
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    found = attachments.open_file(db, vault, _address(place), attachment_id, principal=principal)
    return download(*found)


@router.post("/{attachment_id}/delete")
def delete_attachment(
    place: LineDep,
    attachment_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> Response:
    """Delete a file."""
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    attachments.delete_file(db, _address(place), attachment_id, principal=principal)
    register = service.register_of(db, place.lesson_id, at=now())
    has_line = any(line.person.id == place.person_id for line in register.lines)
    if not has_line and alone_context(db, register, place.person_id, principal) is None:
        return see_other(f"/lessons/{place.lesson_id}")  # the page of the files is gone
    return _back(place)


def _address(place: LineKey) -> LineAddress:
    return LineAddress(place.lesson_id, place.person_id)


def _back(place: LineKey) -> Response:
    return see_other(f"/lessons/{place.lesson_id}/people/{place.person_id}#files")
