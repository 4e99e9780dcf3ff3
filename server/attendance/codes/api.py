"""Status codes and reasons: the JSON API."""

import uuid

from server.attendance.codes import service
from server.attendance.codes.code_list import Code
from server.attendance.codes.schemas import CodeChange, CodeCreate, CodeRead, ReasonList
from server.attendance.codes.tables import StatusCode
from server.attendance.codes.words import CodeWords
from server.db.dependencies import DBDep, ReadDBDep
from server.web.access import AdminDep, SignedInDep
from server.web.routes import GuardedRouter
from server.web.translations import translator

router = GuardedRouter(prefix="/api/v1/status-codes", tags=["attendance"])


@router.get("")
def list_codes(_: SignedInDep, db: ReadDBDep) -> list[CodeRead]:
    """All codes of the school in its order, retired ones included."""
    return [_read(one) for one in service.codes_of(db).all]


@router.post("", status_code=201)
def create_code(body: CodeCreate, principal: AdminDep, db: DBDep) -> CodeRead:
    """Add a code."""
    return _read(service.create_code(db, body, actor=principal.actor))


@router.get("/reasons")
def list_reasons(_: SignedInDep, db: ReadDBDep) -> ReasonList:
    """The reasons that the school entered; none where it offers the usual ones."""
    return ReasonList(reasons=service.reasons_of(db))


@router.put("/reasons")
def set_reasons(body: ReasonList, principal: AdminDep, db: DBDep) -> ReasonList:
    """Replace the reasons that are offered."""
    service.set_reasons(db, body.reasons, actor=principal.actor)
    return ReasonList(reasons=service.reasons_of(db))


@router.patch("/{code_id}")
def change_code(code_id: uuid.UUID, body: CodeChange, principal: AdminDep, db: DBDep) -> CodeRead:
    """Change a code; its category and flags only while no register uses it."""
    return _read(service.change_code(db, code_id, body, actor=principal.actor))


@router.post("/{code_id}/retire")
def retire_code(code_id: uuid.UUID, principal: AdminDep, db: DBDep) -> CodeRead:
    """Take a code out of use; registers keep it."""
    return _read(service.retire_code(db, code_id, is_retired=True, actor=principal.actor))


@router.post("/{code_id}/restore")
def restore_code(code_id: uuid.UUID, principal: AdminDep, db: DBDep) -> CodeRead:
    """Offer a retired code again."""
    return _read(service.retire_code(db, code_id, is_retired=False, actor=principal.actor))


def _read(code: Code | StatusCode) -> CodeRead:
    words = CodeWords(translator("en"))
    return CodeRead(
        id=code.id,
        name=words.name(code),
        letter=words.letter(code),
        category=code.category,
        is_attended=code.is_attended,
        needs_reason=code.needs_reason,
        colour=code.colour,
        statutory_code=code.statutory_code,
        position=code.position,
        is_default=code.is_default,
        is_fixed=code.is_default or code.used_at is not None,
        retired_at=code.retired_at,
    )
