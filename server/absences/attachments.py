"""Files with an absence: kept encrypted, shown to the office, and deleted in time."""

import uuid
from datetime import datetime
from typing import NamedTuple

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session, col, func, select

from server.absences.service import record_absence, report_of
from server.absences.tables import AbsenceAttachment
from server.db.prepared import Prepared, table_of
from server.db.vault import Sealed, Vault
from server.documents.checks import CheckedFile, DocumentKind
from server.errors import ConflictError, NotFoundError
from server.people import service as people

PURPOSE = "absence-attachment"
MOST_FILES = 10
_table = table_of(AbsenceAttachment)


class AttachmentRow(NamedTuple):
    """What is known of a file without opening it; see `AbsenceAttachment`."""

    id: uuid.UUID
    kind: str
    size_bytes: int
    added_by: str
    added_at: datetime


_ROWS = Prepared(
    sqlalchemy.select(*(_table.c[name] for name in AttachmentRow._fields))
    .where(_table.c.report_id == bindparam("absence"))
    .order_by(_table.c.added_at, _table.c.id)
)


def attach(
    db: Session,
    vault: Vault,
    absence_id: uuid.UUID,
    file: CheckedFile,
    *,
    actor: str,
    at: datetime,
) -> AbsenceAttachment:
    """Add a file to an absence.

    Raises:
        NotFoundError: no such absence.
        ConflictError: the person's data was erased, or the absence has `MOST_FILES` files.
    """
    report = report_of(db, absence_id)
    people.refuse_erased(people.get_person(db, report.person_id, lock=True))
    if len(attachments_of(db, absence_id)) >= MOST_FILES:
        raise ConflictError(
            f"An absence has at most {MOST_FILES} files.", problem="files_full", most=MOST_FILES
        )
    key = uuid.uuid4()
    sealed = vault.seal(file.content, purpose=PURPOSE, context=str(key))
    row = AbsenceAttachment(
        id=key,
        report_id=absence_id,
        kind=file.kind,
        size_bytes=len(file.content),
        key_id=sealed.key_id,
        data=sealed.data,
        added_by=actor,
        added_at=at,
    )
    db.add(row)
    db.flush()
    details = {"attachment": str(key)}
    record_absence(db, report, action="absence.attach", actor=actor, details=details)
    return row


def attachments_of(db: Session, absence_id: uuid.UUID) -> list[AttachmentRow]:
    """Return the files of an absence in the order in which they were added, without content."""
    return [AttachmentRow(*row) for row in _ROWS.rows(db, absence=absence_id)]


def open_attachment(
    db: Session, vault: Vault, absence_id: uuid.UUID, attachment_id: uuid.UUID, *, actor: str
) -> tuple[DocumentKind, bytes]:
    """Decrypt a file for an account; the audit trail names it.

    Raises:
        NotFoundError: the absence has no such file.
        SealBrokenError: the key is missing, or the row was altered.
    """
    row = _attachment(db, absence_id, attachment_id)
    content = vault.open(Sealed(row.key_id, row.data), purpose=PURPOSE, context=str(row.id))
    report, details = report_of(db, absence_id), {"attachment": str(attachment_id)}
    record_absence(db, report, action="absence.view_file", actor=actor, details=details)
    return DocumentKind(row.kind), content


def delete_attachment(
    db: Session, absence_id: uuid.UUID, attachment_id: uuid.UUID, *, actor: str
) -> None:
    """Delete a file.

    Raises:
        NotFoundError: the absence has no such file.
    """
    report, details = report_of(db, absence_id), {"attachment": str(attachment_id)}
    people.get_person(db, report.person_id, lock=True)
    db.delete(_attachment(db, absence_id, attachment_id, lock=True))
    db.flush()
    record_absence(db, report, action="absence.delete_file", actor=actor, details=details)


def counts_by_key(db: Session) -> dict[str, int]:
    """Return how many files each key encrypted."""
    query = select(AbsenceAttachment.key_id, func.count()).group_by(col(AbsenceAttachment.key_id))
    return dict(db.exec(query).all())


def _attachment(
    db: Session, absence_id: uuid.UUID, attachment_id: uuid.UUID, *, lock: bool = False
) -> AbsenceAttachment:
    row = db.get(AbsenceAttachment, attachment_id, with_for_update=lock or None)
    if row is None or row.report_id != absence_id:
        raise NotFoundError("There is no such file.", problem="no_file")
    return row
