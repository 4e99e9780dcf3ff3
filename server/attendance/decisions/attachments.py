"""Add files to lines of registers, open and delete them; the audit trail names each of it."""

import uuid

from sqlmodel import Session

from server.attendance.decisions.corrections import locked_register
from server.audit.service import record
from server.db.types import now
from server.db.vault import Vault
from server.documents.checks import CheckedFile, DocumentKind
from server.errors import ConflictError, InvalidError
from server.line_files import service as line_files
from server.line_files.service import LineAddress
from server.line_files.tables import LineFile
from server.people.service import get_person
from server.web.principal import Principal


def attach(
    db: Session, vault: Vault, line: LineAddress, file: CheckedFile, *, principal: Principal
) -> LineFile:
    """Add a file to a line.

    Raises:
        NotFoundError: there is no such lesson.
        InvalidError: the person is not due in it.
        ConflictError: it is cancelled, it ended so long ago that its files are deleted, the
            person's data was erased, or the line has as many files as it may have.
    """
    register = locked_register(db, line.lesson_id, [line.person_id])
    if all(one.person.id != line.person_id for one in register.lines):
        raise InvalidError("This person is not on the roster of the lesson.", problem="not_due")
    at = now()
    if line_files.is_too_late(register.view.lesson.ends_at, at):
        raise ConflictError(
            "The lesson ended over a year ago. Its files are no longer kept.",
            problem="line_files_over",
        )
    row = line_files.keep(db, vault, line, file, by=principal.account_id, at=at)
    _record(db, "attendance.attach", line, row.id, principal)
    return row


def open_file(
    db: Session, vault: Vault, line: LineAddress, file_id: uuid.UUID, *, principal: Principal
) -> tuple[DocumentKind, bytes]:
    """Decrypt a file for an account that may open it.

    Raises:
        NotFoundError: the line has no such file.
        ForbiddenError: another person added it, and the account is not the office's.
        SealBrokenError: the key is missing, or the row was altered.
    """
    found = line_files.content_of(line_files.file_for(db, line, file_id, principal), vault)
    _record(db, "attendance.view_file", line, file_id, principal)
    return found


def delete_file(
    db: Session, line: LineAddress, file_id: uuid.UUID, *, principal: Principal
) -> None:
    """Delete a file.

    Raises:
        NotFoundError: the line has no such file.
        ForbiddenError: another person added it, and the account is not the office's.
    """
    get_person(db, line.person_id, lock=True)
    db.delete(line_files.file_for(db, line, file_id, principal, lock=True))
    db.flush()
    _record(db, "attendance.delete_file", line, file_id, principal)


def _record(
    db: Session, action: str, line: LineAddress, file_id: uuid.UUID, principal: Principal
) -> None:
    record(
        db,
        actor=principal.actor,
        action=action,
        subject=f"lesson:{line.lesson_id}",
        details={"person": str(line.person_id), "attachment": str(file_id)},
    )
