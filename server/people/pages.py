"""The page on which a person is added. Lists and details are in enrollment.pages."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import Response

from server.db.dependencies import DBDep
from server.errors import ConflictError
from server.people import service
from server.people.schemas import PersonCreate, PersonForm
from server.people.words import problem_words
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other

router = APIRouter(include_in_schema=False)


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
    values = form.model_dump()
    try:
        person = service.create_person(
            db, PersonCreate.model_validate(values), actor=principal.actor
        )
    except ValidationError as exc:
        problems = {str(e["loc"][0]): e["type"] for e in exc.errors(include_input=False)}
        return _form(request, values, problems)
    except ConflictError:
        return _form(request, values, {"student_number": "taken"})
    return see_other(f"/people/{person.id}")


def _form(request: Request, values: dict[str, str], problems: dict[str, str]) -> Response:
    words = problem_words(request_translator(request), problems)
    context = {"values": values, "problem_words": words}
    return render(request, "people/new.html", context, status_code=400 if problems else 200)
