"""Pages of the school's terms: the list, adding, editing and deleting one."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.errors import ServerError
from server.timetable import terms
from server.timetable.forms import TermForm
from server.timetable.planning_words import planning_problem
from server.timetable.schemas import TermCreate
from server.timetable.service import found_or_404
from server.timetable.tables import Term
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_settings

router = GuardedRouter(include_in_schema=False)


@router.get("/terms")
def terms_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """Every term, and the form for another."""
    return _terms(request, db, TermForm())


@router.post("/terms")
def create_term(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[TermForm, Form()]
) -> Response:
    """Add a term. Once there is one, lessons can only be planned inside a term."""
    try:
        body = _term(form)
        with db.begin_nested():
            terms.create_term(
                db,
                name=body.name,
                first_day=body.first_day,
                last_day=body.last_day,
                actor=principal.actor,
            )
    except (ServerError, ValueError) as exc:
        return _terms(request, db, form, exc)
    return see_other("/terms")


@router.get("/terms/{term_id}/edit")
def edit_term_page(request: Request, term_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """The form with what the term is."""
    term = _term_of(db, term_id)
    form = TermForm(
        name=term.name, first_day=term.first_day.isoformat(), last_day=term.last_day.isoformat()
    )
    return _edit(request, term, form)


@router.post("/terms/{term_id}/edit")
def change_term(
    request: Request,
    term_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[TermForm, Form()],
) -> Response:
    """Change the term. Lessons of weekly patterns follow its dates; single lessons stay."""
    term = _term_of(db, term_id)
    try:
        body = _term(form)
        with db.begin_nested():
            terms.change_term(
                db,
                term_id,
                name=body.name,
                days=(body.first_day, body.last_day),
                zone=get_settings(request).zone,
                actor=principal.actor,
            )
    except (ServerError, ValueError) as exc:
        return _edit(request, term, form, exc)
    return see_other("/terms")


@router.get("/terms/{term_id}/delete")
def delete_term_page(request: Request, term_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """Ask before the term is deleted."""
    context = {"term": _term_of(db, term_id), "patterns": terms.count_patterns(db, term_id)}
    return render(request, "timetable/delete_term.html", context)


@router.post("/terms/{term_id}/delete")
def delete_term(
    term_id: uuid.UUID, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> Response:
    """Delete the term with its weekly patterns and their lessons to come."""
    terms.delete_term(db, term_id, zone=settings.zone, actor=principal.actor)
    return see_other("/terms")


def _term(form: TermForm) -> TermCreate:
    first_day, last_day = form.days()
    return TermCreate(name=form.name, first_day=first_day, last_day=last_day)


def _term_of(db: Session, term_id: uuid.UUID) -> Term:
    return found_or_404(db.get(Term, term_id), "term")


def _terms(request: Request, db: Session, form: TermForm, exc: Exception | None = None) -> Response:
    problem = planning_problem(request_translator(request), exc)
    context = {"terms": terms.terms(db), "form": form, "problem": problem}
    return render(request, "timetable/terms.html", context, status_code=400 if exc else 200)


def _edit(request: Request, term: Term, form: TermForm, exc: Exception | None = None) -> Response:
    problem = planning_problem(request_translator(request), exc)
    context = {"term": term, "form": form, "problem": problem}
    return render(request, "timetable/term.html", context, status_code=400 if exc else 200)
