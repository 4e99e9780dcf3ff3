"""The page on which a person is erased for good."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.attendance.erasure import erase_person
from server.attendance.erasure_api import EraserDep
from server.attendance.forms import ErasureForm
from server.attendance.schemas import PersonErase
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.enrollment.photo import school_date
from server.errors import InvalidError
from server.people import service as people
from server.people.folding import comparable_number
from server.web.pages import render, see_other
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(include_in_schema=False)


@router.get("/people/{person_id}/erase")
def erase_page(request: Request, person_id: uuid.UUID, _: EraserDep, db: ReadDBDep) -> Response:
    """Ask for the student number and a reason before everything is erased."""
    return _form(request, db, person_id, ErasureForm(), {})


@router.post("/people/{person_id}/erase")
def erase(
    request: Request,
    person_id: uuid.UUID,
    principal: EraserDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[ErasureForm, Form()],
) -> Response:
    """Erase the person, or show the form again with what is wrong."""
    person = people.get_person(db, person_id)
    if comparable_number(form.student_number) != comparable_number(person.student_number):
        return _form(request, db, person_id, form, {"student_number": "number"})
    try:
        erase_person(
            db,
            person_id,
            reason=PersonErase.model_validate({"reason": form.reason}).reason,
            actor=principal.actor,
            at=now(),
            today=school_date(settings),
        )
    except ValidationError:
        return _form(request, db, person_id, form, {"reason": "reason"})
    except InvalidError:
        return _form(request, db, person_id, form, {"reason": "named"})
    return see_other(f"/people/{person_id}")


def _form(
    request: Request,
    db: Session,
    person_id: uuid.UUID,
    form: ErasureForm,
    problems: dict[str, str],
) -> Response:
    person = people.get_person(db, person_id)
    people.refuse_erased(person)
    context = {"person": person, "values": form, "problems": problems}
    status_code = 400 if problems else 200
    return render(request, "attendance/erase.html", context, status_code=status_code)
