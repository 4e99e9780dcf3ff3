"""The pages that add a person and change their names. Lists and details: enrollment.pages."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import ValidationError
from starlette.responses import Response

from server.db.dependencies import DBDep
from server.errors import ConflictError, InvalidError
from server.people import service
from server.people.schemas import FIRST_YEAR, PersonCreate, PersonForm, last_year
from server.people.tables import Person
from server.people.words import problem_words
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.routes import GuardedRouter

router = GuardedRouter(include_in_schema=False)


@router.get("/people/new")
def new_person_page(request: Request, _: OfficeDep) -> Response:
    """The empty form."""
    return _form(request, PersonForm().model_dump(), {})


@router.post("/people/new")
def create_person(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[PersonForm, Form()],
) -> Response:
    """Add the person, or show the form again with what is wrong."""
    try:
        new = PersonCreate.model_validate(form.given())
        person = service.create_person(db, new, actor=principal.actor)
    except (ValidationError, ConflictError) as exc:
        return _form(request, form.model_dump(), _problems(exc))
    return see_other(f"/people/{person.id}")


@router.get("/people/{person_id}/edit")
def edit_person_page(
    request: Request, person_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """The form with the person's names, number and year of birth."""
    person = service.view_person(db, person_id, actor=principal.actor)
    names = service.full_name(person.given_name, person.family_name)
    values = {
        "student_number": person.student_number,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "display_name": "" if person.display_name == names else person.display_name,
        "year_of_birth": str(person.year_of_birth or ""),
    }
    return _form(request, values, {}, person=person)


@router.post("/people/{person_id}/edit")
def edit_person(
    request: Request,
    person_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[PersonForm, Form()],
) -> Response:
    """Change the person, or show the form again with what is wrong."""
    person = service.get_person(db, person_id)
    try:
        new = PersonCreate.model_validate(form.given())
        with db.begin_nested():
            service.change_person(db, person_id, new, actor=principal.actor)
    except (ValidationError, ConflictError, InvalidError) as exc:
        return _form(request, form.model_dump(), _problems(exc), person=person)
    return see_other(f"/people/{person_id}")


def _problems(exc: ValidationError | ConflictError | InvalidError) -> dict[str, str]:
    match exc:
        case ValidationError():
            found = exc.errors(include_input=False)
            # What is wrong with both names together stands at the first.
            return {str(e["loc"][0]) if e["loc"] else "given_name": e["type"] for e in found}
        case ConflictError():
            return {"student_number": "taken"}
        case InvalidError():
            return {"given_name": "erased"}


def _form(
    request: Request,
    values: dict[str, str],
    problems: dict[str, str],
    *,
    person: Person | None = None,
) -> Response:
    words = problem_words(request_translator(request), problems)
    context = {
        "values": values,
        "problem_words": words,
        "person": person,
        "years": (FIRST_YEAR, last_year()),
    }
    return render(request, "people/form.html", context, status_code=400 if problems else 200)
