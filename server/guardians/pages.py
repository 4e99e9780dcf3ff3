"""The page of a person's guardians, with the forms that add, change and remove one."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep
from server.errors import ConflictError
from server.guardians import service
from server.guardians.schemas import GuardianCreate, GuardianForm
from server.guardians.tables import GuardianRelation
from server.guardians.words import problem_of
from server.people.service import get_person, refuse_erased
from server.people.words import problem_words
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal
from server.web.routes import GuardedRouter

router = GuardedRouter(include_in_schema=False)
_Form = Annotated[GuardianForm, Form()]
_ADDED = GuardianForm(relation=GuardianRelation.GUARDIAN)


@router.get("/people/{person_id}/guardians")
def guardians_page(
    request: Request, person_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """Show a person's guardians, and record in the audit trail who viewed them."""
    return _page(request, db, person_id, principal)


@router.post("/people/{person_id}/guardians")
def add_guardian(
    request: Request, person_id: uuid.UUID, principal: OfficeDep, db: DBDep, form: _Form
) -> Response:
    """Add a guardian, or show the form again with what is wrong."""
    try:
        new = GuardianCreate.model_validate(form.model_dump())
        with db.begin_nested():
            service.add_guardian(db, person_id, new, actor=principal.actor)
    except (ValidationError, ConflictError) as exc:
        return _page(request, db, person_id, principal, sent=(None, form, exc))
    return see_other(f"/people/{person_id}/guardians")


@router.post("/people/{person_id}/guardians/{guardian_id}")
def change_guardian(
    request: Request,
    person_id: uuid.UUID,
    guardian_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: _Form,
) -> Response:
    """Change a guardian, or show the form again with what is wrong."""
    try:
        changes = GuardianCreate.model_validate(form.model_dump()).model_dump(mode="json")
        with db.begin_nested():
            service.change_guardian(db, person_id, guardian_id, changes, actor=principal.actor)
    except (ValidationError, ConflictError) as exc:
        return _page(request, db, person_id, principal, sent=(guardian_id, form, exc))
    return see_other(f"/people/{person_id}/guardians")


@router.post("/people/{person_id}/guardians/{guardian_id}/remove")
def remove_guardian(
    person_id: uuid.UUID, guardian_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """Delete a guardian."""
    service.remove_guardian(db, person_id, guardian_id, actor=principal.actor)
    return see_other(f"/people/{person_id}/guardians")


def _page(
    request: Request,
    db: Session,
    person_id: uuid.UUID,
    principal: Principal,
    *,
    sent: tuple[uuid.UUID | None, GuardianForm, ValidationError | ConflictError] | None = None,
) -> Response:
    """Show the page; a form that was refused is open, with what is wrong with it."""
    t = request_translator(request)
    person = get_person(db, person_id)
    refuse_erased(person)
    sent_id, form, exc = sent or (None, _ADDED, None)
    context = {
        "person": person,
        "most": service.MOST_GUARDIANS,
        "relations": [(str(one), t(f"guardians.relation.{one}")) for one in GuardianRelation],
        "added": form if sent_id is None else _ADDED,
        "is_adding": sent is not None and sent_id is None,
        "sent": form,
        "sent_id": sent_id,
        "problem": problem_of(t, exc),
        "problem_words": problem_words(t, _fields(exc)),
        # It locks the audit trail: last.
        "guardians": service.view_guardians(db, person_id, actor=principal.actor),
    }
    return render(request, "guardians/guardians.html", context, status_code=400 if exc else 200)


def _fields(exc: ValidationError | ConflictError | None) -> dict[str, str]:
    if not isinstance(exc, ValidationError):
        return {}
    return {str(one["loc"][0]): one["type"] for one in exc.errors(include_input=False)}
