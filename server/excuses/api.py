"""Absences reported in advance, their files and the usual reasons: the JSON API."""

import uuid
from datetime import date
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from server.absences import attachments, service
from server.absences.schemas import (
    AbsenceCreate,
    AbsenceList,
    AbsenceRead,
    AbsenceReasonCreate,
    AbsenceReasonRead,
    AbsenceWithdraw,
    AttachmentRead,
    WithdrawalRead,
)
from server.absences.service import AbsenceFilter
from server.absences.tables import AbsenceReason, AbsenceReport, AbsenceWithdrawal
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.documents.downloads import download
from server.excuses.attached_file import CheckedAbsenceFileDep
from server.excuses.service import report, withdraw
from server.excuses.words import reason_words
from server.web.access import OfficeDep
from server.web.cursors import ListQueryDep
from server.web.pages import request_translator
from server.web.routes import PHOTO_BODY, GuardedRouter
from server.web.state import SettingsDep, VaultDep

_LIST = "absences"
router = GuardedRouter(prefix="/api/v1", tags=["absences"])


def _asked(person_id: uuid.UUID | None = None, since: date | None = None) -> AbsenceFilter:
    return AbsenceFilter(person_id=person_id, since=since)


@router.get("/absences")
def list_absences(
    _: OfficeDep,
    db: ReadDBDep,
    asked: ListQueryDep,
    which: Annotated[AbsenceFilter, Depends(_asked)],
) -> AbsenceList:
    """Absences, those entered last first; of one person, or that end on a day or later."""
    part = service.absence_part(db, which, asked.wanted(_LIST, service.ORDER))
    return AbsenceList(
        absences=[_read(one.report, one.withdrawal) for one in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


@router.post("/absences", status_code=201)
def report_absence(
    body: AbsenceCreate, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> AbsenceRead:
    """Enter an absence. 409 `past_lines` asks what becomes of lessons that are over."""
    row = report(db, body, actor=principal.actor, zone=settings.zone, at=now())
    return _read(row, None)


@router.get("/absences/{absence_id}")
def read_absence(absence_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> AbsenceRead:
    """One absence."""
    found = service.absence_view(db, absence_id)
    return _read(found.report, found.withdrawal)


@router.post("/absences/{absence_id}/withdraw")
def withdraw_absence(
    absence_id: uuid.UUID,
    body: AbsenceWithdraw,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> AbsenceRead:
    """Withdraw an absence. 409 `past_lines` asks what becomes of lessons that are over."""
    made = withdraw(db, absence_id, body, actor=principal.actor, zone=settings.zone, at=now())
    return _read(service.report_of(db, absence_id), made)


@router.get("/absences/{absence_id}/attachments")
def list_attachments(absence_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> list[AttachmentRead]:
    """The files of an absence."""
    service.report_of(db, absence_id)
    return [AttachmentRead(**row._asdict()) for row in attachments.attachments_of(db, absence_id)]


@router.post("/absences/{absence_id}/attachments", status_code=201, dependencies=[PHOTO_BODY])
def add_attachment(
    absence_id: uuid.UUID,
    checked: CheckedAbsenceFileDep,
    principal: OfficeDep,
    db: DBDep,
    vault: VaultDep,
) -> AttachmentRead:
    """Add a file. It is checked by its content, and refused where a reader might run a part."""
    row = attachments.attach(db, vault, absence_id, checked, actor=principal.actor, at=now())
    return AttachmentRead(
        id=row.id,
        kind=row.kind,
        size_bytes=row.size_bytes,
        added_by=row.added_by,
        added_at=row.added_at,
    )


@router.get("/absences/{absence_id}/attachments/{attachment_id}", response_class=Response)
def read_attachment(
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


@router.delete("/absences/{absence_id}/attachments/{attachment_id}", status_code=204)
def delete_attachment(
    absence_id: uuid.UUID, attachment_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> None:
    """Delete a file."""
    attachments.delete_attachment(db, absence_id, attachment_id, actor=principal.actor)


@router.get("/absence-reasons")
def list_reasons(request: Request, _: OfficeDep, db: ReadDBDep) -> list[AbsenceReasonRead]:
    """The school's usual reasons, retired ones included."""
    return [_read_reason(request, row) for row in service.reasons(db)]


@router.post("/absence-reasons", status_code=201)
def add_reason(
    request: Request, body: AbsenceReasonCreate, principal: OfficeDep, db: DBDep
) -> AbsenceReasonRead:
    """Add a reason."""
    row = service.add_reason(db, body.words, actor=principal.actor, at=now())
    return _read_reason(request, row)


@router.post("/absence-reasons/{reason_id}/retire")
def retire_reason(
    request: Request, reason_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> AbsenceReasonRead:
    """Offer a reason no longer; absences that have it keep it."""
    row = service.retire_reason(db, reason_id, actor=principal.actor, at=now())
    return _read_reason(request, row)


def _read(row: AbsenceReport, withdrawal: AbsenceWithdrawal | None) -> AbsenceRead:
    known = row.model_dump(include=set(AbsenceRead.model_fields) - {"withdrawal"})
    taken_back = withdrawal.model_dump(exclude={"report_id"}) if withdrawal else None
    said = WithdrawalRead.model_validate(taken_back) if taken_back else None
    return AbsenceRead(**known, withdrawal=said)


def _read_reason(request: Request, row: AbsenceReason) -> AbsenceReasonRead:
    words = reason_words(request_translator(request), row)
    return AbsenceReasonRead(id=row.id, words=words, retired_at=row.retired_at)
