"""Files with a line of a register: the JSON API."""

import uuid
from typing import Annotated

from fastapi import Depends
from starlette.responses import Response

from server.attendance.access import RegisterDep, refuse_foreign_course
from server.attendance.attached_file import CheckedFileDep
from server.attendance.decisions import attachments
from server.db.dependencies import DBDep, ReadDBDep
from server.documents.downloads import download
from server.line_files.schemas import LineFileRead
from server.line_files.service import LineAddress, LineFileRow, files_of, may_open
from server.line_files.tables import LineFile
from server.web.principal import Principal
from server.web.routes import PHOTO_BODY, GuardedRouter
from server.web.state import SettingsDep, VaultDep

router = GuardedRouter(
    prefix="/api/v1/lessons/{lesson_id}/people/{person_id}/attachments", tags=["attendance"]
)


def _line(lesson_id: uuid.UUID, person_id: uuid.UUID) -> LineAddress:
    return LineAddress(lesson_id, person_id)


LineAddressDep = Annotated[LineAddress, Depends(_line)]


@router.get("")
def list_attachments(
    line: LineAddressDep, principal: RegisterDep, db: ReadDBDep, settings: SettingsDep
) -> list[LineFileRead]:
    """The files of a line, without their content."""
    refuse_foreign_course(db, line.lesson_id, principal, settings)
    return [_read(one, principal) for one in files_of(db, line)]


@router.post("", status_code=201, dependencies=[PHOTO_BODY])
def add_attachment(
    line: LineAddressDep,
    checked: CheckedFileDep,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    vault: VaultDep,
) -> LineFileRead:
    """Add a file. It is checked by its content, and refused where a reader might run a part."""
    refuse_foreign_course(db, line.lesson_id, principal, settings)
    row = attachments.attach(db, vault, line, checked, principal=principal)
    return _read(row, principal)


@router.get("/{attachment_id}", response_class=Response)
def read_attachment(
    line: LineAddressDep,
    attachment_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    vault: VaultDep,
) -> Response:
    """The file itself, as a download, for who added it and the office; the audit trail names it."""
    refuse_foreign_course(db, line.lesson_id, principal, settings)
    kind, content = attachments.open_file(db, vault, line, attachment_id, principal=principal)
    return download(kind, content)


@router.delete("/{attachment_id}", status_code=204)
def delete_attachment(
    line: LineAddressDep,
    attachment_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> None:
    """Delete a file that the account added; the office deletes any."""
    refuse_foreign_course(db, line.lesson_id, principal, settings)
    attachments.delete_file(db, line, attachment_id, principal=principal)


def _read(row: LineFile | LineFileRow, principal: Principal) -> LineFileRead:
    return LineFileRead(
        id=row.id,
        kind=row.kind,
        size_bytes=row.size_bytes,
        added_by=row.added_by,
        added_at=row.added_at,
        may_open=may_open(row, principal),
    )
