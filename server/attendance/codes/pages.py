"""Pages of the school's status codes: the list, adding, changing and retiring one; reasons."""

import uuid
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.attendance.codes import service
from server.attendance.codes.code_list import Code
from server.attendance.codes.forms import ReasonsForm, StatusCodeForm
from server.attendance.codes.palette import TONES
from server.attendance.codes.words import CodeWords
from server.attendance.register import CORRECTABLE
from server.db.dependencies import DBDep, ReadDBDep
from server.errors import NotFoundError, ServerError
from server.web.access import AdminDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/status-codes", include_in_schema=False)


@router.get("")
def codes_page(request: Request, _: AdminDep, db: ReadDBDep) -> Response:
    """Every code in the school's order, and the reasons that are offered."""
    return _list(request, db, {})


@router.get("/new")
def new_code_page(request: Request, _: AdminDep) -> Response:
    """The form for a code of the school's own."""
    return _form(request, StatusCodeForm(position="9"), None, None)


@router.post("/new")
def create_code(
    request: Request, principal: AdminDep, db: DBDep, form: Annotated[StatusCodeForm, Form()]
) -> Response:
    """Add the code."""
    exc = _refused(db, lambda: service.create_code(db, form.created(), actor=principal.actor))
    return _form(request, form, None, exc) if exc else see_other("/status-codes")


@router.post("/reasons")
def set_reasons(
    request: Request, principal: AdminDep, db: DBDep, form: Annotated[ReasonsForm, Form()]
) -> Response:
    """Replace the reasons that are offered."""
    exc = _refused(
        db, lambda: service.set_reasons(db, form.listed().reasons, actor=principal.actor)
    )
    if exc is None:
        return see_other("/status-codes#reasons")
    problem = problem_text(request_translator(request), exc, invalid="reasons")
    return _list(request, db, {"reasons": form.reasons, "problem": problem})


@router.get("/{code_id}")
def code_page(request: Request, code_id: uuid.UUID, _: AdminDep, db: ReadDBDep) -> Response:
    """The form with what the code is."""
    code = _code(db, code_id)
    return _form(request, StatusCodeForm.of(code), code, None)


@router.post("/{code_id}")
def change_code(
    request: Request,
    code_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    form: Annotated[StatusCodeForm, Form()],
) -> Response:
    """Change the code; what registers rest on stays."""
    code = _code(db, code_id)
    exc = _refused(
        db,
        lambda: service.change_code(db, code_id, form.changed(code), actor=principal.actor),
    )
    return _form(request, form, code, exc) if exc else see_other("/status-codes")


@router.post("/{code_id}/retire")
def retire_code(code_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Take the code out of use; registers keep it."""
    service.retire_code(db, code_id, is_retired=True, actor=principal.actor)
    return see_other("/status-codes")


@router.post("/{code_id}/restore")
def restore_code(code_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Offer the code again."""
    service.retire_code(db, code_id, is_retired=False, actor=principal.actor)
    return see_other("/status-codes")


def _refused(db: Session, work: Callable[[], object]) -> Exception | None:
    """Do something; return what was wrong, None where nothing was."""
    try:
        with db.begin_nested():
            work()
    except (ServerError, ValueError) as exc:
        return exc
    return None


def _code(db: Session, code_id: uuid.UUID) -> Code:
    code = service.codes_of(db).get(code_id)
    if code is None:
        raise NotFoundError("There is no such code.", problem="code_missing")
    return code


def _list(request: Request, db: Session, beside: dict[str, Any]) -> Response:
    words = CodeWords(request_translator(request))
    context = {
        "codes": [(one, words.look(one), words.letter(one)) for one in service.codes_of(db).all],
        "reasons": "\n".join(service.reasons_of(db)),
        "problem": "",
    } | beside
    status = 400 if context["problem"] else 200
    return render(request, "attendance/codes.html", context, status_code=status)


def _form(
    request: Request, form: StatusCodeForm, code: Code | None, exc: Exception | None
) -> Response:
    t = request_translator(request)
    context = {
        "form": form,
        "code": code,
        "code_name": CodeWords(t).name(code) if code else "",
        "categories": [(one.value, t(f"attendance.status.{one}")) for one in CORRECTABLE],
        "colours": [(one.value, t(f"codes.colour.{one}"), tone) for one, tone in TONES.items()],
        "problem": problem_text(t, exc, invalid="code_fields"),
    }
    status = 400 if exc else 200
    return render(request, "attendance/code.html", context, status_code=status)
