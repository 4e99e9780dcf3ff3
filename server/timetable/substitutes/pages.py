"""The page that names the substitute of a lesson."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.errors import ServerError
from server.timetable.forms import Text
from server.timetable.lessons import DoubleBookingError
from server.timetable.service import lesson_view
from server.timetable.substitutes import service
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.strict import StrictInput

router = GuardedRouter(include_in_schema=False, prefix="/lessons/{lesson_id}/substitute")


class SubstituteForm(StrictInput):
    """The teacher; empty: the course's own."""

    account_id: Text = ""
    allow_double: Text = ""


@router.get("")
def substitute_page(
    request: Request, lesson_id: uuid.UUID, _: OfficeDep, db: ReadDBDep
) -> Response:
    """The form with who teaches the lesson."""
    account_id = service.substitute_of(db, lesson_id)
    return _form(request, db, lesson_id, SubstituteForm(account_id=str(account_id or "")))


@router.post("")
def set_substitute(
    request: Request,
    lesson_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[SubstituteForm, Form()],
) -> Response:
    """Name the substitute, or give the lesson back to the course's teachers."""
    try:
        with db.begin_nested():
            _save(db, lesson_id, form, principal.actor)
    except (ServerError, ValueError) as exc:
        return _form(request, db, lesson_id, form, exc)
    return see_other(f"/lessons/{lesson_id}")


def _save(db: Session, lesson_id: uuid.UUID, form: SubstituteForm, actor: str) -> None:
    if not form.account_id:
        service.remove_substitute(db, lesson_id, actor=actor)
        return
    service.set_substitute(
        db,
        lesson_id,
        uuid.UUID(form.account_id),
        actor=actor,
        allow_double=bool(form.allow_double),
    )


def _form(
    request: Request,
    db: Session,
    lesson_id: uuid.UUID,
    form: SubstituteForm,
    exc: Exception | None = None,
) -> Response:
    t = request_translator(request)
    nobody = ("", t("timetable.own_teachers"))
    context = {
        "view": lesson_view(db, lesson_id),
        "form": form,
        "teachers": [nobody, *((str(one.id), one.display_name) for one in service.teachers(db))],
        "asks_about_double": isinstance(exc, DoubleBookingError),
        "problem": problem_text(t, exc),
    }
    return render(request, "timetable/substitute.html", context, status_code=400 if exc else 200)
