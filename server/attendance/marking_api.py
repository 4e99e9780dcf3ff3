"""Decide about registers over the API: correct, undo, remark, confirm."""

import uuid

from sqlmodel import Session

from server.accounts.tables import Account
from server.attendance.access import RegisterDep, refuse_foreign_course
from server.attendance.decisions import confirmations, corrections, remarks
from server.attendance.decisions.corrections import Word
from server.attendance.schemas import (
    BulkCorrectionCreate,
    ConfirmationCreate,
    ConfirmationRead,
    CorrectionBatchRead,
    CorrectionCreate,
    CorrectionRead,
    RemarkCreate,
    RemarkRead,
    WordCreate,
)
from server.attendance.tables import Correction, CorrectionBatch
from server.db.dependencies import DBDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1/lessons/{lesson_id}", tags=["attendance"])


@router.post("/corrections", status_code=201)
def correct(
    lesson_id: uuid.UUID,
    body: CorrectionCreate,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> CorrectionRead:
    """Say what a person's status is; what the kiosks said stays on record."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    row = corrections.correct(
        db,
        lesson_id,
        person_id=body.person_id,
        word=_word(db, body),
        made_by=principal.account_id,
        seen=body.seen,
    )
    return _read(row)


@router.delete("/corrections/{person_id}")
def take_back(
    lesson_id: uuid.UUID,
    person_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> CorrectionRead:
    """Let what the kiosks saw count again; corrections stay on record."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    row = corrections.correct(
        db, lesson_id, person_id=person_id, word=Word(None), made_by=principal.account_id
    )
    return _read(row)


@router.post("/corrections/bulk", status_code=201)
def correct_many(
    lesson_id: uuid.UUID,
    body: BulkCorrectionCreate,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> CorrectionBatchRead:
    """Set one code with one reason on several lines: on all of them, or on none."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    batch = corrections.correct_many(
        db,
        lesson_id,
        seen={one.person_id: one.seen for one in body.lines},
        word=_word(db, body),
        made_by=principal.account_id,
    )
    return _batch_read(batch)


@router.post("/corrections/everyone-left", status_code=201)
def correct_everyone_left(
    lesson_id: uuid.UUID,
    body: WordCreate,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> CorrectionBatchRead:
    """Set one code on every line that nobody decided about and nothing was seen of."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    batch = corrections.correct_everyone_left(
        db, lesson_id, word=_word(db, body), made_by=principal.account_id
    )
    return _batch_read(batch)


@router.post("/corrections/{batch_id}/undo", status_code=201)
def undo(
    lesson_id: uuid.UUID,
    batch_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> CorrectionBatchRead:
    """Undo an action over several lines; lines that were changed since stay as they are."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    return _batch_read(corrections.undo(db, lesson_id, batch_id, made_by=principal.account_id))


@router.put("/remarks/{person_id}")
def remark(
    lesson_id: uuid.UUID,
    person_id: uuid.UUID,
    body: RemarkCreate,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> RemarkRead:
    """Write a remark about a line; an empty one takes it away."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    row = remarks.set_remark(
        db, lesson_id, person_id=person_id, text=body.text, made_by=principal.account_id
    )
    return RemarkRead(
        person_id=row.person_id, text=row.text, made_by=row.made_by, made_at=row.made_at
    )


@router.post("/confirmation", status_code=201)
def confirm(
    lesson_id: uuid.UUID,
    body: ConfirmationCreate,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
) -> ConfirmationRead:
    """Confirm a register: students who were not seen become absent without excuse.

    Where the newest confirmation says the same, it is returned and nothing is written.
    """
    refuse_foreign_course(db, lesson_id, principal, settings)
    row = confirmations.confirm(db, lesson_id, named=body.not_seen, made_by=principal.account_id)
    by = db.get_one(Account, row.made_by).display_name
    return ConfirmationRead(made_by=by, made_at=row.made_at, changed=[])


def _word(db: Session, body: WordCreate) -> Word:
    if body.status is not None:
        return corrections.word_of(db, body.status, body.reason)
    return Word(body.code_id, body.reason)


def _read(row: Correction) -> CorrectionRead:
    return CorrectionRead(
        id=row.id,
        person_id=row.person_id,
        status=row.status,
        code_id=row.code_id,
        reason=row.reason,
        minutes_late=row.minutes_late,
        made_by=row.made_by,
        made_at=row.made_at,
    )


def _batch_read(row: CorrectionBatch) -> CorrectionBatchRead:
    return CorrectionBatchRead(
        id=row.id,
        code_id=row.code_id,
        undoes_id=row.undoes_id,
        lines=row.lines,
        made_by=row.made_by,
        made_at=row.made_at,
    )
