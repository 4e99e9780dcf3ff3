"""Read, add, change and retire status codes; the reasons that a school offers."""

import uuid
from collections.abc import Sequence

import sqlalchemy
from sqlmodel import Session, col, delete, select

from server.attendance.codes.code_list import Code, CodeList
from server.attendance.codes.schemas import CodeChange, CodeCreate, CodeFields
from server.attendance.codes.tables import StatusCode, StatusReason
from server.audit.service import record
from server.db.prepared import Prepared, table_of
from server.db.types import now
from server.errors import ConflictError, InvalidError, NotFoundError

#: More would fit no menu.
MOST_CODES = 40
_CODES = table_of(StatusCode)
_ALL = Prepared(sqlalchemy.select(*(_CODES.c[name] for name in Code.__dataclass_fields__)))
#: What registers rest on.
_MEANING = ("category", "is_attended", "needs_reason")


def codes_of(db: Session) -> CodeList:
    """Return all codes."""
    return CodeList([Code(*row) for row in _ALL.rows(db)])


def use_code(db: Session, code_id: uuid.UUID) -> StatusCode:
    """Return a code that a register is going to rest on; from now on its meaning is fixed.

    Raises:
        InvalidError: there is no such code, or it is retired.
    """
    code = db.get(StatusCode, code_id)
    if code is not None and code.used_at is None:
        # A change of its meaning at this moment is waited for.
        db.refresh(code, with_for_update=True)
    if code is None or code.retired_at is not None:
        raise InvalidError("This code is not in use. Choose another one.", problem="no_code")
    if code.used_at is None:
        code.used_at = now()
        db.add(code)
    return code


def create_code(db: Session, new: CodeCreate, *, actor: str) -> StatusCode:
    """Add a code.

    Raises:
        ConflictError: its name is taken.
        InvalidError: the school has as many codes as it may have.
    """
    _lock_list(db)
    codes = codes_of(db)
    if len(codes.all) >= MOST_CODES:
        raise InvalidError(
            f"A school has at most {MOST_CODES} codes.", problem="many_codes", most=MOST_CODES
        )
    _refuse_taken(codes.all, new.name, None)
    code = StatusCode(**new.model_dump(mode="json"))
    db.add(code)
    db.flush()
    record(
        db,
        actor=actor,
        action="status_code.create",
        subject=f"status_code:{code.id}",
        details={"category": code.category},
    )
    return code


def change_code(db: Session, code_id: uuid.UUID, change: CodeChange, *, actor: str) -> StatusCode:
    """Change a code; what registers rest on stays once it is used.

    Raises:
        NotFoundError: there is no such code.
        ConflictError: its name is taken, or its meaning is fixed.
        InvalidError: a code of the school's own needs a name and a letter.
    """
    _lock_list(db)
    code = _locked(db, code_id)
    wanted = change.model_dump(mode="json", exclude_unset=True)
    is_fixed = code.is_default or code.used_at is not None
    if is_fixed and any(
        wanted.get(name, getattr(code, name)) != getattr(code, name) for name in _MEANING
    ):
        raise ConflictError(
            "Registers rest on this code, so its meaning stays. Retire it and add another.",
            problem="code_fixed",
        )
    if not code.is_default and not all(wanted.get(one, "x") for one in ("name", "letter")):
        raise InvalidError("This code needs a name and a letter.", problem="code_name")
    _refuse_taken(codes_of(db).all, wanted.get("name", ""), code.id)
    for name, value in wanted.items():
        setattr(code, name, value)
    db.add(code)
    record(
        db,
        actor=actor,
        action="status_code.change",
        subject=f"status_code:{code.id}",
        details={"changed": sorted(wanted)},
    )
    return code


def retire_code(db: Session, code_id: uuid.UUID, *, is_retired: bool, actor: str) -> StatusCode:
    """Take a code out of use, or offer it again; registers keep what they say.

    Raises:
        NotFoundError: there is no such code.
        ConflictError: it is what uncorrected lines show.
    """
    code = _locked(db, code_id)
    if code.is_default:
        raise ConflictError("Registers need this code. You can rename it.", problem="code_default")
    code.retired_at = now() if is_retired else None
    db.add(code)
    action = "status_code.retire" if is_retired else "status_code.restore"
    record(db, actor=actor, action=action, subject=f"status_code:{code.id}")
    return code


def reasons_of(db: Session) -> list[str]:
    """Return the reasons that the school entered, in its order."""
    return list(db.exec(select(StatusReason.text).order_by(col(StatusReason.position))))


def set_reasons(db: Session, reasons: Sequence[str], *, actor: str) -> None:
    """Replace the reasons that the school offers."""
    _lock_list(db)
    db.exec(delete(StatusReason))
    unique = list(dict.fromkeys(reasons))
    db.add_all(StatusReason(position=place, text=text) for place, text in enumerate(unique))
    record(
        db,
        actor=actor,
        action="status_code.set_reasons",
        subject="status_codes",
        details={"count": len(unique)},
    )


def fields_of(code: StatusCode | Code) -> CodeFields:
    """Return what people may enter about a code."""
    return CodeFields.model_validate(code, from_attributes=True)


def _lock_list(db: Session) -> None:
    """Let one transaction at a time change names, reasons, or how many codes there are.

    One of the default codes stands for the list, as these are always there. Registers that refer
    to it do not wait.
    """
    first = select(StatusCode.id).where(col(StatusCode.is_default)).order_by(col(StatusCode.id))
    db.exec(first.limit(1).with_for_update(key_share=True)).all()


def _locked(db: Session, code_id: uuid.UUID) -> StatusCode:
    code = db.get(StatusCode, code_id, with_for_update=True)
    if code is None:
        raise NotFoundError("There is no such code.", problem="code_missing")
    return code


def _refuse_taken(codes: Sequence[Code], name: str, own_id: uuid.UUID | None) -> None:
    is_taken = name and any(
        one.name.casefold() == name.casefold() and one.id != own_id for one in codes
    )
    if is_taken:
        raise ConflictError("A code of this name exists.", problem="code_taken")
